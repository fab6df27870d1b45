import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  AddRoleToInstanceProfileCommand,
  AttachRolePolicyCommand,
  CreatePolicyVersionCommand,
  CreateRoleCommand,
  GetRoleCommand,
  ListEntitiesForPolicyCommand,
  ListPolicyVersionsCommand,
} from '@aws-sdk/client-iam';
import type { IAMClient } from '@aws-sdk/client-iam';
import type { AwsClients } from '../../src/aws/clients.js';
import type { Operation } from '../../src/aws/operations.js';
import { connectTemporal } from '../../src/temporal/connect.js';
import type { TemporalConnection } from '../../src/temporal/connect.js';
import { apply as applyRequest, plan as planRequest } from '../../src/client/run/start.js';
import { loadConfig } from '../../src/config/config.js';
import type { JsonObject } from '../../src/contract/entity.js';
import type { EntityReport, Report } from '../../src/contract/report.js';
import { findKind } from '../../src/kinds/index.js';
import type { Write } from '../../src/kinds/kind.js';
import { ExternalActor } from '../support/external-actor.js';
import { KIND_FIXTURES } from '../support/kind-fixtures/index.js';
import { allowing, manifestOf, requestOf, role, trusting } from '../support/manifests-of.js';
import { iamClient } from '../support/sandbox.js';
import { ACCOUNT, startWorld } from '../support/world.js';
import type { World } from '../support/world.js';

jest.setTimeout(300_000);

const TARGET = { account: ACCOUNT, partition: 'aws' };
const KINDS = Object.keys(KIND_FIXTURES);

/** What a deletion of the fixture's entity, with everything that it holds, is made of: in this order, and no more. */
const DELETED_BY: Readonly<Record<string, readonly Operation[]>> = {
  Role: ['DetachRolePolicy', 'DetachRolePolicy', 'DeleteRolePolicy', 'DeleteRolePolicy', 'DeleteRole'],
  Policy: ['DeletePolicyVersion', 'DeletePolicyVersion', 'DeletePolicy'],
  User: [
    'DeleteLoginProfile',
    'DeleteAccessKey',
    'DeleteAccessKey',
    'DeleteSigningCertificate',
    'DeleteSSHPublicKey',
    'DeleteServiceSpecificCredential',
    'DeleteServiceSpecificCredential',
    'DeactivateMFADevice',
    'DeleteVirtualMFADevice',
    'DeactivateMFADevice',
    'DeleteVirtualMFADevice',
    'RemoveUserFromGroup',
    'RemoveUserFromGroup',
    'DetachUserPolicy',
    'DetachUserPolicy',
    'DeleteUserPolicy',
    'DeleteUserPolicy',
    'DeleteUser',
  ],
  Group: [
    'RemoveUserFromGroup',
    'RemoveUserFromGroup',
    'RemoveUserFromGroup',
    'DetachGroupPolicy',
    'DetachGroupPolicy',
    'DeleteGroupPolicy',
    'DeleteGroupPolicy',
    'DeleteGroup',
  ],
  InstanceProfile: ['RemoveRoleFromInstanceProfile', 'DeleteInstanceProfile'],
  OpenIDConnectProvider: ['DeleteOpenIDConnectProvider'],
  VirtualMFADevice: ['DeactivateMFADevice', 'DeleteVirtualMFADevice'],
  // AWS's default is put back.
  SecurityTokenServicePreferences: ['SetSecurityTokenServicePreferences'],
  OutboundWebIdentityFederation: ['DisableOutboundWebIdentityFederation'],
};

/** Of most kinds it is one call, named after the kind. */
function deletedBy(kind: string): readonly string[] {
  return DELETED_BY[kind] ?? [`Delete${kind}`];
}

/** Kinds whose entities can be deleted. */
const DELETABLE = KINDS.filter((kind) => KIND_FIXTURES[kind]?.alwaysPresent !== 'for good');

/** Kinds that are recognised by the record of their secret: one that another caller made is not seen. */
const BY_RECORD = KINDS.filter((kind) => findKind(kind)?.secret?.listCandidates !== undefined && !isOwnable(kind));

function isOwnable(kind: string): boolean {
  return findKind(kind)?.ownable === true;
}

let world: World;
let temporal: TemporalConnection;
let externalActor: ExternalActor;
let clients: AwsClients;
let iam: IAMClient;

beforeAll(async () => {
  world = await startWorld();
  externalActor = new ExternalActor(world);
  ({ clients } = externalActor);
  iam = iamClient(world.sandbox.url);
  await world.startWorker();
  temporal = await connectTemporal(loadConfig(world.env));
});

beforeEach(async () => {
  await world.sandbox.reset();
  await rm(join(world.directory, 'secrets'), { recursive: true, force: true });
  await externalActor.storeSecrets();
  world.proxy.clear();
});

afterAll(async () => {
  await temporal.close();
  await world.stop();
});

async function byHand(steps: readonly Write[]): Promise<void> {
  await externalActor.send(steps);
}

async function run(command: typeof applyRequest, entities: readonly JsonObject[], namespace = 'ci'): Promise<Report> {
  return command(temporal, await requestOf(world, { namespace, account: ACCOUNT, entities }));
}

const apply = (entities: readonly JsonObject[], namespace?: string): Promise<Report> =>
  run(applyRequest, entities, namespace);
const plan = (entities: readonly JsonObject[]): Promise<Report> => run(planRequest, entities);

/** The same entity, to be absent: kind and name are all that it says. */
function absent(entity: JsonObject, more: JsonObject = {}): JsonObject {
  return { kind: entity['kind'] ?? '', ...keyOf(entity), state: 'absent', ...more };
}

function keyOf(entity: JsonObject): JsonObject {
  const kind = findKind(typeof entity['kind'] === 'string' ? entity['kind'] : '');
  return Object.fromEntries(Object.entries(entity).filter(([property]) => kind?.keyProperties.includes(property)));
}

function only(report: Report): EntityReport {
  const [entity] = report.entities;
  if (entity === undefined) throw new Error('the report is empty');
  return entity;
}

function outcomes({ entities }: Report): Record<string, string> {
  return Object.fromEntries(entities.map(({ kind, name, outcome }) => [`${kind}/${name}`, outcome]));
}

function writes(): string[] {
  return world.proxy.writes().map(({ action }) => action);
}

describe.each(DELETABLE)('a %s that is to be absent', (kindName) => {
  const {
    prerequisites,
    full,
    deletionBlockers: held,
  } = KIND_FIXTURES[kindName] ?? { prerequisites: [], full: {}, deletionBlockers: [] };
  const entity: JsonObject = { kind: kindName, ...full };

  test('is deleted with all that stands in the way, in an order that AWS takes, and then left alone', async () => {
    const kind = findKind(kindName);
    await byHand(prerequisites);
    expect((await apply([entity])).result).toBe('converged');
    await byHand(held);
    world.proxy.clear();

    const planned = await plan([absent(entity)]);
    expect(planned.result).toBe('pending');
    expect(only(planned)).toMatchObject({ decision: 'delete', outcome: 'pending' });
    expect(writes()).toEqual([]);

    const deleted = await apply([absent(entity)]);
    expect(deleted.result).toBe('converged');
    expect(only(deleted).outcome).toBe('deleted');
    expect(writes()).toEqual(deletedBy(kindName));
    expect(only(deleted).writes.map(({ operation }) => operation)).toEqual(deletedBy(kindName));
    expect(world.proxy.writes().filter(({ code }) => code !== undefined)).toEqual([]);
    const wanted = { name: kind?.nameOf(full) ?? '', spec: keyOf(entity) };
    expect(await kind?.read(clients.reader, wanted, TARGET)).toBeUndefined();

    world.proxy.clear();
    const again = await apply([absent(entity)]);
    expect(again.result).toBe('converged');
    expect(only(again)).toMatchObject({ outcome: 'unchanged', writes: [] });
    expect(writes()).toEqual([]);
  });

  test('is unchanged where it never was', async () => {
    const report = await apply([absent(entity)]);
    expect(report.result).toBe('converged');
    expect(only(report)).toMatchObject({ outcome: 'unchanged', writes: [] });
    expect(writes()).toEqual([]);
  });

  test('is not deleted by a namespace that takes only its own', async () => {
    await byHand(prerequisites);
    await externalActor.create(kindName, full);
    const report = await apply([absent(entity, { adopt: 'own' })]);
    if (BY_RECORD.includes(kindName)) {
      expect(only(report)).toMatchObject({ outcome: 'unchanged', writes: [] });
      return;
    }
    expect(report.result).toBe('refused');
    expect(only(report)).toMatchObject({ decision: 'refuse', outcome: 'refused', writes: [] });
    expect(only(report).reason).not.toBeNull();
    expect(only(report).remedy).not.toBeNull();
    expect(writes()).toEqual([]);
  });
});

test('what an account has for good is not deleted, and that is told', async () => {
  await apply([{ kind: 'AccountProperties', ...KIND_FIXTURES['AccountProperties']?.full }]);
  world.proxy.clear();
  const report = await apply([absent({ kind: 'AccountProperties' })]);
  expect(report.result).toBe('refused');
  expect(only(report).reason).toContain('AWS cannot remove account properties');
  expect(writes()).toEqual([]);
});

describe('an entity of another owner', () => {
  test.each(KINDS.filter(isOwnable))('is not deleted, not even as the same name: %s', async (kindName) => {
    const { prerequisites, full } = KIND_FIXTURES[kindName] ?? { prerequisites: [], full: {} };
    const entity: JsonObject = { kind: kindName, ...full };
    await byHand(prerequisites);
    expect((await apply([entity], 'other')).result).toBe('converged');
    world.proxy.clear();

    const report = await apply([absent(entity)]);
    expect(report.result).toBe('refused');
    expect(only(report)).toMatchObject({
      outcome: 'refused',
      reason: 'owned by iam-bootstrap namespace "other"',
      remedy: expect.stringContaining('--adopt foreign:') as string,
    });
    expect(writes()).toEqual([]);
    expect((await apply([entity], 'other')).summary).toMatchObject({ unchanged: 1 });
  });

  test('is deleted where that is typed, by the command line', async () => {
    await apply([role('deploy')], 'other');
    world.proxy.clear();
    const entities = [absent(role('deploy'))];
    const path = await world.manifest('absent.json', manifestOf({ namespace: 'ci', account: ACCOUNT, entities }));
    const refused = await world.cli(['apply', '-f', path]);
    expect(refused.code).toBe(3);
    const taken = await world.cli(['apply', '-f', path, '--adopt', 'foreign:Role/deploy', '--output', 'json']);
    expect(taken.code).toBe(0);
    expect(outcomes(taken.report())).toEqual({ 'Role/deploy': 'deleted' });
    expect(writes()).toEqual(['DeleteRole']);
  });
});

describe('what others share', () => {
  const provider = { kind: 'OpenIDConnectProvider', url: 'https://tokens.example.com', shared: true };

  test('is given back: only our mark and our client IDs go, and the last one that made it may delete it', async () => {
    await apply([{ ...provider, clientIdList: ['ours'] }]);
    await apply([{ ...provider, clientIdList: ['theirs'] }], 'other');
    world.proxy.clear();

    const given = await apply([absent(provider, { shared: true })], 'other');
    expect(only(given).outcome).toBe('deleted');
    expect(writes()).toEqual(['RemoveClientIDFromOpenIDConnectProvider', 'UntagOpenIDConnectProvider']);
    world.proxy.clear();

    const last = await apply([absent(provider, { shared: true })]);
    expect(only(last).outcome).toBe('deleted');
    expect(writes()).toEqual(['DeleteOpenIDConnectProvider']);
  });

  test('is not deleted by a manifest that forgets that it is shared', async () => {
    await apply([provider]);
    await apply([provider], 'other');
    world.proxy.clear();
    const report = await apply([absent(provider)]);
    expect(only(report)).toMatchObject({ outcome: 'refused', reason: expect.stringContaining('"other"') as string });
    expect(writes()).toEqual([]);
  });
});

describe('several entities that are to be absent', () => {
  const policy: JsonObject = { kind: 'Policy', policyName: 'p', policyDocument: allowing('s3:GetObject') };
  const arn = '{{arn Policy/p}}';
  const all: readonly JsonObject[] = [
    policy,
    { kind: 'User', userName: 'u', managedPolicyArns: [arn] },
    role('r', { managedPolicyArns: [arn] }),
    { kind: 'Group', groupName: 'g', users: ['u'], managedPolicyArns: [arn] },
    { kind: 'InstanceProfile', instanceProfileName: 'i', roles: ['r'] },
  ];

  test('are deleted one after the other, the holder before what it holds, in whatever order they are declared', async () => {
    for (const order of [all, [...all].reverse()]) {
      expect((await apply(order)).result).toBe('converged');
      world.proxy.clear();
      const report = await apply(order.map((entity) => absent(entity)));
      expect(report.summary).toMatchObject({ deleted: all.length });
      expect(world.proxy.writes().filter(({ code }) => code !== undefined)).toEqual([]);
      const at = (action: string): number => writes().indexOf(action);
      for (const holder of ['DeleteRole', 'DeleteUser', 'DeleteGroup']) {
        expect(at(holder)).toBeGreaterThanOrEqual(0);
        expect(at('DeletePolicy')).toBeGreaterThan(at(holder));
      }
      expect(at('DeleteRole')).toBeGreaterThan(at('DeleteInstanceProfile'));
      expect(at('DeleteUser')).toBeGreaterThan(at('DeleteGroup'));
    }
  });

  test('are deleted after the entities that stay have released them', async () => {
    await apply(all.slice(0, 3));
    world.proxy.clear();
    const report = await apply([
      absent(policy),
      { kind: 'User', userName: 'u', managedPolicyArns: [], unmanaged: 'remove' },
      role('r', { managedPolicyArns: [], unmanaged: 'remove' }),
    ]);
    expect(outcomes(report)).toEqual({ 'Policy/p': 'deleted', 'User/u': 'updated', 'Role/r': 'updated' });
    expect(writes().sort()).toEqual(['DeletePolicy', 'DetachRolePolicy', 'DetachUserPolicy']);
    expect(writes().at(-1)).toBe('DeletePolicy');
  });

  test('wait in vain for a holder that fails: nothing is deleted from under it', async () => {
    await apply(all.slice(0, 3));
    world.proxy.clear();
    const rule = world.proxy.on(
      { action: 'DetachRolePolicy' },
      { kind: 'error', status: 403, code: 'AccessDenied', message: 'not authorized to perform: iam:DetachRolePolicy' },
    );
    const report = await apply(all.slice(0, 3).map((entity) => absent(entity)));
    rule.remove();
    expect(report.result).toBe('failed');
    expect(outcomes(report)).toEqual({ 'Policy/p': 'skipped', 'User/u': 'deleted', 'Role/r': 'failed' });
    expect(writes()).not.toContain('DeletePolicy');
  });
});

describe('what is still in use', () => {
  test('a policy that is attached elsewhere: refused before any write, with who holds it', async () => {
    const policy: JsonObject = { kind: 'Policy', policyName: 'p', policyDocument: allowing('s3:GetObject') };
    await apply([policy]);
    const PolicyArn = `arn:aws:iam::${ACCOUNT}:policy/p`;
    const AssumeRolePolicyDocument = JSON.stringify(trusting());
    await iam.send(new CreateRoleCommand({ RoleName: 'stranger', AssumeRolePolicyDocument }));
    await iam.send(new AttachRolePolicyCommand({ RoleName: 'stranger', PolicyArn }));
    const PolicyDocument = JSON.stringify(allowing('s3:PutObject'));
    await iam.send(new CreatePolicyVersionCommand({ PolicyArn, PolicyDocument }));
    world.proxy.clear();

    const report = await apply([absent(policy)]);
    expect(report.result).toBe('refused');
    const { outcome, reason, remedy } = only(report);
    expect(outcome).toBe('refused');
    expect(reason).toMatch(/cannot be deleted: still attached to Role\/stranger/);
    expect(remedy).toContain('detach Policy/p from Role/stranger first');
    expect(writes()).toEqual([]);
    const users = await iam.send(new ListEntitiesForPolicyCommand({ PolicyArn }));
    expect(users.PolicyRoles?.map(({ RoleName }) => RoleName)).toEqual(['stranger']);
    expect((await iam.send(new ListPolicyVersionsCommand({ PolicyArn }))).Versions).not.toHaveLength(0);
  });

  test('a role in an instance profile of another owner: the profile keeps it', async () => {
    await apply([role('r', { managedPolicyArns: ['arn:aws:iam::aws:policy/ReadOnlyAccess'] })]);
    await byHand([{ operation: 'CreateInstanceProfile', input: { InstanceProfileName: 'stranger' } }]);
    await iam.send(new AddRoleToInstanceProfileCommand({ InstanceProfileName: 'stranger', RoleName: 'r' }));
    world.proxy.clear();
    const report = await apply([absent(role('r'))]);
    expect(report.result).toBe('refused');
    expect(only(report).reason).toContain('still attached to InstanceProfile/stranger');
    expect(writes()).toEqual([]);
    expect((await iam.send(new GetRoleCommand({ RoleName: 'r' }))).Role?.RoleName).toBe('r');
  });
});

describe('what is only observed', () => {
  test('is reported as present and stays', async () => {
    await apply([role('r')]);
    world.proxy.clear();
    const report = await apply([absent(role('r'), { observe: true })]);
    expect(report.result).toBe('converged');
    expect(only(report)).toMatchObject({
      outcome: 'unchanged',
      drift: [{ observed: 'present', desired: 'absent' }],
    });
    expect(writes()).toEqual([]);
  });
});
