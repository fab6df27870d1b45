import { apply, plan } from '../../src/client/run/start.js';
import type { JsonObject } from '../../src/contract/entity.js';
import type { BootstrapRequest } from '../../src/contract/request.js';
import { exitCodeOf } from '../../src/report/build.js';
import type { EntityReport, Report } from '../../src/contract/report.js';
import { findKind } from '../../src/kinds/index.js';
import { ExternalActor } from '../support/external-actor.js';
import { KIND_FIXTURES } from '../support/kind-fixtures/index.js';
import { manifestOf, requestOf } from '../support/manifests-of.js';
import { ACCOUNT } from '../support/world.js';
import { entityOf, writesIn } from '../support/runs.js';
import { iam, temporal, useWorld, world } from '../support/use-world.js';

useWorld({ reset: 'calls' });

const KINDS = Object.keys(KIND_FIXTURES);
const ALL = Object.entries(KIND_FIXTURES).map(([kind, { full }]): JsonObject => ({ kind, ...full }));

let externalActor: ExternalActor;
let request: BootstrapRequest;

beforeAll(async () => {
  externalActor = new ExternalActor(world);
  await externalActor.storeSecrets();
  const prerequisites = Object.values(KIND_FIXTURES)
    .flatMap((fixture) => fixture.prerequisites)
    // Declared here itself.
    .filter(({ operation, input }) => operation !== 'CreateUser' || input['UserName'] !== 'law');
  await externalActor.send([...new Map(prerequisites.map((step) => [JSON.stringify(step), step])).values()]);
  request = await requestOf(world, { namespace: 'ci', account: ACCOUNT, entities: ALL });
  const first = await apply(temporal, request);
  const alwaysThere = KINDS.filter((kind) => KIND_FIXTURES[kind]?.alwaysPresent !== undefined).length;
  expect(first.result).toBe('converged');
  expect(first.summary).toMatchObject({ created: KINDS.length - alwaysThere, updated: alwaysThere });
});

/** The properties of a kind that can be changed by hand. */
function changesOf(kind: string): string[] {
  const properties = Object.entries(KIND_FIXTURES[kind]?.properties ?? {});
  return properties.flatMap(([property, { manualWrites }]) => (manualWrites === undefined ? [] : [property]));
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

async function expectNothingToDo(): Promise<void> {
  const clean = await plan(temporal, request);
  expect(clean.entities.flatMap(({ drift }) => drift)).toEqual([]);
  expect(exitCodeOf(clean.result, { detailed: true })).toBe(0);
}

test('nothing drifts right after everything was made', async () => {
  await expectNothingToDo();
  expect(writesIn(world)).toEqual([]);
});

test('every change by hand is found by its name and repaired in one run', async () => {
  const CHANGEABLE = KINDS.filter((kind) => changesOf(kind).length > 0);
  for (const kind of KINDS) for (const property of changesOf(kind)) await externalActor.changeProperty(kind, property);
  await iam.tagRole({ RoleName: 'law', Tags: [{ Key: 'team', Value: 'another' }] });
  await iam.untagRole({ RoleName: 'law', TagKeys: ['stage'] });

  const planned = await plan(temporal, request);
  expect([planned.result, exitCodeOf(planned.result, { detailed: true })]).toEqual(['pending', 2]);
  expect(writesIn(world)).toEqual([]);
  const drifting = planned.entities.filter(({ drift }) => drift.length > 0);
  expect(drifting.map(({ kind, decision }) => [kind, decision]).sort()).toEqual(
    CHANGEABLE.map((kind) => [kind, 'update']).sort(),
  );
  for (const { kind, drift } of drifting) {
    const paths = changesOf(kind).flatMap((property) => KIND_FIXTURES[kind]?.properties[property]?.paths ?? []);
    const others = drift.filter(({ path }) => ![...paths, 'tags'].some((start) => path.startsWith(start)));
    expect([kind, others]).toEqual([kind, []]);
  }
  expect(entityOf(planned, 'Role/law').drift.map(({ path }) => path)).toEqual(
    expect.arrayContaining(['inlinePolicies.write', 'managedPolicyArns', 'tags.team', 'tags.stage']),
  );

  const applied = await apply(temporal, request);
  expect(applied.summary).toMatchObject({ updated: CHANGEABLE.length, unchanged: KINDS.length - CHANGEABLE.length });
  for (const { kind, drift, writes } of applied.entities) {
    expect(drift).toEqual(planned.entities.find((entity) => entity.kind === kind)?.drift);
    // Under a boundary that is exchanged, a document is first reduced to what old and new have in common: to nothing here.
    const known = changesOf(kind).flatMap((property) => KIND_FIXTURES[kind]?.properties[property]?.operations ?? []);
    known.push('DeleteRolePolicy', 'DeleteUserPolicy');
    const operations = writes.map(({ operation }) => operation);
    expect([kind, operations.filter((name) => name !== 'TagRole' && !known.some((one) => one === name))]).toEqual([
      kind,
      [],
    ]);
  }
  const requestIds = applied.entities.flatMap(({ writes }) => writes.map(({ requestId }) => requestId));
  expect(requestIds.sort()).toEqual(
    world.proxy
      .writes()
      .map(({ requestId }) => requestId)
      .sort(),
  );
  await expectNothingToDo();
});

test('content added by hand to every kind is reported and kept, and removed where the manifest says so', async () => {
  const added = Object.entries(KIND_FIXTURES).flatMap(([kind, { unmanaged }]) =>
    unmanaged === undefined ? [] : [{ kind, ...unmanaged }],
  );
  for (const { byHand } of added) await externalActor.send(byHand);
  const kept = await apply(temporal, request);
  expect([kept.result, writesIn(world)]).toEqual(['converged', []]);
  for (const { kind, lines } of added) {
    const entity = kept.entities.find((one) => one.kind === kind);
    expect([kind, [...(entity?.unmanaged ?? [])].sort()]).toEqual([kind, [...lines].sort()]);
  }
  const entities = ALL.map((entity) => ({ ...entity, unmanaged: 'remove' }));
  // What carries no tags cannot show that it was adopted before.
  const removing = await requestOf(world, { namespace: 'ci', account: ACCOUNT, entities, removeUnmanaged: true });
  expect((await plan(temporal, removing)).result).toBe('pending');
  const removed = await apply(temporal, removing);
  expect(removed.entities.filter(({ outcome }) => outcome === 'updated').map(({ kind }) => kind)).toEqual(
    added.map(({ kind }) => kind),
  );
  expect(writesIn(world).sort()).toEqual(added.flatMap(({ operations }) => operations).sort());
  const clean = await plan(temporal, request);
  expect(clean.entities.flatMap((entity) => entity.unmanaged)).toEqual([]);
});

test('an entity deleted by hand is created again, with everything that it held, and nothing else is touched', async () => {
  const OpenIDConnectProviderArn = `arn:aws:iam::${ACCOUNT}:oidc-provider/tokens.example.com/law`;
  await iam.deleteOpenIDConnectProvider({ OpenIDConnectProviderArn });
  const planned = await plan(temporal, request);
  expect(theOne(planned, 'OpenIDConnectProvider').decision).toBe('create');
  const report = await apply(temporal, request);
  expect(theOne(report, 'OpenIDConnectProvider').outcome).toBe('created');
  expect(writesIn(world)).toEqual(['CreateOpenIDConnectProvider']);
  await expectNothingToDo();
});

test('another Sid is shown as cosmetic, and nothing is written because of it', async () => {
  const { AssumeRolePolicyDocument = '' } = (await iam.getRole({ RoleName: 'law' })).Role ?? {};
  const trust = JSON.parse(decodeURIComponent(AssumeRolePolicyDocument)) as { Statement: [{ Sid?: string }] };
  const declared = trust.Statement[0].Sid;
  trust.Statement[0].Sid = 'ByHand';
  await iam.updateAssumeRolePolicy({ RoleName: 'law', PolicyDocument: JSON.stringify(trust) });
  world.proxy.clear();

  const path = await world.manifest('sid.json', manifestOf({ namespace: 'ci', account: ACCOUNT, entities: ALL }));
  const line = `assumeRolePolicyDocument: Sid "ByHand" -> ${declared === undefined ? 'none' : `"${declared}"`}`;
  const planned = await world.cli(['plan', '-f', path, '--detailed-exitcode']);
  expect(planned.code).toBe(0);
  expect(planned.stdout).toContain(`cosmetic, written with the next change of the document: ${line}`);
  const applied = await world.cli(['apply', '-f', path, '--output', 'json']);
  expect(applied.code).toBe(0);
  expect(theOne(applied.report(), 'Role')).toMatchObject({ outcome: 'unchanged', drift: [], cosmetic: [line] });
  expect(writesIn(world)).toEqual([]);
});

test('the command line reports drift by its exit code, in JSON and in text, and repairs it', async () => {
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
  expect(writesIn(world)).toEqual([]);

  const applied = await world.cli(['apply', '-f', path]);
  expect(applied.code).toBe(0);
  expect(applied.stdout).toMatch(/Role\/law\s+updated\s+UpdateRole/);
  expect(writesIn(world)).toEqual(['UpdateRole']);

  expect((await world.cli(['plan', '-f', path, '--detailed-exitcode'])).code).toBe(0);
});
