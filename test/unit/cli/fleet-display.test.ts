import { FleetLiveDisplay } from '../../../src/cli/render/fleet-live-display.js';
import { openFleetDisplay } from '../../../src/cli/render/progress.js';
import type { AccountProgress, FleetProgress } from '../../../src/contract/fleet-progress.js';
import { holdTime, Screen } from '../../support/screen.js';

const STDERR = { isTTY: process.stderr.isTTY };
const displays: FleetLiveDisplay[] = [];

beforeEach(holdTime);

afterEach(() => {
  jest.useRealTimers();
  jest.restoreAllMocks();
  for (const display of displays.splice(0)) display.end();
  Object.assign(process.stderr, STDERR);
});

function displayOn(screen: Screen): FleetLiveDisplay {
  const display = new FleetLiveDisplay(screen.stream);
  displays.push(display);
  return display;
}

function underWay(index: number, more: Partial<AccountProgress> = {}): AccountProgress {
  const since = new Date(Date.now() - 12_000).toISOString();
  return { account: String(300_000_000_000 + index), name: null, state: 'running', since, ...more };
}

function failed(index: number): AccountProgress {
  const reason = 'AssumeRole answered AccessDenied: not authorized to perform sts:AssumeRole on this role';
  return { account: String(400_000_000_000 + index), name: `team-${String(index)}`, state: 'failed', reason };
}

function progressOf(accounts: readonly AccountProgress[], more: Partial<FleetProgress> = {}): FleetProgress {
  return { phase: 'applying', wave: 2, waves: 3, done: 0, total: 100, results: {}, accounts, ...more };
}

test('a terminal shows each account under way, what it waits for, and those that did not converge', async () => {
  const screen = new Screen(80, 24);
  const display = displayOn(screen);
  display.show({ type: 'started', workflowId: 'w', runId: 'r', url: null });
  const command = 'iam-bootstrap approve --account 300000000003 --namespace platform --plan sha256:0123';
  const accounts = [
    underWay(1, { name: 'payments' }),
    underWay(2, { state: 'waiting', reason: 'held by alice, since 2026-11-30T10:00:00.000Z' }),
    underWay(3, { state: 'awaiting approval', reason: `to approve (or reject): ${command}` }),
    failed(1),
    { account: '500000000000', name: null, state: 'cancelled' },
  ] as const;
  const event = {
    type: 'progress',
    progress: progressOf(accounts, { done: 22, results: { converged: 20, failed: 1, cancelled: 1 } }),
  } as const;
  for (let time = 0; time < 3; time += 1) display.show(event);
  expect(await screen.lines()).toEqual([
    'run r',
    '300000000003: awaiting approval: to approve (or reject):',
    '  iam-bootstrap approve --account 300000000003 --namespace platform --plan sha25',
    '6:0123',
    '| applying, wave 2 of 3 [#####...................] 22 of 100 (0 s)',
    '  20 converged, 1 failed, 1 cancelled, 75 queued',
    '  300000000001 (payments)  running 12 s',
    '  300000000002             waiting 12 s',
    '      held by alice, since 2026-11-30T10:00:00.000Z',
    '  300000000003             awaiting approval 12 s',
    '  x 400000000001 (team-1)  failed: AssumeRole answered AccessDenied: not autho…',
    '  c 500000000000  cancelled',
  ]);
  display.end();
  expect(await screen.lines()).toHaveLength(4);
});

test.each([8, 12, 24])('hundreds of accounts stay within %i rows, and what does not fit is counted', async (rows) => {
  const screen = new Screen(60, rows);
  const display = displayOn(screen);
  const running = Array.from({ length: 60 }, (_, index) => underWay(index));
  const problems = Array.from({ length: 140 }, (_, index) => failed(index));
  const results = { converged: 120, failed: 180 };
  for (let time = 0; time < 5; time += 1) {
    display.show({
      type: 'progress',
      progress: progressOf([...running, ...problems], { done: 300, total: 900, results }),
    });
  }
  const lines = await screen.lines();
  expect(lines.length).toBeLessThan(rows);
  expect(lines.filter((line) => line.includes('applying'))).toHaveLength(1);
  expect(lines.join('\n')).toMatch(/and \d+ more under way: 3\d+, /);
  if (rows > 8) expect(lines.at(-1)).toBe('  and 175 more that did not converge');
});

test('a log has the waves, the counts, and a line for each account that waits or does not converge', () => {
  Object.assign(process.stderr, { isTTY: undefined });
  let shown = '';
  jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
    shown += String(text);
    return true;
  });
  const display = openFleetDisplay({ quiet: false, debug: false });
  display.show({ type: 'progress', progress: progressOf([underWay(1)]) });
  const waiting = underWay(1, { state: 'waiting', reason: 'held by alice' });
  display.show({ type: 'progress', progress: progressOf([waiting]) });
  display.show({ type: 'progress', progress: progressOf([waiting]) });
  display.show({ type: 'progress', progress: progressOf([failed(2)], { done: 10, results: { failed: 1 } }) });
  expect(shown.split('\n').slice(0, -1)).toEqual([
    'applying, wave 2 of 3: 0 of 100',
    '300000000001: waiting: held by alice',
    'applying, wave 2 of 3: 10 of 100 (1 failed)',
    '400000000002 (team-2): failed: AssumeRole answered AccessDenied: not authorized to perform sts:AssumeRole on this role',
  ]);
});
