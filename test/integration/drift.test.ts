import type { Operation } from '../../src/aws/operations.js';
import { connectTemporal } from '../../src/temporal/connect.js';
import type { TemporalConnection } from '../../src/temporal/connect.js';
import { apply, plan } from '../../src/client/run/start.js';
import { loadConfig } from '../../src/config/config.js';
import type { JsonObject } from '../../src/contract/entity.js';
import type { BootstrapRequest } from '../../src/contract/request.js';
import { exitCodeOf } from '../../src/report/build.js';
import type { EntityReport, Report } from '../../src/contract/report.js';
import { findKind } from '../../src/kinds/index.js';
import { ExternalActor } from '../support/external-actor.js';
import { KIND_FIXTURES } from '../support/kind-fixtures/index.js';
import { manifestOf, requestOf } from '../support/manifests-of.js';
import { ACCOUNT, startWorld } from '../support/world.js';
import type { World } from '../support/world.js';

jest.setTimeout(300_000);

/** The calls that repair a property, in their order, for properties that need more than one. */
const MENDED_BY_MORE: Readonly<Record<string, readonly Operation[]>> = {
  'Role.permissionsBoundary': ['PutRolePermissionsBoundary'],
  'Role.inlinePolicies': ['PutRolePolicy', 'PutRolePolicy'],
  // The version that says what is declared is still stored.
  'Policy.policyDocument': ['SetDefaultPolicyVersion'],
  'User.permissionsBoundary': ['PutUserPermissionsBoundary'],
  'User.inlinePolicies': ['PutUserPolicy', 'PutUserPolicy'],
  'User.managedPolicyArns': ['AttachUserPolicy'],
  'Group.inlinePolicies': ['PutGroupPolicy', 'PutGroupPolicy'],
  'Group.managedPolicyArns': ['AttachGroupPolicy'],
  'Group.users': ['AddUserToGroup'],
  'InstanceProfile.roles': ['AddRoleToInstanceProfile'],
  'OpenIDConnectProvider.clientIdList': ['AddClientIDToOpenIDConnectProvider'],
};

/** The same for every property that can be changed by hand: one call is the rule. */
const MENDED_BY: Readonly<Record<string, readonly Operation[]>> = Object.fromEntries(
  Object.entries(KIND_FIXTURES).flatMap(([kind, { properties }]) =>
    Object.entries(properties)
      .filter(([, { manualWrites: byHand }]) => byHand !== undefined)
      .map(([property, { operations = [] }]) => {
        const name = `${kind}.${property}`;
        return [name, MENDED_BY_MORE[name] ?? operations] as const;
      }),
  ),
);

/** How tags drift by hand: one value is changed, one tag taken off. */
const TAGS: Readonly<Record<string, { readonly key: JsonObject; readonly tag: Operation; readonly untag: Operation }>> =
  {
    Role: { key: { RoleName: 'law' }, tag: 'TagRole', untag: 'UntagRole' },
    Policy: { key: { PolicyArn: `arn:aws:iam::${ACCOUNT}:policy/law/law` }, tag: 'TagPolicy', untag: 'UntagPolicy' },
    User: { key: { UserName: 'law' }, tag: 'TagUser', untag: 'UntagUser' },
    InstanceProfile: {
      key: { InstanceProfileName: 'law' },
      tag: 'TagInstanceProfile',
      untag: 'UntagInstanceProfile',
    },
    SAMLProvider: {
      key: { SAMLProviderArn: `arn:aws:iam::${ACCOUNT}:saml-provider/law` },
      tag: 'TagSAMLProvider',
      untag: 'UntagSAMLProvider',
    },
    ServerCertificate: {
      key: { ServerCertificateName: 'law' },
      tag: 'TagServerCertificate',
      untag: 'UntagServerCertificate',
    },
    VirtualMFADevice: {
      key: { SerialNumber: `arn:aws:iam::${ACCOUNT}:mfa/law/law` },
      tag: 'TagMFADevice',
      untag: 'UntagMFADevice',
    },
    ServiceLinkedRole: {
      key: { RoleName: 'AWSServiceRoleForAutoScaling_law' },
      tag: 'TagRole',
      untag: 'UntagRole',
    },
    OpenIDConnectProvider: {
      key: { OpenIDConnectProviderArn: `arn:aws:iam::${ACCOUNT}:oidc-provider/tokens.example.com/law` },
      tag: 'TagOpenIDConnectProvider',
      untag: 'UntagOpenIDConnectProvider',
    },
  };

const KINDS = Object.keys(KIND_FIXTURES);
const ALL = Object.entries(KIND_FIXTURES).map(([kind, { full }]): JsonObject => ({ kind, ...full }));

let world: World;
let temporal: TemporalConnection;
let externalActor: ExternalActor;
let request: BootstrapRequest;

beforeAll(async () => {
  world = await startWorld();
  externalActor = new ExternalActor(world);
  await externalActor.storeSecrets();
  const prerequisites = Object.values(KIND_FIXTURES)
    .flatMap((fixture) => fixture.prerequisites)
    // Declared here itself.
    .filter(({ operation, input }) => operation !== 'CreateUser' || input['UserName'] !== 'law');
  await externalActor.send([...new Map(prerequisites.map((step) => [JSON.stringify(step), step])).values()]);
  await world.startWorker();
  temporal = await connectTemporal(loadConfig(world.env));
  request = await requestOf(world, { namespace: 'ci', account: ACCOUNT, entities: ALL });
  const first = await apply(temporal, request);
  const alwaysThere = KINDS.filter((kind) => KIND_FIXTURES[kind]?.alwaysPresent !== undefined).length;
  expect(first.result).toBe('converged');
  expect(first.summary).toMatchObject({ created: KINDS.length - alwaysThere, updated: alwaysThere });
});

beforeEach(() => {
  world.proxy.clear();
});

afterAll(async () => {
  await temporal.close();
  await world.stop();
});

function writes(): string[] {
  return world.proxy.writes().map(({ action }) => action);
}

/** The entity that differs; every other one of the report is as declared. */
function theOne(report: Report, kind: string): EntityReport {
  const others = report.entities.filter((entity) => entity.kind !== kind);
  expect(others.map(({ decision, drift }) => [decision, drift])).toEqual(others.map(() => ['no-op', []]));
  const one = report.entities.find((entity) => entity.kind === kind);
  if (one === undefined) throw new Error(`the report has no ${kind}`);
  expect(one.name).toBe(findKind(kind)?.nameOf(KIND_FIXTURES[kind]?.full ?? {}));
  return one;
}

/** Plans, applies, plans: what is found, what is written for it, and that nothing is left. */
async function findAndMend(kind: string, paths: readonly string[], operations: readonly string[]): Promise<void> {
  const planned = await plan(temporal, request);
  expect(writes()).toEqual([]);
  expect(planned.result).toBe('pending');
  expect(exitCodeOf(planned.result, { detailed: true })).toBe(2);
  const { decision, drift } = theOne(planned, kind);
  expect(decision).toBe('update');
  expect(drift.filter(({ path }) => !paths.some((start) => path.startsWith(start)))).toEqual([]);
  expect(paths.filter((start) => !drift.some(({ path }) => path.startsWith(start)))).toEqual([]);

  const applied = await apply(temporal, request);
  expect(applied.result).toBe('converged');
  const repaired = theOne(applied, kind);
  expect(repaired.outcome).toBe('updated');
  expect(repaired.drift.map(({ path }) => path)).toEqual(drift.map(({ path }) => path));
  expect(repaired.writes.map(({ operation }) => operation)).toEqual(operations);
  expect(writes()).toEqual(operations);
  expect(repaired.writes.map(({ requestId }) => requestId)).toEqual(
    world.proxy.writes().map(({ requestId }) => requestId),
  );

  await expectNothingToDo();
}

async function expectNothingToDo(): Promise<void> {
  const clean = await plan(temporal, request);
  expect(clean.entities.flatMap(({ drift }) => drift)).toEqual([]);
  expect(exitCodeOf(clean.result, { detailed: true })).toBe(0);
}

test('nothing drifts right after everything was made', async () => {
  await expectNothingToDo();
  expect(writes()).toEqual([]);
});

test('every kind with tags has them drifted here', () => {
  const tagged = KINDS.filter((kind) => KIND_FIXTURES[kind]?.full['tags'] !== undefined);
  expect(tagged.sort()).toEqual(Object.keys(TAGS).sort());
});

test.each(Object.entries(MENDED_BY))(
  'a change of %s by hand is found by name and repaired by %j',
  async (name, operations) => {
    const [kind = '', property = ''] = name.split('.');
    const { paths = [] } = KIND_FIXTURES[kind]?.properties[property] ?? {};
    await externalActor.changeProperty(kind, property);
    await findAndMend(kind, paths, operations);
  },
);

test.each(Object.entries(TAGS))(
  'tags of a %s that were changed and taken off by hand are put back in one call',
  async (kind, { key, tag, untag }) => {
    await externalActor.send([
      { operation: tag, input: { ...key, Tags: [{ Key: 'team', Value: 'another' }] } },
      { operation: untag, input: { ...key, TagKeys: ['stage'] } },
    ]);
    await findAndMend(kind, ['tags.team', 'tags.stage'], [tag]);
  },
);

test('drift of several properties of several entities is repaired in one run, each by its own call', async () => {
  const drifted = ['Role.description', 'Role.managedPolicyArns', 'Group.users', 'User.path'];
  for (const name of drifted) {
    const [kind = '', property = ''] = name.split('.');
    await externalActor.changeProperty(kind, property);
  }
  const report = await apply(temporal, request);
  expect(report.summary).toMatchObject({ updated: 3, unchanged: KINDS.length - 3 });
  expect(writes().sort()).toEqual(drifted.flatMap((name) => MENDED_BY[name] ?? []).sort());
  await expectNothingToDo();
});

const ADDED = KINDS.flatMap((kind) => {
  const unmanaged = KIND_FIXTURES[kind]?.unmanaged;
  return unmanaged === undefined ? [] : [[kind, unmanaged] as const];
});

describe.each(ADDED)('content added by hand to a %s', (kind, unmanaged) => {
  test('is told and kept, and removed where the manifest says so', async () => {
    await externalActor.send(unmanaged.byHand);
    const kept = await apply(temporal, request);
    expect(kept.result).toBe('converged');
    expect([...theOne(kept, kind).unmanaged].sort()).toEqual([...unmanaged.lines].sort());
    expect(writes()).toEqual([]);

    const entities = ALL.map((entity) => (entity['kind'] === kind ? { ...entity, unmanaged: 'remove' } : entity));
    // What carries no tags cannot show that it was adopted before.
    const removeUnmanaged = findKind(kind)?.ownable !== true;
    const removing = await requestOf(world, { namespace: 'ci', account: ACCOUNT, entities, removeUnmanaged });
    const planned = await plan(temporal, removing);
    expect(planned.result).toBe('pending');
    const removed = await apply(temporal, removing);
    expect(theOne(removed, kind).outcome).toBe('updated');
    expect(writes().sort()).toEqual([...unmanaged.operations].sort());
    const clean = await plan(temporal, request);
    expect(clean.entities.flatMap((entity) => entity.unmanaged)).toEqual([]);
  });
});

describe('an entity deleted by hand', () => {
  test('is made again, with everything that it held, and nothing else is touched', async () => {
    await externalActor.send([
      {
        operation: 'RemoveClientIDFromOpenIDConnectProvider',
        input: { ...TAGS['OpenIDConnectProvider']?.key, ClientID: 'law' },
      },
      { operation: 'DeleteOpenIDConnectProvider', input: { ...TAGS['OpenIDConnectProvider']?.key } },
    ]);
    const planned = await plan(temporal, request);
    expect(theOne(planned, 'OpenIDConnectProvider').decision).toBe('create');
    const report = await apply(temporal, request);
    expect(theOne(report, 'OpenIDConnectProvider').outcome).toBe('created');
    expect(writes()).toEqual(['CreateOpenIDConnectProvider']);
    await expectNothingToDo();
  });
});

describe('the command line', () => {
  test('reports drift by its exit code, in JSON and in text, and repairs it', async () => {
    const path = await world.manifest('drift.json', manifestOf({ namespace: 'ci', account: ACCOUNT, entities: ALL }));
    await externalActor.changeProperty('Role', 'maxSessionDuration');

    const json = await world.cli(['plan', '-f', path, '--detailed-exitcode', '--output', 'json']);
    expect(json.code).toBe(2);
    const drift = { path: 'maxSessionDuration', observed: 10_800, desired: 7_200 };
    expect(theOne(json.report(), 'Role').drift).toEqual([drift]);

    const text = await world.cli(['plan', '-f', path]);
    expect(text.code).toBe(0);
    expect(text.stdout).toMatch(/Role\/law\s+update\n\s+~ maxSessionDuration = 10800 -> 7200/);
    expect(text.stdout).not.toContain('User/law');
    expect(writes()).toEqual([]);

    const applied = await world.cli(['apply', '-f', path]);
    expect(applied.code).toBe(0);
    expect(applied.stdout).toMatch(/Role\/law\s+updated\s+UpdateRole/);
    expect(writes()).toEqual(['UpdateRole']);

    expect((await world.cli(['plan', '-f', path, '--detailed-exitcode'])).code).toBe(0);
  });
});
