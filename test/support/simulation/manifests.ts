import { createHash } from 'node:crypto';
import type { DesiredEntity, Json, JsonObject } from '../../../src/contract/entity.js';
import type { BootstrapRequest } from '../../../src/contract/request.js';
import type { Declaration, EntityName, RunSpec } from './history.js';
import { ACCOUNT } from './iam/state.js';

/** Time that an approval is waited for, in milliseconds. */
const APPROVAL_MS = 3_600_000;

let requests = 0;

/** Returns the request of a run, as the command line sends it. */
export function requestOf(spec: RunSpec): BootstrapRequest {
  const { namespace, command, declares, keepGoing = false, approval, orphans, environment = 'test', revision } = spec;
  requests += 1;
  const content = {
    version: 1 as const,
    target: { account: ACCOUNT, partition: 'aws' },
    namespace,
    environment,
    entities: declares.map((declaration) => entityOf(declaration, declares, spec)),
    keepGoing,
    ...(command === undefined ? {} : { command }),
    ...(orphans === undefined ? {} : { orphans }),
    ...(approval === undefined ? {} : { approval: { timeoutMs: APPROVAL_MS } }),
  };
  const digest = createHash('sha256').update(JSON.stringify(content)).digest('hex');
  return {
    ...content,
    ...(revision === undefined ? {} : { revision: { value: revision, source: 'given' } }),
    digest: `sha256:${digest}`,
    key: `request-${String(requests)}`,
    pipeline: { provider: 'local', url: null, commit: null, actor: null },
    manifest: 'iam.json',
  };
}

function entityOf(
  declaration: Declaration,
  declares: readonly Declaration[],
  { command, removeUnmanaged }: RunSpec,
): DesiredEntity {
  const { entity, state = 'present', adopt = 'unowned', unmanaged = 'keep' } = declaration;
  const [kind = '', name = ''] = entity.split('/');
  const leaving = command === 'release' ? 'released' : 'destroyed';
  const isPresent = command === undefined && state === 'present';
  const declared = new Set<string>(declares.map((other) => other.entity));
  return {
    kind,
    name,
    state: command === undefined ? state : leaving,
    adopt,
    observe: declaration.observe === true,
    shared: declaration.shared === true,
    unmanaged,
    ...(removeUnmanaged === true ? { unmanagedAtAdoption: true } : {}),
    ...(declaration.replace === true ? { replace: true } : {}),
    spec: specOf(declaration, isPresent, declared),
    dependsOn: isPresent ? dependenciesOf(declaration).filter((id) => declared.has(id)) : [],
  };
}

function dependenciesOf({ entity, attached = [], members = [] }: Declaration): EntityName[] {
  return [
    ...(attached.includes('read') ? ['Policy/read' as const] : []),
    ...(entity === 'InstanceProfile/machine' && members.includes('deploy') ? ['Role/deploy' as const] : []),
    ...(entity === 'Group/people' && members.includes('robot') ? ['User/robot' as const] : []),
  ];
}

/** Returns a policy that allows actions on everything. */
export function allowing(actions: readonly string[]): JsonObject {
  return { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: [...actions], Resource: '*' }] };
}

/** Returns a trust policy for the root principals of accounts. */
export function trusting(accounts: readonly string[]): JsonObject {
  const AWS = accounts.map((account) => `arn:aws:iam::${account}:root`);
  return { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: { AWS }, Action: 'sts:AssumeRole' }] };
}

/** Returns the ARN of a policy by its short name. */
export function policyArn(name: string): string {
  return name === 'read' ? `arn:aws:iam::${ACCOUNT}:policy/read` : `arn:aws:iam::aws:policy/${name}`;
}

function specOf(declaration: Declaration, isPresent: boolean, declared: ReadonlySet<string>): JsonObject {
  const { entity, path, clientIds } = declaration;
  const key = keySpecOf(entity);
  if (!isPresent) {
    const part = entity.startsWith('OpenID') && clientIds !== undefined ? { clientIdList: clientIds } : {};
    return { ...key, ...part };
  }
  return { ...key, ...(path === undefined ? {} : { path }), ...propertiesOf(declaration, declared) };
}

function keySpecOf(entity: EntityName): JsonObject {
  const [kind, name = ''] = entity.split('/');
  switch (kind) {
    case 'Role':
      return { roleName: name };
    case 'User':
      return { userName: name };
    case 'Policy':
      return { policyName: name };
    case 'Group':
      return { groupName: name };
    case 'InstanceProfile':
      return { instanceProfileName: name };
    case 'OpenIDConnectProvider':
      return { url: `https://${name}` };
    case 'VirtualMFADevice':
      return { virtualMfaDeviceName: name, secret: { file: 'device.json' } };
    default:
      return {};
  }
}

function propertiesOf(declaration: Declaration, declared: ReadonlySet<string>): JsonObject {
  const { entity, trust = ['111111111111'], boundary, inline, attached, members, clientIds } = declaration;
  const arn = (name: string): string =>
    name === 'read' && declared.has('Policy/read') ? '{{arn Policy/read}}' : policyArn(name);
  const properties: Record<string, Json | undefined> = {
    permissionsBoundary: boundary === undefined || boundary === null ? boundary : policyArn(boundary),
    inlinePolicies:
      inline && Object.fromEntries(Object.entries(inline).map(([name, actions]) => [name, allowing(actions)])),
    managedPolicyArns: attached?.map(arn),
    ...(entity === 'Role/deploy' ? { assumeRolePolicyDocument: trusting(trust) } : {}),
    ...(entity === 'Policy/read' ? { policyDocument: allowing(declaration.allows ?? ['s3:GetObject']) } : {}),
    ...(entity === 'InstanceProfile/machine' ? { roles: members } : {}),
    ...(entity === 'Group/people' ? { users: members } : {}),
    ...(entity.startsWith('OpenID') ? { clientIdList: clientIds } : {}),
    ...(entity.startsWith('AccountPassword') ? { minimumPasswordLength: declaration.minimumLength ?? 8 } : {}),
  };
  return Object.fromEntries(
    Object.entries(properties).filter((entry): entry is [string, Json] => entry[1] !== undefined),
  );
}
