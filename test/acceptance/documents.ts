import { randomBytes } from 'node:crypto';
import type { JsonObject } from '../../src/contract/entity.js';

/**
 * A bucket that cannot exist: the name of a bucket has at least three characters. What the policies of a run allow is
 * limited to it.
 */
export const NO_BUCKET = 'no';

/** An external ID that nobody else knows. Every trust policy of a run asks for it. */
export const EXTERNAL_ID = randomBytes(24).toString('hex');

/** The issuers of the identity providers of a run. The domain is reserved for examples. */
const ISSUER = /^https:\/\/([a-z0-9-]+\.)+example\.com\//i;

/** The services that a trust policy of a run may name. With the external ID, none of them can assume the role. */
const SERVICES: ReadonlySet<string> = new Set(['ec2.amazonaws.com', 'lambda.amazonaws.com']);

/** The services whose service-linked roles a run may make. The second one does not exist. */
const LINKED_SERVICES: ReadonlySet<string> = new Set(['autoscaling.amazonaws.com', 'missing.amazonaws.com']);

/** Returns a policy that allows one action, on something that cannot exist. */
export function allowing(action: string, partition: string): JsonObject {
  const Resource = `arn:${partition}:s3:::${NO_BUCKET}/*`;
  return { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: action, Resource }] };
}

/** Returns a trust policy for a service or an ARN, which only a caller with the external ID can use. */
export function trusting(Principal: JsonObject = { Service: 'ec2.amazonaws.com' }): JsonObject {
  const Condition = { StringEquals: { 'sts:ExternalId': EXTERNAL_ID } };
  return {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal, Action: 'sts:AssumeRole', Condition }],
  };
}

/** Returns a document that grants the same in form, but nothing in an account. What is no document is returned as it is. */
export function harmless(value: JsonObject, partition: string): JsonObject {
  const { Statement } = value;
  if (Statement === undefined) return value;
  const limit = (statement: unknown): unknown => {
    const { Resource, Principal, Effect, Condition, ...rest } = statement as JsonObject;
    if (Effect !== 'Allow') return statement;
    const conditions = Principal === undefined ? Condition : { StringEquals: { 'sts:ExternalId': EXTERNAL_ID } };
    return {
      ...rest,
      Effect,
      ...(Resource === undefined ? {} : { Resource: limitedTo(Resource, partition) }),
      ...(Principal === undefined ? {} : { Principal }),
      ...(conditions === undefined ? {} : { Condition: conditions }),
    };
  };
  const limited = Array.isArray(Statement) ? Statement.map(limit) : limit(Statement);
  return { ...value, Statement: limited } as JsonObject;
}

function limitedTo(resource: unknown, partition: string): unknown {
  if (Array.isArray(resource)) return resource.map((one) => limitedTo(one, partition));
  const inBucket = /^arn:[^:]+:s3:::[^/]+\/(.*)$/.exec(String(resource))?.[1] ?? '*';
  return `arn:${partition}:s3:::${NO_BUCKET}/${inBucket}`;
}

/** The entities that documents of a run may refer to. */
export interface DocumentScope {
  readonly account: string;
  readonly partition: string;
  /** Reports whether a name is one of the run's. */
  readonly isOwn: (name: string) => boolean;
}

type Params = Readonly<Record<string, string>>;
type Statement = Readonly<Record<string, unknown>>;

/** Returns the reason for which the content of a write could do harm; null where it cannot. */
export function harmOf(action: string, params: Params, scope: DocumentScope): string | null {
  const { PermissionsBoundary: boundary, PolicyArn: attached, Url: issuer, AWSServiceName: service } = params;
  if (boundary !== undefined && !isOwnPolicy(boundary, scope)) return `the boundary ${boundary} is not of the run`;
  if (action.startsWith('Attach') && (attached === undefined || !isOwnPolicy(attached, scope))) {
    return `the policy ${attached ?? ''} is not of the run`;
  }
  if (action === 'CreateOpenIDConnectProvider' && !ISSUER.test(issuer ?? ''))
    return `the issuer ${issuer ?? ''} may exist`;
  if (action === 'CreateServiceLinkedRole' && !LINKED_SERVICES.has(service ?? '')) {
    return `a service-linked role of ${service ?? ''} may be used`;
  }
  const trust = action === 'UpdateAssumeRolePolicy' ? params['PolicyDocument'] : params['AssumeRolePolicyDocument'];
  if (trust !== undefined) return harmOfDocument(trust, (statement) => harmOfTrust(statement, scope));
  const { PolicyDocument: grants } = params;
  return grants === undefined ? null : harmOfDocument(grants, (statement) => harmOfGrant(statement, scope));
}

function isOwnPolicy(arn: string, { account, partition, isOwn }: DocumentScope): boolean {
  return arn.startsWith(`arn:${partition}:iam::${account}:policy/`) && isOwn(arn.slice(arn.lastIndexOf('/') + 1));
}

function harmOfDocument(text: string, harmOfStatement: (statement: Statement) => string | null): string | null {
  // Text without a brace is no document to AWS, and an assumption sends it for that reason.
  if (!text.includes('{')) return null;
  let document: { readonly Statement?: unknown };
  try {
    document = JSON.parse(text) as typeof document;
  } catch {
    return 'its document cannot be read';
  }
  for (const statement of listOf(document.Statement)) {
    if (typeof statement !== 'object' || statement === null) return 'its document cannot be read';
    // What denies grants nothing.
    const harm = (statement as Statement)['Effect'] === 'Deny' ? null : harmOfStatement(statement as Statement);
    if (harm !== null) return harm;
  }
  return null;
}

function harmOfGrant(statement: Statement, { partition }: DocumentScope): string | null {
  const bucket = `arn:${partition}:s3:::${NO_BUCKET}/`;
  const resources = listOf(statement['Resource']).map(String);
  const isLimited = resources.length > 0 && resources.every((resource) => resource.startsWith(bucket));
  if (!isLimited || statement['NotResource'] !== undefined) return 'its document grants something that may exist';
  return null;
}

function harmOfTrust(statement: Statement, scope: DocumentScope): string | null {
  const principals = statement['Principal'];
  const conditions = statement['Condition'] as { StringEquals?: Record<string, unknown> } | undefined;
  if (conditions?.StringEquals?.['sts:ExternalId'] !== EXTERNAL_ID) return 'its trust policy asks for no external ID';
  if (typeof principals !== 'object' || principals === null || statement['NotPrincipal'] !== undefined) {
    return 'its trust policy trusts anybody';
  }
  for (const [type, members] of Object.entries(principals)) {
    const other = listOf(members)
      .map(String)
      .find((one) => !isTrusted(type, one, scope));
    if (other !== undefined) return `its trust policy trusts ${other}`;
  }
  return null;
}

function isTrusted(type: string, principal: string, { account, partition, isOwn }: DocumentScope): boolean {
  if (type === 'Service') return SERVICES.has(principal);
  if (type !== 'AWS') return false;
  if (principal === account || principal === `arn:${partition}:iam::${account}:root`) return true;
  const ofAccount = new RegExp(`^arn:${partition}:iam::${account}:(role|user|group)/(.*/)?([^/]+)$`).exec(principal);
  return isOwn(ofAccount?.[3] ?? '');
}

function listOf(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}
