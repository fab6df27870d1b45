import { setTimeout as pause } from 'node:timers/promises';
import type { IAM } from '@aws-sdk/client-iam';
import { conflicts } from '../../src/client/explain/conflicts.js';
import { explain } from '../../src/client/explain/explain.js';
import { loadRequest } from '../../src/client/request.js';
import { apply } from '../../src/client/run/start.js';
import type { JsonObject } from '../../src/contract/entity.js';
import type { Explanation, Explanations } from '../../src/contract/explain.js';
import { conflictsSchema, explanationsSchema } from '../../src/report/output-schemas.js';
import type { Report } from '../../src/contract/report.js';
import { manifestOf, role, trusting } from '../support/manifests-of.js';
import { entityOf } from '../support/runs.js';
import { iamClient } from '../support/sandbox.js';
import { ACCOUNT } from '../support/world.js';
import { temporal, useWorld, world } from '../support/use-world.js';

useWorld({ reset: false });

const AssumeRolePolicyDocument = JSON.stringify(trusting());

/** A person with the AWS CLI. These calls bypass the proxy. */
let person: IAM;

beforeAll(async () => {
  const admin = iamClient(world.sandbox.url);
  await admin.createUser({ UserName: 'alice' });
  const { AccessKey } = await admin.createAccessKey({ UserName: 'alice' });
  person = iamClient(world.sandbox.url, undefined, { accessKeyId: AccessKey?.AccessKeyId ?? '' });
});

/** Applies as a pipeline that has a link. */
async function run(namespace: string, entities: readonly JsonObject[], account = ACCOUNT): Promise<Report> {
  const path = await world.manifest(`${namespace}.json`, manifestOf({ namespace, account, entities }));
  const pipeline = { provider: 'github', url: `https://ci.example/${namespace}`, commit: null, actor: 'test' };
  const loaded = await loadRequest([path], { variables: {}, pipeline });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return apply(temporal, loaded.request);
}

/** Explains a query once Temporal lists the closed runs, which it does with a delay. */
async function explainAfter(query: string, runs: number): Promise<Explanations> {
  for (;;) {
    const answer = explanationsSchema.parse(await explain(temporal, query, { account: ACCOUNT }));
    const ended = answer.explanations[0]?.runs.filter(({ endedAt }) => endedAt !== null) ?? [];
    if (ended.length >= runs) return answer;
    await pause(200);
  }
}

async function explanationOf(query: string, runs = 1): Promise<Explanation> {
  const [first] = (await explainAfter(query, runs)).explanations;
  if (first === undefined) throw new Error('nothing was explained');
  return first;
}

function requestIdOf(reply: { readonly $metadata: { readonly requestId?: string } }): string {
  return reply.$metadata.requestId ?? '';
}

/** Returns the request ID of a call that AWS refuses. */
async function refusedId(call: Promise<unknown>): Promise<string> {
  const error: unknown = await call.then(
    () => undefined,
    (refusal: unknown) => refusal,
  );
  return requestIdOf(error as { $metadata: { requestId?: string } });
}

/** Runs a hook right before the first CreateRole with this name leaves the worker. */
function beforeCreateOf(RoleName: string, hook: () => Promise<unknown>): void {
  world.proxy.on({ action: 'CreateRole', params: { RoleName } }, { kind: 'hook', times: 1, before: hook });
}

const PERSON = `arn:aws:iam::${ACCOUNT}:user/alice`;

test('names all creators where two pipelines and a person create one role; later runs have no conflicts', async () => {
  let byPerson = '';
  beforeCreateOf('deploy', async () => {
    byPerson = requestIdOf(await person.createRole({ RoleName: 'deploy', AssumeRolePolicyDocument }));
  });
  const left = await run('left', [role('deploy')]);
  const right = await run('right', [role('deploy')]);
  const { requestId } = entityOf(left, 'Role/deploy').conflicts[0] ?? {};
  expect([left.result, right.result]).toEqual(['converged', 'refused']);

  await explainAfter('Role/deploy', 2);
  const ofLeft = await explanationOf(left.workflow.runId, 2);
  expect(ofLeft).toMatchObject({
    cause: 'parallel-writer',
    certainty: 'proven',
    requestedBy: { namespace: 'left', decision: 'adopt', outcome: 'adopted', runId: left.workflow.runId },
    refusedCreate: {
      operation: 'CreateRole',
      code: 'EntityAlreadyExists',
      status: 409,
      requestId,
      attempts: 1,
      sent: 1,
    },
    existing: {
      arn: `arn:aws:iam::${ACCOUNT}:role/deploy`,
      owner: 'iam-bootstrap namespace "left"',
      createdBy: PERSON,
      requestId: byPerson,
    },
  });
  expect(
    ofLeft.timeline.map(({ caller, description, requestId: id, source }) => [caller, description, id, source]),
  ).toEqual(
    expect.arrayContaining([
      [PERSON, 'CreateRole succeeded', byPerson, 'cloudtrail'],
      ['left (https://ci.example/left)', 'CreateRole failed: EntityAlreadyExists', requestId, 'both'],
      ['right (https://ci.example/right)', expect.stringMatching(/^run finished: refused/), null, 'temporal'],
    ]),
  );
  const ofRole = await explanationOf('Role/deploy', 2);
  expect(ofRole).toMatchObject({
    cause: 'existed-before',
    requestedBy: { namespace: 'right', outcome: 'refused' },
    command: expect.stringMatching(
      /^iam-bootstrap apply -f \S+right\.json --environment test --adopt foreign:Role\/deploy$/,
    ) as string,
  });
  expect(ofRole.runs.map(({ namespace, outcome }) => [namespace, outcome])).toEqual([
    ['right', 'refused'],
    ['left', 'adopted'],
  ]);
  expect(await explanationOf(requestId ?? '', 2)).toMatchObject({ name: 'deploy', requestedBy: { namespace: 'left' } });

  const later = [await run('left', [role('deploy')]), await run('right', [role('deploy-right')])];
  for (;;) {
    const { rows, days, by, runs, notes } = conflictsSchema.parse(await conflicts(temporal, { account: ACCOUNT }));
    await pause(200);
    if (runs < 4) continue;
    expect(rows.map(({ runId, outcome, requestId: id }) => [runId, outcome, id])).toEqual([
      [right.workflow.runId, 'refused', null],
      [left.workflow.runId, 'adopted', requestId],
    ]);
    expect(later.map(({ result, summary }) => [result, summary.conflicts])).toEqual([
      ['converged', 0],
      ['converged', 0],
    ]);
    expect(by).toMatchObject({ entity: { 'Role/deploy': 2 }, namespace: { left: 1, right: 1 } });
    expect(days.reduce((sum, day) => sum + day.conflicts, 0)).toBe(2);
    expect(notes).toEqual([expect.stringMatching(/^Temporal keeps runs for 1 d/)]);
    break;
  }
});

test('explains a lost reply with the request ID that the run never received', async () => {
  world.proxy.on({ action: 'CreateRole', params: { RoleName: 'lost' } }, { kind: 'reset-after', times: 1 });
  const report = await run('lost', [role('lost')]);
  expect(entityOf(report, 'Role/lost').writes).toMatchObject([{ operation: 'CreateRole', requestId: null }]);
  const found = await explanationOf('Role/lost');
  const made = world.proxy.calls.find(({ action, params }) => action === 'CreateRole' && params['RoleName'] === 'lost');
  expect(found).toMatchObject({
    cause: 'lost-reply',
    certainty: 'proven',
    refusedCreate: null,
    command: null,
    existing: { createdBy: 'lost (https://ci.example/lost)', requestId: made?.requestId },
  });
  expect(found.timeline).toContainEqual(
    expect.objectContaining({ description: 'CreateRole: reply lost', requestId: made?.requestId, source: 'both' }),
  );
  expect(found.timeline.map(({ description }) => description)).toContainEqual(
    expect.stringMatching(/^Temporal retried createEntity, attempt 2: CreateRole/),
  );
});

test('explains a repeated Create that met its own first attempt', async () => {
  const match = { params: { RoleName: 'again' } };
  world.proxy.on({ ...match, action: 'CreateRole' }, { kind: 'reset-after', times: 1 });
  world.proxy.on({ ...match, action: 'GetRole' }, { kind: 'stale-not-found', times: 1 });
  await run('again', [role('again')]);
  expect(await explanationOf('Role/again')).toMatchObject({
    cause: 'replayed-retry',
    certainty: 'proven',
    requestedBy: { outcome: 'created' },
    refusedCreate: { code: 'EntityAlreadyExists', attempts: 2, sent: 2 },
  });
});

test('names the creator of an entity that existed before, and the time', async () => {
  const byPerson = requestIdOf(await person.createRole({ RoleName: 'old', AssumeRolePolicyDocument }));
  await run('old', [role('old')]);
  expect(await explanationOf('Role/old')).toMatchObject({
    cause: 'existed-before',
    certainty: 'proven',
    requestedBy: { outcome: 'adopted' },
    refusedCreate: null,
    existing: { createdBy: PERSON, requestId: byPerson },
  });
});

test('explains a run whose credentials belong to another account', async () => {
  const report = await run('elsewhere', [role('elsewhere')], '222222222222');
  for (;;) {
    const { explanations, notes } = await explain(temporal, report.workflow.runId);
    await pause(200);
    if (explanations.length === 0) continue;
    expect(explanations).toMatchObject([
      { name: 'elsewhere', cause: 'other-account', command: 'iam-bootstrap doctor', existing: { status: 'unread' } },
    ]);
    expect(notes).toContainEqual(expect.stringContaining('the credentials belong to account 111111111111'));
    break;
  }
});

test('explains a refused Create of a person by its request ID', async () => {
  await run('first', [role('first')]);
  const requestId = await refusedId(person.createRole({ RoleName: 'first', AssumeRolePolicyDocument }));
  await explainAfter('Role/first', 1);
  expect(await explanationOf(requestId)).toMatchObject({
    name: 'first',
    cause: 'parallel-writer',
    requestedBy: null,
    refusedCreate: { caller: PERSON, code: 'EntityAlreadyExists', requestId, attempts: null },
    existing: { createdBy: 'first (https://ci.example/first)' },
  });
  await person.createRole({ RoleName: 'twice', AssumeRolePolicyDocument });
  const repeated = await refusedId(person.createRole({ RoleName: 'twice', AssumeRolePolicyDocument }));
  const { explanations } = await explain(temporal, repeated, { account: ACCOUNT });
  expect(explanations).toMatchObject([{ name: 'twice', cause: 'replayed-retry', requestedBy: null, runs: [] }]);
});

test('reports an unknown entity or request, and refuses a malformed query', async () => {
  const unknown = '00000000-0000-4000-8000-000000000000';
  for (const query of ['Role/nowhere', unknown]) {
    const { found, explanations, notes } = await explain(temporal, query, { account: ACCOUNT });
    expect([found, explanations]).toEqual([false, []]);
    expect(notes.join('\n')).toMatch(/is unknown.*(IAM|CloudTrail) does not show it/);
  }
  for (const query of ['deploy', 'Rôle/x', 'Role/', 'Role/a"b']) {
    await expect(explain(temporal, query)).rejects.toMatchObject({ name: 'QueryError' });
  }
});

test('the command line prints the explanation as text, and fails where nothing is known', async () => {
  const text = await world.cli(['explain', 'Role/deploy', '--account', ACCOUNT]);
  expect(text.code).toBe(0);
  expect(text.stdout).toContain('Role/deploy: it existed before');
  expect(text.stdout).toMatch(/answer {4}|type: {3}iam-bootstrap apply/);
  expect(text.stdout).toContain('right (https://ci.example/right): run finished: refused');
  const json = await world.cli(['explain', 'Role/nowhere', '--account', ACCOUNT, '--output', 'json']);
  expect(json.code).toBe(1);
  expect(explanationsSchema.parse(JSON.parse(json.stdout))).toMatchObject({ found: false });
  expect(await world.cli(['explain', 'Thing/x'])).toMatchObject({ code: 64 });
  const counted = await world.cli(['conflicts', '--since', '2h']);
  expect(counted.code).toBe(0);
  expect(counted.stdout).toMatch(/by day \(UTC\)\n {2}\d{4}-\d\d-\d\d/);
  expect(counted.stdout).toMatch(/Role\/deploy for left: adopted, parallel-writer, CreateRole refused in request/);
  const none = await world.cli(['conflicts', '--account', '333333333333']);
  expect(none.stdout).toMatch(/^No conflicts\. 0 runs ended/);
});
