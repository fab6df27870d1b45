import type { CreatePolicyCommandInput } from '@aws-sdk/client-iam';
import type { JsonObject } from '../src/contract/entity.js';
import { ownershipTagsForCreate } from '../src/engine/ownership.js';
import { KIND_FIXTURES } from '../test/support/kind-fixtures/index.js';
import { allowing, role, tenEntities, trusting } from '../test/support/manifests-of.js';
import { ACCOUNT } from '../test/support/world.js';
import type { BareRole } from './bare.js';

/** Namespace of every manifest here. */
export const NAMESPACE = 'bench';

/** Customer managed policy that every role has attached. It is there before anything is measured. */
export const SHARED_POLICY = 'bench-shared';
export const SHARED_DOCUMENT = JSON.stringify(allowing('s3:GetObject'));

/** Writes that each role takes: itself, its inline policy, its attachment. */
const WRITES_PER_ROLE = 3;

/** An inline policy of a role. */
export interface InlinePolicy {
  readonly RoleName: string;
  readonly PolicyName: string;
  readonly PolicyDocument: string;
}

/** The entities that the contenders declare. */
export interface Workload {
  /** `50 roles`. */
  readonly name: string;
  /** The entities in the form of a manifest. */
  readonly entities: readonly JsonObject[];
  /** The writes that bring them all into an empty account; 0 where no number is promised. */
  readonly writes: number;
  /** The same roles for contenders that read no manifest; empty for other workloads. */
  readonly roles: readonly BareRole[];
  /** The names of declared customer managed policies. */
  readonly policies: readonly string[];
  /** The declared inline policy that the case `one drift` changes by hand. */
  readonly drifting?: InlinePolicy;
}

const TAGS = { team: 'platform' };
const POLICY_ARN = `arn:aws:iam::${ACCOUNT}:policy/${SHARED_POLICY}`;
const STATE = allowing('dynamodb:PutItem');

export function nameOf(index: number): string {
  return `bench-${String(index).padStart(4, '0')}`;
}

/** So many roles, each with an inline policy and an attachment. */
export function rolesOf(count: number): Workload & { readonly drifting: InlinePolicy } {
  const names = Array.from({ length: count }, (_, index) => nameOf(index));
  return {
    name: `${count.toLocaleString('en-US')} roles`,
    entities: names.map(declaredRole),
    writes: WRITES_PER_ROLE * count,
    roles: names.map(bareRole),
    policies: [],
    drifting: { RoleName: nameOf(Math.floor(count / 2)), PolicyName: 'state', PolicyDocument: JSON.stringify(STATE) },
  };
}

/** One entity of every kind, with all that it can have. */
export function mixed(): Workload {
  const entities = Object.entries(KIND_FIXTURES).map(([kind, { full }]): JsonObject => ({ kind, ...full }));
  const { roleName, inlinePolicies } = KIND_FIXTURES['Role']?.full ?? {};
  const [policy] = Object.entries((inlinePolicies ?? {}) as JsonObject);
  if (typeof roleName !== 'string' || policy === undefined) throw new Error('the fixture of Role has no inline policy');
  const [PolicyName, document] = policy;
  return {
    name: `one of each of ${String(entities.length)} kinds`,
    entities,
    writes: 0,
    roles: [],
    policies: [],
    drifting: { RoleName: roleName, PolicyName, PolicyDocument: JSON.stringify(document) },
  };
}

/** Ten entities with references between them. */
export function tenEntitiesOf(): Workload {
  const drifting = { RoleName: 'ten-deploy', PolicyName: 'state', PolicyDocument: JSON.stringify(STATE) };
  return { name: '10 entities', entities: tenEntities(), writes: 0, roles: [], policies: [], drifting };
}

/** So many customer managed policies, each of one write. */
export function policiesOf(count: number): Workload {
  const policies = Array.from({ length: count }, (_, index) => nameOf(index));
  return {
    name: `${count.toLocaleString('en-US')} policies`,
    entities: policies.map((policyName) => ({ kind: 'Policy', policyName, policyDocument: STATE, tags: TAGS })),
    writes: count,
    roles: [],
    policies,
  };
}

/** A policy as an apply leaves it. */
export function ownedPolicy(PolicyName: string): CreatePolicyCommandInput {
  return { PolicyName, PolicyDocument: JSON.stringify(STATE), Tags: tagsOf({ ...TAGS, ...ownershipTags() }) };
}

/** Description and duration are there because they make the bulk read dearer. */
function declaredRole(name: string): JsonObject {
  return role(name, {
    description: 'measured',
    maxSessionDuration: 7200,
    inlinePolicies: { state: STATE },
    managedPolicyArns: [POLICY_ARN],
    tags: TAGS,
  });
}

function bareRole(RoleName: string): BareRole {
  return {
    RoleName,
    Description: 'measured',
    MaxSessionDuration: 7200,
    AssumeRolePolicyDocument: JSON.stringify(trusting()),
    Tags: TAGS,
    inline: { PolicyName: 'state', PolicyDocument: JSON.stringify(STATE) },
    PolicyArn: POLICY_ARN,
  };
}

/** The same roles with the tags that an apply leaves, so that the next apply finds them its own. */
export function owned(roles: readonly BareRole[]): BareRole[] {
  return roles.map((one) => ({ ...one, Tags: { ...one.Tags, ...ownershipTags() } }));
}

function ownershipTags(): Readonly<Record<string, string>> {
  return ownershipTagsForCreate({ namespace: NAMESPACE, intent: 'bench', shared: false, claim: undefined });
}

function tagsOf(tags: Readonly<Record<string, string>>): { Key: string; Value: string }[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}
