import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { AwsClients } from '../../src/aws/clients.js';
import type { Operation } from '../../src/aws/operations.js';
import { apply as applyRequest, plan as planRequest } from '../../src/client/run/start.js';
import type { JsonObject } from '../../src/contract/entity.js';
import type { EntityReport, Report } from '../../src/contract/report.js';
import { findKind } from '../../src/kinds/index.js';
import { ExternalActor } from '../support/external-actor.js';
import { KIND_FIXTURES } from '../support/kind-fixtures/index.js';
import { allowing, manifestOf, requestOf, role } from '../support/manifests-of.js';
import { ACCOUNT } from '../support/world.js';
import { outcomesOf, writesIn } from '../support/runs.js';
import { temporal, useWorld, world } from '../support/use-world.js';

useWorld();

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
  OrganizationsRootAccess: ['DisableOrganizationsRootCredentialsManagement', 'DisableOrganizationsRootSessions'],
  OutboundWebIdentityFederation: ['DisableOutboundWebIdentityFederation'],
};

/** Of most kinds it is one call, named after the kind. */
function deletedBy(kind: string): readonly string[] {
  return DELETED_BY[kind] ?? [`Delete${kind}`];
}

/** Kinds whose entities can be deleted. */
const DELETABLE = KINDS.filter((kind) => KIND_FIXTURES[kind]?.alwaysPresent !== 'for good');

let externalActor: ExternalActor;
let clients: AwsClients;

beforeAll(() => {
  externalActor = new ExternalActor(world);
  ({ clients } = externalActor);
});

beforeEach(async () => {
  await rm(join(world.directory, 'secrets'), { recursive: true, force: true });
  await externalActor.storeSecrets();
});

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

describe.each(DELETABLE)('a %s that is to be absent', (kindName) => {
  const {
    prerequisites,
    full,
    deletionBlockers: held,
  } = KIND_FIXTURES[kindName] ?? { prerequisites: [], full: {}, deletionBlockers: [] };
  const entity: JsonObject = { kind: kindName, ...full };

  test('is deleted with all that stands in the way, in an order that AWS takes, and then left alone', async () => {
    const kind = findKind(kindName);
    await externalActor.send(prerequisites);
    expect((await apply([entity])).result).toBe('converged');
    await externalActor.send(held);
    world.proxy.clear();

    const planned = await plan([absent(entity)]);
    expect(planned.result).toBe('pending');
    expect(only(planned)).toMatchObject({ decision: 'delete', outcome: 'pending' });
    expect(writesIn(world)).toEqual([]);

    const deleted = await apply([absent(entity)]);
    expect(deleted.result).toBe('converged');
    expect(only(deleted).outcome).toBe('deleted');
    expect(writesIn(world)).toEqual(deletedBy(kindName));
    expect(only(deleted).writes.map(({ operation }) => operation)).toEqual(deletedBy(kindName));
    expect(world.proxy.writes().filter(({ code }) => code !== undefined)).toEqual([]);
    const wanted = { name: kind?.nameOf(full) ?? '', spec: keyOf(entity) };
    expect(await kind?.read(clients.reader, wanted, TARGET)).toBeUndefined();

    world.proxy.clear();
    const again = await apply([absent(entity)]);
    expect(again.result).toBe('converged');
    expect(only(again)).toMatchObject({ outcome: 'unchanged', writes: [] });
    expect(writesIn(world)).toEqual([]);
  });
});

test('what an account has for good is not deleted, and that is told', async () => {
  await apply([{ kind: 'AccountProperties', ...KIND_FIXTURES['AccountProperties']?.full }]);
  world.proxy.clear();
  const report = await apply([absent({ kind: 'AccountProperties' })]);
  expect(report.result).toBe('refused');
  expect(only(report).reason).toContain('AWS cannot remove account properties');
  expect(writesIn(world)).toEqual([]);
});

test('an entity of another owner is deleted where the command line says so', async () => {
  await apply([role('deploy')], 'other');
  world.proxy.clear();
  const entities = [absent(role('deploy'))];
  const path = await world.manifest('absent.json', manifestOf({ namespace: 'ci', account: ACCOUNT, entities }));
  const refused = await world.cli(['apply', '-f', path]);
  expect(refused.code).toBe(3);
  const taken = await world.cli(['apply', '-f', path, '--adopt', 'foreign:Role/deploy', '--output', 'json']);
  expect(taken.code).toBe(0);
  expect(outcomesOf(taken.report())).toEqual({ 'Role/deploy': 'deleted' });
  expect(writesIn(world)).toEqual(['DeleteRole']);
});

describe('several entities that are to be absent', () => {
  const policy: JsonObject = { kind: 'Policy', policyName: 'p', policyDocument: allowing('s3:GetObject') };
  const arn = '{{arn Policy/p}}';
  const all: readonly JsonObject[] = [
    policy,
    { kind: 'User', userName: 'u', managedPolicyArns: [arn] },
    role('r', { managedPolicyArns: [arn] }),
  ];

  test('are deleted after the entities that stay have released them', async () => {
    await apply(all);
    world.proxy.clear();
    const report = await apply([
      absent(policy),
      { kind: 'User', userName: 'u', managedPolicyArns: [], unmanaged: 'remove' },
      role('r', { managedPolicyArns: [], unmanaged: 'remove' }),
    ]);
    expect(outcomesOf(report)).toEqual({ 'Policy/p': 'deleted', 'User/u': 'updated', 'Role/r': 'updated' });
    expect(writesIn(world).sort()).toEqual(['DeletePolicy', 'DetachRolePolicy', 'DetachUserPolicy']);
    expect(writesIn(world).at(-1)).toBe('DeletePolicy');
  });

  test('wait in vain for a holder that fails: nothing is deleted from under it', async () => {
    await apply(all);
    world.proxy.clear();
    const rule = world.proxy.on(
      { action: 'DetachRolePolicy' },
      { kind: 'error', status: 403, code: 'AccessDenied', message: 'not authorized to perform: iam:DetachRolePolicy' },
    );
    const report = await apply(all.map((entity) => absent(entity)));
    rule.remove();
    expect(report.result).toBe('failed');
    expect(outcomesOf(report)).toEqual({ 'Policy/p': 'skipped', 'User/u': 'deleted', 'Role/r': 'failed' });
    expect(writesIn(world)).not.toContain('DeletePolicy');
  });
});
