import { LiveDisplay } from '../../../src/cli/render/live-display.js';
import { openDisplay } from '../../../src/cli/render/progress.js';
import { widthOf } from '../../../src/cli/width.js';
import type { EntityProgress, Progress } from '../../../src/contract/progress.js';
import { holdTime, Screen } from '../../support/screen.js';

const STDERR = { isTTY: process.stderr.isTTY, columns: process.stderr.columns };
const { NO_COLOR, TERM } = process.env;

function displayOn(screen: Screen): LiveDisplay {
  const display = new LiveDisplay(screen.stream);
  displays.push(display);
  return display;
}

const displays: LiveDisplay[] = [];

beforeEach(holdTime);

afterEach(() => {
  jest.useRealTimers();
  jest.restoreAllMocks();
  for (const display of displays.splice(0)) display.end();
  Object.assign(process.stderr, STDERR);
  process.env['NO_COLOR'] = NO_COLOR;
  process.env['TERM'] = TERM ?? '';
});

function progressOf(entities: readonly EntityProgress[], more: Partial<Progress> = {}): Progress {
  return { phase: 'reconciling', done: 0, total: 900, entities, waitingFor: null, ...more };
}

function underWay(index: number, secondsAgo: number): EntityProgress {
  const since = new Date(Date.now() - secondsAgo * 1_000).toISOString();
  return {
    kind: 'Role',
    name: `app-${String(index)}`,
    state: 'creating',
    since,
    workflowId: `iam:1:Role:${String(index)}`,
  };
}

test('shows the whole of a notice, however narrow the terminal is', async () => {
  const screen = new Screen(60, 24);
  const display = displayOn(screen);
  display.show({ type: 'progress', progress: progressOf([]) });
  const message =
    'CreateRole answered MalformedPolicyDocument: Invalid principal in policy: "AWS":"arn:aws:iam::111111111111:role/new" (Role/new was created 3 s ago, and IAM may not know it yet; waiting for IAM, up to 117 s more)';
  display.show({ type: 'retrying', workflowId: 'run', summary: 'create Role/deploy for ci', attempt: 3, message });
  const [, ...lines] = await screen.lines();
  expect(lines.every(({ length }) => length < 60)).toBe(true);
  expect(lines.map((line) => line.trim()).join(' ')).toBe(
    `attempt 3 failed and is retried: create Role/deploy for ci: ${message}`,
  );
});

test('shows what is under way, with what it waits for and for how long', async () => {
  const screen = new Screen(80, 24);
  const display = displayOn(screen);
  const waiting = { ...underWay(899, 65), state: 'waiting', lockHolder: 'iam-bootstrap:111111111111:other' } as const;
  const entities = [waiting, underWay(3, 12), { kind: 'Group', name: 'analysts', state: 'failed' } as const];
  const outcomes = { created: 540, failed: 1 };
  display.show({ type: 'progress', progress: progressOf(entities, { done: 541, outcomes, waitingFor: 'a lock' }) });
  const retry = { workflowId: 'iam:1:Role:3', summary: 'create Role/app-3 for ci', attempt: 4 };
  display.show({ type: 'retrying', ...retry, message: 'CreateRole answered Throttling: Rate exceeded' });
  expect(await screen.lines()).toEqual([
    '| reconciling [##############..........] 541 of 900 (0 s)',
    '  540 created, 1 failed',
    '  Role/app-899  waiting 1 min 5 s',
    '      for the run of namespace other, which holds its lock',
    '  Role/app-3    creating 12 s',
    '      attempt 4 failed and is retried: CreateRole answered Throttling: Rate',
    '        exceeded',
    '  x Group/analysts  failed',
  ]);
});

test.each([8, 12, 24])('stays within %i rows, and counts what does not fit', async (rows) => {
  const screen = new Screen(60, rows);
  const display = displayOn(screen);
  const entities = Array.from({ length: 20 }, (_, index) => underWay(index, 30));
  for (let index = 0; index < 5; index += 1) {
    display.show({ type: 'progress', progress: progressOf(entities, { outcomes: { created: index } }) });
    for (const { workflowId = '' } of entities.slice(0, 3)) {
      const message = 'CreateRole answered ServiceFailure: a sentence that is longer than a line of this terminal is';
      display.show({ type: 'retrying', workflowId, summary: 'create', attempt: 3, message });
    }
  }
  const lines = await screen.lines();
  expect(lines.length).toBeLessThan(rows);
  expect(lines.filter((line) => line.includes('reconciling'))).toHaveLength(1);
  expect(lines.at(-1)).toMatch(rows === 24 ? /^ {2}Role\/app-19 / : /^ {2}and \d+ more under way: Role\/app-\d+, /);
});

test('leaves what was printed, and nothing of itself, on a terminal that becomes narrower and wider', async () => {
  const screen = new Screen(120, 24);
  const display = displayOn(screen);
  display.say('printed first');
  display.show({ type: 'progress', progress: progressOf([underWay(1, 5)], { waitingFor: 'a'.repeat(110) }) });
  await screen.resize(60);
  display.say('printed second');
  await screen.resize(100);
  const lines = await screen.lines();
  expect(lines.slice(0, 2)).toEqual(['printed first', 'printed second']);
  expect(lines.filter((line) => line.includes('reconciling'))).toHaveLength(1);
  display.end();
  expect(await screen.lines()).toEqual(['printed first', 'printed second']);
});

test('cuts wide characters to the width of the terminal, and never erases before it writes', async () => {
  const screen = new Screen(40, 24);
  const display = displayOn(screen);
  const named = { kind: 'Role', name: '発行'.repeat(12), state: 'creating' } as const;
  for (let index = 0; index < 3; index += 1) display.show({ type: 'progress', progress: progressOf([named]) });
  const [, row = ''] = await screen.lines();
  expect(widthOf(row)).toBeLessThan(40);
  expect(row).toMatch(/^ {2}Role\/発行.*…$/);
  for (const write of screen.writes) expect(write.replace(/\u001b\[J$/, '')).not.toMatch(/\u001b\[\d?J/);
});

test.each([
  ['a pipe', { isTTY: undefined }, {}],
  ['a terminal that knows no escape sequences', { isTTY: true, columns: 80 }, { TERM: 'dumb', NO_COLOR: '' }],
  ['a terminal whose user wants no colors', { isTTY: true, columns: 80 }, { TERM: 'xterm', NO_COLOR: '1' }],
])('%s gets plain lines', (_title, stream, env) => {
  Object.assign(process.stderr, stream);
  Object.assign(process.env, env);
  let shown = '';
  jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
    shown += String(text);
    return true;
  });
  const display = openDisplay({ quiet: false, debug: false });
  const url = 'https://temporal.example.com/namespaces/default/workflows/iam-bootstrap:111111111111:ci/r';
  display.show({ type: 'started', workflowId: 'w', runId: 'r', url });
  display.show({ type: 'progress', progress: progressOf([underWay(1, 5)], { total: 2 }) });
  display.end();
  expect(shown).toBe(`run r\n${url}\nreconciling: 0 of 2\nRole/app-1: creating\n`);
});

test('a log of many entities has the steps and the problems', () => {
  Object.assign(process.stderr, { isTTY: undefined });
  const lines: string[] = [];
  jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
    lines.push(String(text).trimEnd());
    return true;
  });
  const display = openDisplay({ quiet: false, debug: false });
  for (let done = 0; done <= 900; done += 20) {
    const entities = [
      ...Array.from({ length: 20 }, (_, index) => underWay(done + index, 0)),
      ...(done < 200 ? [] : [{ kind: 'Role', name: 'app-200', state: 'failed' } as const]),
    ];
    display.show({ type: 'progress', progress: progressOf(entities, { done }) });
  }
  expect(lines).toEqual([
    'reconciling: 0 of 900',
    'reconciling: 100 of 900',
    'reconciling: 200 of 900',
    'Role/app-200: failed',
    ...[300, 400, 500, 600, 700, 800].map((done) => `reconciling: ${String(done)} of 900`),
  ]);
});
