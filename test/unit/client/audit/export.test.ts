import { lineOf } from '../../../../src/client/audit/audit-lines.js';
import { exportAudit } from '../../../../src/client/audit/export.js';
import { RunTally } from '../../../../src/client/audit/run-tally.js';
import { renderAuditExport } from '../../../../src/cli/render/audit.js';
import type { AuditExport, AuditRecord } from '../../../../src/contract/audit.js';
import type { Report } from '../../../../src/contract/report.js';
import { auditSchema } from '../../../../src/report/audit-schema.js';
import { completed, grpcError, type KeptRun, payloads, serverWith, started } from '../../../support/audited-runs.js';
import { entityReport, reportOf } from '../../../support/entity-report.js';

/** `audit export` of histories that no server of a test makes easily. */

const WORKFLOW = 'iam-bootstrap:111111111111:ci';
const TARGET = { target: { account: '111111111111', partition: 'aws' } };
const WRITE = { operation: 'CreateRole', requestId: 'r-1', at: '2026-01-02T00:00:01.000Z' };

function report(runId: string, more: Partial<Report> = {}): Report {
  const entities = [entityReport({ writes: [WRITE] })];
  return reportOf(entities, { workflow: { workflowId: WORKFLOW, runId, url: null }, ...more });
}

function run(runId: string, more: Partial<KeptRun> = {}): KeptRun {
  return { workflowId: WORKFLOW, runId, events: [started(TARGET), completed(report(runId))], ...more };
}

/** Exports twice, into one file of records: the second time adds nothing. */
async function exportOf(
  runs: readonly KeptRun[],
  records: AuditRecord[] = [],
): Promise<{ exported: AuditExport; records: AuditRecord[] }> {
  const tally = new RunTally();
  for (const record of records) tally.add(record);
  const sink = {
    hasRun: (end: Parameters<RunTally['hasRun']>[0]) => tally.hasRun(end),
    add: (added: readonly AuditRecord[]) => {
      const others = added.filter((record) => tally.add(record));
      records.push(...others.map((record) => auditSchema.parse(JSON.parse(JSON.stringify(record)))));
      return others;
    },
  };
  const exported = await exportAudit(serverWith(runs), sink);
  const before = records.length;
  await exportAudit(serverWith(runs), sink);
  expect(records).toHaveLength(before);
  return { exported, records };
}

function ofKind<K extends AuditRecord['kind']>(records: readonly AuditRecord[], kind: K) {
  return records.filter((record): record is Extract<AuditRecord, { kind: K }> => record.kind === kind);
}

test('a run that cannot be read as a report stops no other: a record names it and why', async () => {
  const { exported, records } = await exportOf([
    run('malformed', { events: [started(TARGET), completed({ ...report('malformed'), summary: 'none' })] }),
    run('broken', {
      events: [
        started(TARGET),
        {
          workflowExecutionCompletedEventAttributes: {
            result: payloads({ entities: [null], workflow: { runId: 'broken' } }),
          },
        },
      ],
    }),
    run('gone', { events: undefined as never }),
    run('huge', { events: grpcError(8) }),
    run('good'),
  ]);
  const unread = ofKind(records, 'unread');
  expect(unread.map(({ runId, reason }) => [runId, reason]).sort()).toEqual([
    ['broken', expect.stringMatching(/^it cannot be read as a run of iam-bootstrap: /)],
    ['gone', 'its history is gone'],
    ['huge', 'it cannot be read as a run of iam-bootstrap: status 8'],
    ['malformed', expect.stringContaining('no record of an export: report.summary: ')],
  ]);
  expect(unread[0]).toMatchObject({
    workflowId: WORKFLOW,
    account: '111111111111',
    namespace: 'ci',
    type: 'bootstrap',
  });
  expect(ofKind(records, 'run').map(({ runId }) => runId)).toEqual(['good']);
  expect(exported.unread).toHaveLength(4);
  expect(renderAuditExport(exported, 'file')).toContain('4 runs could not be read');
  // Once it can be read, the run is added.
  await exportOf([run('malformed')], records);
  expect(ofKind(records, 'run').map(({ runId }) => runId)).toEqual(['good', 'malformed']);
});

test.each([1, 7, 14, 16])('a server that answers with status %d stops the export: no run is to blame', async (code) => {
  await expect(exportOf([run('good'), run('other', { events: grpcError(code) })])).rejects.toThrow(
    `status ${String(code)}`,
  );
});

test('the approvals of a cancelled run and the reason come from its history', async () => {
  const approval = {
    plan: 'sha256:0',
    verdict: 'approved',
    by: 'alice',
    reason: 'as agreed',
    openedAt: '2026-01-02T00:00:01.000Z',
    at: '2026-01-02T00:00:02.000Z',
  };
  const { records } = await exportOf([
    run('cancelled', {
      status: 'CANCELLED',
      events: [
        started(TARGET),
        {
          workflowExecutionUpdateAcceptedEventAttributes: {
            acceptedRequest: { meta: { updateId: 'u' }, input: { name: 'approve' } },
          },
        },
        {
          workflowExecutionUpdateCompletedEventAttributes: {
            meta: { updateId: 'u' },
            outcome: { success: payloads(approval) },
          },
        },
        { workflowExecutionCancelRequestedEventAttributes: { cause: 'by grace: wrong branch', identity: 'cli@host' } },
        { workflowExecutionCanceledEventAttributes: {} },
      ],
    }),
  ]);
  expect(ofKind(records, 'approval')).toMatchObject([{ approval }]);
  expect(ofKind(records, 'run')).toMatchObject([
    { status: 'CANCELLED', reason: 'cancelled by cli@host: by grace: wrong branch', records: { approval: 1 } },
  ]);
});

test('a run that closes again after the database was restored is exported again', async () => {
  const { records } = await exportOf([run('twice', { closedAt: '2026-01-02T00:00:10.000Z' })]);
  const { exported } = await exportOf([run('twice', { closedAt: '2026-01-03T00:00:10.000Z' })], records);
  expect(exported).toMatchObject({ written: { run: 1, decision: 1, write: 1 }, known: 0 });
  expect(new Set(records.map(({ id }) => id)).size).toBe(6);
  expect(ofKind(records, 'write').map(({ closedAt }) => closedAt)).toEqual([
    '2026-01-02T00:00:10.000Z',
    '2026-01-03T00:00:10.000Z',
  ]);
});

test('runs of entities whose histories are gone are named in the record and in the summary', async () => {
  const child = (name: string): object => ({
    childWorkflowExecutionStartedEventAttributes: {
      workflowType: { name: 'reconcileEntity' },
      workflowExecution: { workflowId: `iam-bootstrap-entity:${name}`, runId: `of-${name}` },
    },
  });
  const request = { entity: { kind: 'Role', name: 'kept' }, action: 'create', intent: 'ended' };
  const { exported, records } = await exportOf([
    run('ended', {
      status: 'TERMINATED',
      events: [
        started(TARGET, { continuedExecutionRunId: 'before' }),
        child('kept'),
        child('gone'),
        { workflowExecutionTerminatedEventAttributes: { identity: 'cli@host', reason: '' } },
      ],
    }),
    {
      workflowId: 'iam-bootstrap-entity:kept',
      runId: 'of-kept',
      isPart: true,
      events: [started(request), completed({ report: entityReport({ name: 'kept', writes: [WRITE] }) })],
    },
  ]);
  const missing = [
    { workflowId: WORKFLOW, runId: 'before' },
    { workflowId: 'iam-bootstrap-entity:gone', runId: 'of-gone' },
  ];
  expect(ofKind(records, 'run')).toMatchObject([{ missing, records: { decision: 1, write: 1 } }]);
  expect(exported.incomplete).toMatchObject([{ runId: 'ended', reason: expect.stringContaining('of-gone') as string }]);
  expect(renderAuditExport(exported, 'file')).toContain('1 run exported without a part:');
});

test('the client that the server has authenticated counts, not the one that a report names', async () => {
  const first = { firstExecutionRunId: 'forged', originalExecutionRunId: 'forged' };
  const principal = { type: 'jwt', name: 'mallory' };
  const { records } = await exportOf([
    run('forged', {
      events: [
        started(TARGET, first, { principal }),
        completed(report('forged', { principal: { type: 'jwt', name: 'alice' } })),
      ],
    }),
  ]);
  expect(ofKind(records, 'run')).toMatchObject([{ principal }]);
});

test('a run whose line no file could be read with again is not written: a record names it and why', async () => {
  const { exported, records } = await exportOf([
    run('long', { events: [started(TARGET), completed(report('long', { reason: 'x'.repeat(34_000_000) }))] }),
    run('fields', { events: [started(TARGET), completed(report('fields', { ['x'.repeat(9_999)]: 1 }))] }),
    run('good'),
  ]);
  const reasons = ofKind(records, 'unread').map(({ runId, reason }) => [runId, reason]);
  expect(Object.fromEntries(reasons)).toEqual({
    long: expect.stringMatching(/: its run record is longer than a line may be, which is 64 MiB$/) as string,
    fields: expect.stringMatching(/Unrecognized key.*x…$/) as string,
  });
  expect(Math.max(...records.map((record) => lineOf(record).length))).toBeLessThan(5_000);
  expect(exported.unread).toHaveLength(2);
  expect(ofKind(records, 'run').map(({ runId }) => runId)).toEqual(['good']);
});

test('the report of another run does not count', async () => {
  const { records } = await exportOf([
    run('liar', {
      events: [started(TARGET), completed(report('another', { namespace: 'other', account: '222222222222' }))],
    }),
  ]);
  expect(records).toMatchObject([
    {
      kind: 'run',
      account: '111111111111',
      namespace: 'ci',
      report: null,
      result: null,
      reason: 'its result is the report of another run, another, and does not count',
    },
  ]);
});

test('a write that a reset has repeated is counted once, and the run names the one that it repeats', async () => {
  const twice = reportOf([entityReport({ writes: [WRITE, WRITE] })], {
    workflow: { workflowId: WORKFLOW, runId: 'again', url: null },
  });
  const { exported, records } = await exportOf([
    run('base'),
    run('again', {
      closedAt: '2026-01-02T00:01:00.000Z',
      events: [started(TARGET, { originalExecutionRunId: 'base' }), completed(twice)],
    }),
  ]);
  expect(exported.written).toEqual({ run: 2, decision: 2, approval: 0, write: 1 });
  expect(ofKind(records, 'run').map(({ resetOf, records: { write } }) => [resetOf, write])).toEqual([
    [undefined, 1],
    ['base', 1],
  ]);
});
