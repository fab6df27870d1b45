import type { DriftLook, DriftRecord, FailedLook, FoundDrift } from '../../../src/contract/drift-record.js';
import { driftRecord } from '../../../src/contract/schedule-shapes.js';
import { exitCodeOf } from '../../../src/cli/commands/drift.js';
import { renderDrift } from '../../../src/cli/render/drift.js';
import { stateOf } from '../../../src/client/drift.js';
import { completedRecord, driftStateText, emptyRecord, incompleteText } from '../../../src/report/drift-record.js';
import { withFailure, withLook, withoutSchedule } from '../../../src/workflows/drift-changes.js';

/** A drift record and the looks of several schedules at one environment. */
class Recorded {
  record: DriftRecord = emptyRecord({ account: '111111111111', namespace: 'ci', environment: 'prod' });
  #looks = 0;

  /** Records a look of a schedule, and returns what it tells. */
  look(schedule: string, names: readonly string[], more: Partial<DriftLook> = {}): object {
    this.#looks += 1;
    const runId = `run-${String(this.#looks)}`;
    const look: DriftLook = {
      at: new Date(this.#looks * 60_000).toISOString(),
      run: { schedule, command: 'detect', workflowId: schedule, runId },
      manifest: `${schedule}.yaml`,
      declared: 3,
      found: names.map((name): FoundDrift => ({ kind: 'Role', name, action: 'update', lines: ['x'] })),
      inDrift: names.length,
      corrected: [],
      ...more,
    };
    return this.apply(look);
  }

  apply(look: DriftLook): object {
    const { record, changes } = withLook(this.record, look);
    this.record = record;
    const { begun, ended, looking } = changes;
    return { begun: begun.map(({ name }) => name), ended: ended.map(({ name }) => name), looking };
  }

  fail(schedule: string, reason: string, result = 'refused'): string | null {
    const run = { schedule, command: 'detect', workflowId: schedule, runId: 'run' } as const;
    const failed: FailedLook = { at: '2026-01-01T00:00:00.000Z', result, reason, run };
    const { record, changes } = withFailure(this.record, failed);
    this.record = record;
    return changes.looking;
  }
}

const NOTHING = { begun: [], ended: [], looking: null };

let recorded: Recorded;

beforeEach(() => {
  recorded = new Recorded();
});

test('schedules that look at different entities in turn tell each drift once, and its end once', () => {
  expect(recorded.look('one', ['a'])).toEqual({ ...NOTHING, begun: ['a'] });
  expect(recorded.look('two', ['b'])).toEqual({ ...NOTHING, begun: ['b'] });
  expect(recorded.look('one', ['a'])).toEqual(NOTHING);
  expect(recorded.look('two', ['b'])).toEqual(NOTHING);
  expect(recorded.record).toMatchObject({ inDrift: 2, declared: 6 });
  expect(recorded.look('one', [])).toEqual({ ...NOTHING, ended: ['a'] });
  expect(recorded.look('two', ['b'])).toEqual(NOTHING);
  expect(recorded.record).toMatchObject({ inDrift: 1, drifted: [{ name: 'b', schedules: ['two'] }] });
});

test('an entity that two schedules see is told once, counts once, and ends with the last of them, or when it is corrected', () => {
  recorded.look('one', ['a', 'b'], { manifest: 'iam.yaml' });
  expect(recorded.look('two', ['A', 'b'], { manifest: 'iam.yaml' })).toEqual(NOTHING);
  expect(recorded.record).toMatchObject({ inDrift: 2, declared: 3 });
  expect(recorded.look('one', ['b'])).toEqual(NOTHING);
  expect(recorded.look('two', ['b'])).toEqual({ ...NOTHING, ended: ['A'] });
  expect(recorded.look('two', [], { corrected: ['Role/b'] })).toEqual({ ...NOTHING, ended: ['b'] });
  expect(recorded.record).toMatchObject({ inDrift: 0, ended: [{ how: 'enforced' }, { how: 'gone' }] });
});

test('the start of a drift lies after the last look of the same schedule', () => {
  recorded.look('one', []);
  const { lookedAt } = recorded.record;
  recorded.look('two', []);
  recorded.look('one', ['a']);
  expect(recorded.record.drifted).toMatchObject([{ name: 'a', notBefore: lookedAt }]);
  recorded.look('three', ['c']);
  expect(recorded.record.drifted[1]).toMatchObject({ name: 'c', notBefore: null });
});

test('entities beyond the list are counted by schedule, and an older look changes nothing', () => {
  recorded.look('one', ['a'], { inDrift: 40 });
  recorded.look('two', ['b'], { inDrift: 3 });
  expect(recorded.record.inDrift).toBe(43);
  const old = new Date(0).toISOString();
  expect(recorded.look('one', [], { at: old })).toEqual(NOTHING);
  expect(recorded.record.inDrift).toBe(43);
});

test('a look that is told again has the same answer', () => {
  recorded.look('one', ['gone']);
  const look = {
    at: '2026-01-01T00:00:00.000Z',
    run: { schedule: 'one', command: 'detect', workflowId: 'w', runId: 'r' },
  } as const;
  const answer = recorded.look('one', ['a'], look);
  expect(answer).toEqual({ ...NOTHING, begun: ['a'], ended: ['gone'] });
  expect(recorded.look('one', ['a'], look)).toEqual(answer);
});

test('a schedule that cannot look tells it once for a reason, and once that it looks again; others change nothing in that', () => {
  expect(recorded.fail('one', 'revision 3 was applied')).toBe('stopped');
  expect(recorded.fail('one', 'revision 4 was applied')).toBeNull();
  expect(recorded.look('two', [])).toEqual(NOTHING);
  expect(recorded.record.failed).toMatchObject({ run: { schedule: 'one' } });
  expect(recorded.fail('one', 'its maker may not', 'failed')).toBe('stopped');
  expect(recorded.look('one', [])).toEqual({ ...NOTHING, looking: 'resumed' });
  expect(recorded.look('one', [])).toEqual(NOTHING);
  expect(recorded.record.failed).toBeNull();
});

test('what could not be read stays as it was, and is told once for a reason, and once that it is read again', () => {
  recorded.look('one', ['a', 'b']);
  const unread = { ids: ['Role/A'], reason: '1 entity could not be read (Role/A): GetRole answered AccessDenied' };
  expect(recorded.look('one', [], { unread })).toEqual({ ...NOTHING, ended: ['b'], looking: 'stopped' });
  expect(recorded.record).toMatchObject({
    inDrift: 1,
    drifted: [{ name: 'a', schedules: ['one'] }],
    failed: { result: 'failed', reason: unread.reason },
  });
  expect(driftStateText(recorded.record)).toBe('1 of 3 entities in drift, and some could not be read');
  expect(driftRecord(recorded.record, '')).toBeNull();
  expect(recorded.look('one', [], { unread })).toEqual(NOTHING);
  expect(recorded.look('one', [])).toEqual({ ...NOTHING, ended: ['a'], looking: 'resumed' });
  expect(driftStateText(recorded.record)).toBe('no drift, 3 entities');
});

test('a look that could not read some entities, and found nothing in the others, tells of no agreement', () => {
  const rendered = (): [string, string, number] => {
    const state = stateOf(recorded.record);
    const of = { account: '111111111111', namespace: 'ci', environment: 'prod' };
    const problem = incompleteText(recorded.record);
    const environment = { ...of, state, record: recorded.record, schedules: [], nextLookAt: null, problem };
    const drift = { version: 1, command: 'drift', at: new Date(0).toISOString(), fleets: [] } as const;
    const environments = [environment];
    return [state, renderDrift({ ...drift, environments }), exitCodeOf({ environments })];
  };
  const unread = { ids: ['Role/a'], reason: 'Role/a could not be read' };
  recorded.look('one', [], { unread });
  const [state, text, exitCode] = rendered();
  expect([state, exitCode]).toEqual(['unknown', 1]);
  expect(text).toMatch(/No drift in what was read. 1 environment watched, 1 not read completely\.$/);
  expect(text).toContain('is incomplete: Role/a could not be read');
  expect(text).not.toContain('not looked at');
  // Another schedule that reads all of its own entities changes nothing in that, and a drift is one anyway.
  recorded.look('two', []);
  expect(rendered()[0]).toBe('unknown');
  recorded.look('two', ['b']);
  expect(rendered()).toEqual(['drift', expect.stringMatching(/, 1 not read completely\.$/), 2]);
  recorded.look('two', []);
  recorded.look('one', []);
  expect(rendered()).toEqual(['no-drift', expect.stringMatching(/No drift\. 1 environment watched\.$/), 0]);
});

test('what a deleted schedule has seen is forgotten, and what another one sees is not', () => {
  recorded.look('one', ['a', 'b']);
  recorded.look('two', ['b']);
  const record = withoutSchedule(recorded.record, 'one');
  expect(record).toMatchObject({ inDrift: 1, declared: 3, drifted: [{ name: 'b', schedules: ['two'] }] });
});

test('goes on from a record of an older build, which knows no schedules of its entities and no looks', () => {
  const { looks, drifted, ...old } = (() => {
    const recorded = new Recorded();
    recorded.look('a', ['left', 'fixed']);
    return recorded.record;
  })();
  const entities = drifted.map((entity) =>
    Object.fromEntries(Object.entries(entity).filter(([key]) => key !== 'schedules')),
  );
  expect([looks.length, drifted[0]?.schedules]).toEqual([1, ['a']]);
  const completed = completedRecord({ ...old, drifted: entities });
  expect(driftRecord(completed, '')).toBeNull();
  const recorded = new Recorded();
  recorded.record = completed as DriftRecord;
  expect(recorded.look('a', ['left'])).toMatchObject({ begun: [], ended: ['fixed'] });
  expect(recorded.record.drifted).toMatchObject([{ name: 'left', schedules: ['a'] }]);
});

test.each([null, 'text', [], {}, { drifted: [null] }])('takes no %j for a record', (value) => {
  expect(driftRecord(completedRecord(value), '')).not.toBeNull();
});
