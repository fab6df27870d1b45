import { randomBytes } from 'node:crypto';
import { readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { explain } from '../../src/client/explain/explain.js';
import { triggerSchedule } from '../../src/client/schedule/change.js';
import { createSchedule } from '../../src/client/schedule/create.js';
import { describeSchedule } from '../../src/client/schedule/read.js';
import type { AuditRecord } from '../../src/contract/audit.js';
import type { JsonObject } from '../../src/contract/entity.js';
import { bootstrapWorkflowId, entityWorkflowId } from '../../src/contract/workflow-ids.js';
import { auditSchema } from '../../src/report/audit-schema.js';
import { hold } from '../support/hold.js';
import { allowing, manifestOf, requestOf, role } from '../support/manifests-of.js';
import { until } from '../support/schedules.js';
import { createRole, runCommand, runs, temporal, useWorld, world } from '../support/use-world.js';
import { ACCOUNT, type CommandResult } from '../support/world.js';

/** `audit export` on a real server: every write that AWS counted is in the file, once, and outlasts the server's memory. */

useWorld({ reset: false, replay: { notBecause: 'some runs are deleted' } });

let files = 0;

/** Returns the path of a new file. */
function newFile(): string {
  files += 1;
  return join(world.directory, 'exports', `audit-${String(files)}.jsonl`);
}

function exportTo(file: string, ...options: readonly string[]): Promise<CommandResult> {
  return world.cli(['audit', 'export', '--output', file, ...options]);
}

async function recordsIn(file: string): Promise<AuditRecord[]> {
  const lines = (await readFile(file, 'utf8')).split('\n').slice(0, -1);
  return lines.map((line) => auditSchema.parse(JSON.parse(line)));
}

function ofKind<K extends AuditRecord['kind']>(
  records: readonly AuditRecord[],
  kind: K,
): Extract<AuditRecord, { kind: K }>[] {
  return records.filter((record): record is Extract<AuditRecord, { kind: K }> => record.kind === kind);
}

/** Exports once Temporal lists all of these runs as closed, which it does with a delay. */
async function exportOf(runIds: readonly string[]): Promise<{ file: string; records: AuditRecord[] }> {
  return until(async () => {
    const file = newFile();
    expect(await exportTo(file)).toMatchObject({ code: 0 });
    const records = await recordsIn(file);
    return runIds.every((runId) => records.some((one) => one.kind === 'run' && one.runId === runId))
      ? { file, records }
      : undefined;
  });
}

/** The request IDs of the writes that AWS has accepted, as the proxy counted them. */
function acceptedWrites(): (string | undefined)[] {
  return world.proxy.writes().flatMap((call) => (call.code === undefined ? [call.requestId] : []));
}

async function secretOf(file: string): Promise<string> {
  const stored = JSON.parse(await readFile(join(world.directory, 'secrets', file), 'utf8')) as {
    SecretAccessKey: string;
  };
  return stored.SecretAccessKey;
}

const KEY: JsonObject = { kind: 'AccessKey', userName: 'bot', secret: { file: 'bot' } };

test('exports each run with its decisions, its approval and every write that AWS has accepted, and no secret', async () => {
  await createRole('old');
  const applied = await runs.apply([
    role('deploy', { inlinePolicies: { state: allowing('s3:GetObject') } }),
    role('old'),
    { kind: 'User', userName: 'bot' },
    KEY,
  ]);
  const unchanged = await runs.plan([role('deploy')]);
  const gated = await world.cli([
    'apply',
    '-f',
    await manifest('gated', [role('gated')]),
    '--require-approval',
    '--no-wait',
  ]);
  expect(gated.code).toBe(4);
  const where = ['--account', ACCOUNT, '--namespace', 'gated'];
  expect(await world.cli(['approve', ...where, '--as', 'alice', '--reason', 'as agreed', '--yes'])).toMatchObject({
    code: 0,
  });
  await temporal.client.workflow.getHandle(bootstrapWorkflowId(ACCOUNT, 'gated')).result();
  const destroyed = await runs.apply([role('deploy')], { command: 'destroy', namespace: 'gone' });

  const { file, records } = await exportOf([applied, unchanged, destroyed].map(({ workflow }) => workflow.runId));

  expect((await stat(file)).mode & 0o777).toBe(0o600);
  const [first, ...others] = ofKind(records, 'run');
  expect(first).toMatchObject({
    type: 'bootstrap',
    runId: applied.workflow.runId,
    account: ACCOUNT,
    namespace: 'ci',
    result: 'converged',
    target: { account: ACCOUNT, partition: 'aws' },
    records: { decision: 4, approval: 0 },
    report: { command: 'apply', digest: applied.digest },
  });
  expect(others.map(({ type, namespace, status, report }) => [type, namespace, status, report?.command])).toEqual([
    ['plan', 'ci', 'COMPLETED', 'plan'],
    ['bootstrap', 'gated', 'COMPLETED', 'apply'],
    ['bootstrap', 'gone', expect.any(String), 'destroy'],
  ]);
  expect(
    ofKind(records, 'decision')
      .filter(({ runId }) => runId === applied.workflow.runId)
      .map(({ entity, report }) => [entity, report.decision, report.outcome]),
  ).toEqual([
    ['Role/deploy', 'create', 'created'],
    ['Role/old', 'adopt', 'adopted'],
    ['User/bot', 'create', 'created'],
    ['AccessKey/bot', 'create', 'created'],
  ]);
  expect(ofKind(records, 'approval')).toMatchObject([
    { namespace: 'gated', approval: { verdict: 'approved', by: 'alice', reason: 'as agreed' } },
  ]);
  const ids = ofKind(records, 'write').map(({ requestId }) => requestId);
  expect(ids.sort()).toEqual(acceptedWrites().sort());
  expect(new Set(ids).size).toBe(ids.length);
  expect(await readFile(file, 'utf8')).not.toContain(await secretOf('bot'));
});

async function manifest(namespace: string, entities: readonly JsonObject[]): Promise<string> {
  return world.manifest(`${namespace}.json`, manifestOf({ namespace, account: ACCOUNT, entities }));
}

test('a repeated export adds what is new and nothing else, and a new file gets the same lines in the same order', async () => {
  const { file } = await exportOf([]);
  const before = await readFile(file, 'utf8');
  const again = await exportTo(file);
  expect([again.code, again.stdout]).toEqual([0, expect.stringMatching(/^Exported 0 runs, .*\n\d+ runs had been/)]);
  expect(await readFile(file, 'utf8')).toBe(before);
  const printed = await exportTo('-');
  expect([printed.code, printed.stdout]).toEqual([0, before]);

  const next = await runs.apply([role('next')], { namespace: 'next' });
  await exportOf([next.workflow.runId]);
  // Two at a time: the second one waits for the first.
  expect((await Promise.all([exportTo(file), exportTo(file)])).map(({ code }) => code)).toEqual([0, 0]);
  const after = await readFile(file, 'utf8');
  expect(after.startsWith(before)).toBe(true);
  const added = (await recordsIn(file)).slice(before.trimEnd().split('\n').length);
  expect(added.map(({ kind, runId }) => [kind, runId])).toEqual([
    ['run', next.workflow.runId],
    ['decision', next.workflow.runId],
    ['write', next.workflow.runId],
  ]);
});

test('what an export that was killed has left incomplete is completed, and another file is not touched', async () => {
  const { file } = await exportOf([]);
  const whole = await readFile(file, 'utf8');
  for (const bytes of [1, 20, (whole.trimEnd().split('\n').at(-1)?.length ?? 0) + 2]) {
    await truncate(file, whole.length - bytes);
    const repaired = await exportTo(file);
    expect([repaired.code, repaired.stderr]).toEqual([0, expect.stringContaining(' was incomplete')]);
    expect(await readFile(file, 'utf8')).toBe(whole);
  }
  for (const content of ['hello', 'hello\n', '{"version":2}\n']) {
    const other = join(world.directory, 'other.jsonl');
    await writeFile(other, content);
    const refused = expect.stringContaining(`${other}:1: `) as string;
    expect(await exportTo(other)).toMatchObject({ code: 64, stderr: refused });
    expect(await readFile(other, 'utf8')).toBe(content);
  }
});

test('an open run is left for the next export; a terminated one tells what it has written', async () => {
  const held = hold(world.proxy, { action: 'PutRolePolicy', params: { RoleName: 'half' } });
  const started = runCommand('apply', [role('half', { inlinePolicies: { a: allowing('s3:GetObject') } })], [], 'half');
  await held.reached;
  const handle = temporal.client.workflow.getHandle(bootstrapWorkflowId(ACCOUNT, 'half'));
  const { runId } = await handle.describe();
  const file = newFile();
  const open = await exportTo(file);
  expect([open.code, open.stdout]).toEqual([0, expect.stringContaining(`(run ${runId}): it is still open`)]);
  await handle.terminate('by mistake');
  held.release();
  await temporal.client.workflow
    .getHandle(entityWorkflowId(ACCOUNT, { kind: 'Role', name: 'half' }, String))
    .result()
    .catch(() => undefined);
  await started;
  const records = await until(async () => {
    expect(await exportTo(file)).toMatchObject({ code: 0 });
    const found = (await recordsIn(file)).filter((record) => record.runId === runId);
    return found.length > 0 ? found : undefined;
  });
  expect(ofKind(records, 'run')).toMatchObject([
    {
      status: 'TERMINATED',
      result: null,
      report: null,
      reason: expect.stringMatching(/^terminated by .*: by mistake$/) as string,
    },
  ]);
  const made = world.proxy.writes().filter(({ params, code }) => params['RoleName'] === 'half' && code === undefined);
  expect(ofKind(records, 'write').map(({ operation, requestId }) => [operation, requestId])).toEqual(
    made.map(({ action, requestId }) => [action, requestId]),
  );
});

test('runs of fleets, schedules and captures are exported, with the run that started each', async () => {
  const path = await world.manifest('fleet.json', {
    version: 1,
    namespace: 'fleet',
    fleets: {
      all: {
        accounts: { ids: ['300000000001', '300000000002'] },
        assumeRole: 'arn:{{partition}}:iam::{{account}}:role/x',
        waves: [{ accounts: 1 }, { percent: 100 }],
      },
    },
    entities: [role('of-fleet')],
  });
  const started = world.cli(['apply', '-f', path, '--fleet', 'all', '--approve-waves', '--output', 'json']);
  const where = ['--namespace', 'fleet', '--fleet', 'all', '--as', 'alice', '--yes'];
  await until(async () => ((await world.cli(['approve', ...where])).code === 0 ? true : undefined));
  expect(await started).toMatchObject({ code: 0 });
  const request = await requestOf(world, { namespace: 'watched', account: ACCOUNT, entities: [role('watched')] });
  const { id } = await createSchedule(temporal, { request, command: 'enforce', timing: { every: 3_600_000 } });
  const looked = await triggerSchedule(temporal, id);
  await until(async () =>
    (await describeSchedule(temporal, id)).runs.find(
      ({ runId, state }) => runId === looked?.runId && state !== 'running',
    ),
  );
  const captured = ['--account', ACCOUNT, '--namespace', 'captured', '--directory', join(world.directory, 'captured')];
  expect(await world.cli(['capture', ...captured])).toMatchObject({ code: 0 });

  const { records } = await exportOf([looked?.runId ?? '']);
  const found = ofKind(records, 'run');
  const fleet = found.find(({ type }) => type === 'fleet');
  expect(fleet).toMatchObject({ account: null, namespace: 'fleet', result: 'converged', fleet: { fleet: 'all' } });
  expect(ofKind(records, 'approval').filter(({ runId }) => runId === fleet?.runId)).toMatchObject([
    { approval: { verdict: 'approved', by: 'alice' } },
  ]);
  const parentsOf = (namespace: string) =>
    found
      .filter((run) => run.type === 'bootstrap' && run.namespace === namespace)
      .map(({ account, parent }) => [account, parent?.runId]);
  expect(parentsOf('fleet')).toEqual([
    ['300000000001', fleet?.runId],
    ['300000000002', fleet?.runId],
  ]);
  expect(parentsOf('watched')).toEqual([[ACCOUNT, looked?.runId]]);
  expect(found.find(({ type }) => type === 'scheduledRun')).toMatchObject({
    namespace: 'watched',
    scheduled: { command: 'enforce', result: 'converged', corrected: 1 },
  });
  expect(found.find(({ type }) => type === 'capture')).toMatchObject({
    account: ACCOUNT,
    namespace: null,
    report: null,
  });
});

test('explain answers from exported records once Temporal has forgotten the run, and says so', async () => {
  const report = await runs.apply([role('forgotten')], { namespace: 'forgotten' });
  const { runId, workflowId } = report.workflow;
  const { file } = await exportOf([runId]);
  const [known] = (await explain(temporal, 'Role/forgotten', { account: ACCOUNT })).explanations;

  const digest = (): string => '';
  await forget(workflowId, entityWorkflowId(ACCOUNT, { kind: 'Role', name: 'forgotten' }, digest));

  const without = await explain(temporal, 'Role/forgotten', { account: ACCOUNT });
  expect(without.explanations).toMatchObject([{ requestedBy: null, runs: [] }]);
  const options = { account: ACCOUNT, audit: [file] };
  const { explanations, notes } = await explain(temporal, 'Role/forgotten', options);
  expect(explanations).toMatchObject([
    {
      cause: known?.cause,
      certainty: 'inferred',
      headline: known?.headline,
      requestedBy: { source: 'audit', runId, namespace: 'forgotten', outcome: 'created' },
      // CloudTrail, which shows the call, counts more than the file.
      existing: {
        createdBy: expect.stringContaining('arn:') as string,
        requestId: known?.existing.requestId,
      },
    },
  ]);
  expect(notes).toContain(`1 run from files (${file}): nothing proves what files tell`);
  const requestId = report.entities[0]?.writes[0]?.requestId ?? '';
  expect(await explain(temporal, requestId, options)).toMatchObject({ found: true });
  const text = await world.cli(['explain', runId, '--account', ACCOUNT, '--audit', dirname(file)]);
  expect([text.code, text.stdout]).toEqual([0, expect.stringContaining('the run is from files (')]);
  // A file chooses neither the account that a worker reads, nor the role that it reads with.
  const forged = join(world.directory, 'forged.jsonl');
  await writeFile(forged, (await readFile(file, 'utf8')).replaceAll(ACCOUNT, '999999999999'));
  const tried = await world.cli(['explain', runId, '--account', ACCOUNT, '--audit', forged]);
  expect([tried.code, tried.stderr]).toEqual([
    64,
    expect.stringContaining(`the file tells that run ${runId} was in account 999999999999, not in ${ACCOUNT}`),
  ]);
  expect(await world.cli(['explain', 'Role/forgotten', '--audit', join(world.directory, 'secrets')])).toMatchObject({
    code: 64,
  });
});

/** Deletes all runs of workflows, as the server does at the end of their retention. */
async function forget(...workflowIds: readonly string[]): Promise<void> {
  const { workflowService, workflow, options } = temporal.client;
  for (const workflowId of workflowIds) {
    const query = `WorkflowId = "${workflowId}"`;
    for await (const { runId } of workflow.list({ query })) {
      await workflowService.deleteWorkflowExecution({
        namespace: options.namespace,
        workflowExecution: { workflowId, runId },
      });
    }
    await until(async () => ((await workflow.count(query)).count === 0 ? true : undefined));
  }
}

test('a run that is encrypted with another key is named, and exported once the key is there', async () => {
  const path = join(world.directory, 'keys');
  await writeFile(path, `2026-01: ${randomBytes(32).toString('base64')}\n`, { mode: 0o600 });
  const keys = { IAM_BOOTSTRAP_ENCRYPTION_KEYS_FILE: path, IAM_BOOTSTRAP_TASK_QUEUE: 'encrypted' };
  const worker = await world.startWorker(keys);
  const applied = await world.cli(
    ['apply', '-f', await manifest('hidden', [role('hidden')]), '--output', 'json'],
    keys,
  );
  await worker.stop();
  const { workflowId, runId } = applied.report().workflow;
  const file = newFile();
  const hidden = await until(async () => {
    const tried = await exportTo(file);
    return tried.stdout.includes(runId) ? tried : undefined;
  });
  expect([hidden.code, hidden.stdout]).toEqual([
    1,
    expect.stringContaining(`${workflowId} (run ${runId}): it is encrypted with key 2026-01, which is missing here`),
  ]);
  expect((await recordsIn(file)).filter((record) => record.runId === runId)).toMatchObject([
    { kind: 'unread', workflowId, reason: 'it is encrypted with key 2026-01, which is missing here' },
  ]);
  expect(await world.cli(['audit', 'export', '--output', file], keys)).toMatchObject({ code: 0 });
  expect((await recordsIn(file)).filter((record) => record.runId === runId).map(({ kind }) => kind)).toEqual([
    'unread',
    'run',
    'decision',
    'write',
  ]);
});
