import fc from 'fast-check';
import { renderConflicts } from '../../../src/cli/render/conflicts.js';
import { renderExplanations } from '../../../src/cli/render/explain.js';
import { tallied } from '../../../src/client/conflicts.js';
import { retentionNote } from '../../../src/client/explain.js';
import { explanationOf, touchesOf } from '../../../src/client/explanation.js';
import type { Subject } from '../../../src/client/explanation.js';
import type { KeptRun } from '../../../src/client/histories.js';
import type { DesiredEntity } from '../../../src/contract/entity.js';
import type { Explanations, Found, Trail } from '../../../src/contract/explain.js';
import { summarize } from '../../../src/report/summarize.js';
import type { EntityReport, Outcome } from '../../../src/contract/report.js';
import { conflictsSchema, explanationsSchema } from '../../../src/report/explain-schema.js';
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

/** A run of a namespace that ended at some time, with what became of one role. */
function run(namespace: string, at: string, one: EntityReport, url = `https://ci.example/${namespace}`): KeptRun {
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
      version: 1,
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

const UNREAD: Found = { status: 'unread', message: 'no', arn: null, createdAt: null, owner: null, madeByRun: null };
const NO_TRAIL: Trail = { status: 'unavailable', message: 'no', events: [], truncated: false };

function explained(runs: readonly KeptRun[], found = UNREAD, trail = NO_TRAIL): Explanations {
  const touches = touchesOf(runs, [], DECLARED);
  const subject: Subject = { kind: 'Role', name: 'deploy', declared: DECLARED, touch: touches[0] ?? null, call: null };
  return explanationsSchema.parse({
    version: 1,
    command: 'explain',
    query: 'Role/deploy',
    account: '111111111111',
    from: FROM.toISOString(),
    to: TO.toISOString(),
    found: true,
    explanations: [explanationOf(subject, touches, found, trail)],
    trail: { status: trail.status, message: trail.message, truncated: false, events: trail.events.length },
    notes: [],
  });
}

describe('an explanation without CloudTrail', () => {
  const write = { operation: 'CreateRole', requestId: 'r-1', at: '2026-01-02T00:00:00.000Z' };
  const made = run('base', '2026-01-02T00:00:01.000Z', entity('created', { writes: [write] }));
  const remedy = 'choose another name, or take it over with --adopt foreign:Role/deploy';
  const refused = run('app', '2026-01-03T00:00:00.000Z', entity('refused', { remedy, reason: 'belongs to base' }));

  test('knows the run that made it, and the command to take it over, quoted for a shell', () => {
    expect(explained([refused, made]).explanations[0]).toMatchObject({
      cause: 'existed-before',
      certainty: 'proven',
      command: `iam-bootstrap apply -f 'it'\\''s.yaml' --environment prod --adopt foreign:Role/deploy`,
      remedy,
      there: { madeBy: 'base (https://ci.example/base)', requestId: 'r-1' },
      answered: null,
    });
  });

  test('takes the date of its creation, where no run made it', () => {
    const found: Found = { ...UNREAD, status: 'there', createdAt: '2025-06-01T00:00:00.000Z', madeByRun: 'long-ago' };
    expect(explained([refused], found).explanations[0]).toMatchObject({
      headline: 'run long-ago created it before, at 2025-06-01T00:00:00.000Z',
      there: { madeBy: 'run long-ago', madeAt: '2025-06-01T00:00:00.000Z' },
    });
  });

  test('says nothing of a maker where the entity is gone', () => {
    const found: Found = { ...UNREAD, status: 'absent' };
    expect(explained([refused, made], found).explanations[0]?.there).toMatchObject({ madeBy: null, madeAt: null });
  });

  test('is printed without what would move the cursor', () => {
    const hostile = run('app', '2026-01-03T00:00:00.000Z', entity('adopted'), 'https://ci/\u001b[2J\n::error::x');
    const text = renderExplanations(explained([hostile]));
    expect(text).not.toMatch(/\u001b\[2J|^::/m);
    expect(text).toContain('Role/deploy: it existed before');
  });
});

describe('the tally of conflicts', () => {
  test('has each day of the window, those without a run too', () => {
    const { days, conflicts } = tallied([], FROM, TO);
    expect(days.map(({ day }) => day)).toEqual(['2026-01-01', '2026-01-02', '2026-01-03', '2026-01-04']);
    expect(conflicts).toBe(0);
  });

  test('counts each meeting once in each table, whatever the runs are', () => {
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
        const tally = conflictsSchema.parse({ ...tallied(sorted, FROM, TO), notes: [] });
        const sums = Object.values(tally.by).map((counts) => Object.values(counts).reduce((sum, n) => sum + n, 0));
        expect(new Set([...sums, tally.rows.length, tally.days.reduce((sum, day) => sum + day.conflicts, 0)])).toEqual(
          new Set([tally.conflicts]),
        );
        expect(tally.days.reduce((sum, day) => sum + day.runs, 0)).toBe(tally.runs);
        expect(tally.rows.filter(({ cause }) => cause === 'none')).toEqual([]);
      }),
    );
  });

  test('is a chart whose longest bar is of the worst day, and a sentence where there was nothing', () => {
    const runs = [
      run('left', '2026-01-03T00:00:00.000Z', entity('refused')),
      run('right', '2026-01-02T02:00:00.000Z', entity('adopted')),
      run('left', '2026-01-02T01:00:00.000Z', entity('refused')),
    ];
    const text = renderConflicts({ ...tallied(runs, FROM, TO), notes: [] });
    expect(text).toMatch(new RegExp(`2026-01-02 {2}█{40} +2 of 2 runs`));
    expect(text).toMatch(new RegExp(`2026-01-03 {2}█{20} +1 of 1 run`));
    expect(text).toMatch(/2026-01-04 +0 of 0 runs/);
    expect(renderConflicts({ ...tallied([], FROM, TO), notes: [] })).toMatch(/^no conflicts: 0 runs ended between/);
  });
});

test.each([
  [24, 7 * 24, 'Temporal keeps runs for 1 d after their end'],
  [36, 7 * 24, 'Temporal keeps runs for 36 h after their end'],
  [7 * 24, 7 * 24, null],
])('a retention of %i hours where %i are asked for', (kept, asked, text) => {
  const note = retentionNote(kept * 3_600_000, asked * 3_600_000);
  expect(note?.slice(0, text?.length) ?? null).toBe(text);
});
