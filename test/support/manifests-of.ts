import { loadRequest } from '../../src/client/request.js';
import type { JsonObject } from '../../src/contract/entity.js';
import type { BootstrapRequest } from '../../src/contract/request.js';
import type { World } from './world.js';

/** The parts of a manifest. */
export interface ManifestParts {
  readonly namespace: string;
  /** The account. Accounts other than the sandbox's own are accessed by a role in them. */
  readonly account: string;
  readonly assumed?: boolean;
  readonly entities: readonly JsonObject[];
  /** `--remove-unmanaged`. Default: false. */
  readonly removeUnmanaged?: boolean;
}

/** Returns a manifest with one environment, which is the default. */
export function manifestOf({ namespace, account, assumed = false, entities }: ManifestParts): JsonObject {
  const assumeRole = `arn:aws:iam::${account}:role/bootstrap`;
  return {
    version: 1,
    namespace,
    environments: { test: { account, ...(assumed ? { assumeRole } : {}) } },
    entities,
  };
}

let written = 0;

/** Returns the request that the command line would send for a manifest. */
export async function requestOf(world: World, parts: ManifestParts): Promise<BootstrapRequest> {
  written += 1;
  const path = await world.manifest(`manifest-${String(written)}.json`, manifestOf(parts));
  const pipeline = { provider: 'local', url: null, commit: null, actor: 'test' };
  const { removeUnmanaged } = parts;
  const loaded = await loadRequest([path], { variables: {}, pipeline, removeUnmanaged });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems, null, 2));
  return loaded.request;
}

/** Returns a policy document that allows one action. */
export function allowing(action: string): JsonObject {
  return { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: action, Resource: '*' }] };
}

/** Returns a trust policy for a service, or for an ARN. */
export function trusting(principal: JsonObject = { Service: 'ec2.amazonaws.com' }): JsonObject {
  return { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: principal, Action: 'sts:AssumeRole' }] };
}

/** Returns a role with the given properties. */
export function role(roleName: string, more: JsonObject = {}): JsonObject {
  return { kind: 'Role', roleName, assumeRolePolicyDocument: trusting(), ...more };
}

/** Returns one entity of each kind. None needs a write after its Create. */
export function oneOfEach(): JsonObject[] {
  return [
    role('one-role'),
    { kind: 'Policy', policyName: 'one-policy', policyDocument: allowing('s3:ListBucket') },
    { kind: 'User', userName: 'one-user' },
    { kind: 'Group', groupName: 'one-group' },
    { kind: 'InstanceProfile', instanceProfileName: 'one-profile' },
    { kind: 'OpenIDConnectProvider', url: 'https://one.example.com', clientIdList: ['sts.amazonaws.com'] },
  ];
}

/** Returns ten entities of all kinds, with policies, attachments, members and references between them. */
export function tenEntities(): JsonObject[] {
  const readOnly = 'arn:{{partition}}:iam::aws:policy/ReadOnlyAccess';
  return [
    { kind: 'Policy', policyName: 'ten-read', policyDocument: allowing('s3:GetObject') },
    { kind: 'Policy', policyName: 'ten-write', policyDocument: allowing('s3:PutObject') },
    {
      kind: 'User',
      userName: 'ten-alice',
      inlinePolicies: { own: allowing('iam:ChangePassword') },
      managedPolicyArns: ['{{arn Policy/ten-read}}'],
    },
    {
      kind: 'User',
      userName: 'ten-bob',
      tags: { team: 'platform' },
      managedPolicyArns: ['{{arn Policy/ten-read}}'],
    },
    {
      kind: 'Group',
      groupName: 'ten-people',
      users: ['ten-alice', 'ten-bob'],
      inlinePolicies: { list: allowing('s3:ListAllMyBuckets') },
      managedPolicyArns: [readOnly],
    },
    role('ten-deploy', {
      description: 'deploys',
      maxSessionDuration: 7200,
      inlinePolicies: { state: allowing('dynamodb:PutItem'), logs: allowing('logs:PutLogEvents') },
      managedPolicyArns: ['{{arn Policy/ten-write}}', readOnly],
    }),
    role('ten-assumed', {
      assumeRolePolicyDocument: trusting({ AWS: '{{arn User/ten-alice}}' }),
      inlinePolicies: { read: allowing('s3:GetObject') },
      managedPolicyArns: [readOnly],
    }),
    role('ten-machine', { path: '/ten/', inlinePolicies: { queue: allowing('sqs:ReceiveMessage') } }),
    { kind: 'InstanceProfile', instanceProfileName: 'ten-profile', roles: ['ten-machine'] },
    {
      kind: 'OpenIDConnectProvider',
      url: 'https://ten.example.com',
      clientIdList: ['sts.amazonaws.com'],
      shared: true,
    },
  ];
}
