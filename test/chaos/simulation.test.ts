import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { VirtualClock } from '../support/simulation/clock.js';
import { arbitraryGuarding, forbiddenWrites, withForgeries } from '../support/simulation/guarded.js';
import { historyText } from '../support/simulation/history.js';
import type { History, RunSpec } from '../support/simulation/history.js';
import { play } from '../support/simulation/play.js';
import { arbitraryHistory } from '../support/simulation/random-history.js';
import { violations } from '../support/simulation/rules/index.js';
import type { activitySdk } from '../support/simulation/temporal/activity-sdk.js';
import type { workflowSdk } from '../support/simulation/temporal/workflow-sdk.js';
import { LONG_FORM, record, Tally } from '../support/trials.js';

/*
 * Random histories of the real workflows and activities in one process, against an account in memory: some milliseconds
 * for each, so that there can be a hundred thousand. Hands and faults come between any two calls. Rules that share no
 * code with the engine judge the account's own record of its writes.
 *
 * `IAM_BOOTSTRAP_CHAOS=long` plays a hundred thousand. `IAM_BOOTSTRAP_SEED` repeats the histories of a printed seed.
 * `IAM_BOOTSTRAP_FROM` and `IAM_BOOTSTRAP_TO` play a part of them: those before the first number have passed, and those
 * from the second number on are played by another process.
 */

jest.mock(
  '@temporalio/workflow',
  () =>
    jest.requireActual<{ workflowSdk: typeof workflowSdk }>('../support/simulation/temporal/workflow-sdk').workflowSdk,
);
jest.mock(
  '@temporalio/activity',
  () =>
    jest.requireActual<{ activitySdk: typeof activitySdk }>('../support/simulation/temporal/activity-sdk').activitySdk,
);

const HISTORIES = LONG_FORM ? 100_000 : 1_500;

/** Seed of the short form. The long form draws one. */
const SEED = 20_261_128;

/** Histories that have shown a fault, each with the reason why it is kept. */
const KEPT = join(__dirname, 'simulated');

/** Taken before the virtual clock stands in for the machine's. */
const startedAt = Date.now();

const clock = new VirtualClock();
const tally = new Tally();
let restoreClock: () => void;

jest.setTimeout(LONG_FORM ? 7_200_000 : 600_000);

beforeAll(() => {
  restoreClock = clock.install();
});

afterAll(async () => {
  restoreClock();
  await record({
    id: 'simulation',
    title: 'Simulated histories',
    what:
      'A case is a random history of runs of up to three namespaces in a simulated account: approvals, shared entities, ' +
      'writes by hand between any two calls, lost replies, stale reads, throttling, deaths of workers and terminated ' +
      'runs. It survives if no write and no report breaks a rule.',
    command: 'IAM_BOOTSTRAP_CHAOS=long npx jest test/chaos/simulation.test.ts',
    trials: tally.trials,
  });
});

/** Returns the kinds that a history declares, as a place for the page of results. */
function placeOf(history: History): string {
  const runs = history.flatMap((step) => ('run' in step ? [step.run] : []));
  const kinds = runs.flatMap(({ declares }) => declares.map(({ entity }) => entity.split('/')[0] ?? ''));
  return [...new Set(kinds)].sort().join(', ');
}

async function problemsOf(history: History): Promise<readonly string[]> {
  return violations(await play(history, clock));
}

/** Lets every run that applies a manifest remove what has left it. */
function removingOrphans(history: History): History {
  const removing = <S extends RunSpec>(spec: S): S =>
    spec.command === undefined ? { ...spec, orphans: 'remove' } : spec;
  return history.map((step) =>
    'run' in step
      ? { ...step, run: removing(step.run), ...(step.beside === undefined ? {} : { beside: removing(step.beside) }) }
      : step,
  );
}

test.each([
  ['random histories', HISTORIES, (history: History) => history],
  ['random histories that remove orphans', HISTORIES / 3, removingOrphans],
] as const)('%s keep every rule: %i', async (title, histories, changed) => {
  const given = process.env['IAM_BOOTSTRAP_SEED'];
  const seed = given === undefined ? (LONG_FORM ? startedAt : SEED) : Number(given);
  let isShrinking = false;
  const property = fc.asyncProperty(arbitraryHistory.map(changed), async (history) => {
    const problems = await problemsOf(history);
    if (!isShrinking) tally.count(title, placeOf(history), problems.length === 0);
    isShrinking ||= problems.length > 0;
    return problems.length === 0;
  });
  const from = process.env['IAM_BOOTSTRAP_FROM'] ?? '0';
  const to = process.env['IAM_BOOTSTRAP_TO'] ?? String(histories);
  const limits = { path: from, numRuns: Number(to) - Number(from) };
  const { failed, counterexample, counterexamplePath } = await fc.check(property, { seed, ...limits });
  if (!failed) return;
  const [number = ''] = (counterexamplePath ?? '').split(':');
  const [history] = counterexample ?? [[]];
  const problems = await problemsOf(history);
  throw new Error(
    [
      `seed ${String(seed)}, history ${number}:`,
      historyText(history),
      ...problems,
      `keep it as ${JSON.stringify(history)}`,
    ].join('\n'),
  );
});

/** Histories of workers with guardrails in the short form. */
const GUARDED_HISTORIES = LONG_FORM ? 30_000 : 300;

const guarded = fc.tuple(arbitraryGuarding, withForgeries(arbitraryHistory.map(removingOrphans)));

test('nothing is written that the guardrails of its moment forbid, after any edit and whatever clients start', async () => {
  const given = process.env['IAM_BOOTSTRAP_SEED'];
  const seed = given === undefined ? (LONG_FORM ? startedAt : SEED) : Number(given);
  let writes = 0;
  let isShrinking = false;
  const property = fc.asyncProperty(guarded, async ([guarding, history]) => {
    const played = await play(history, clock, guarding);
    const problems = forbiddenWrites(played);
    if (!isShrinking) tally.count('histories under guardrails', placeOf(history), problems.length === 0);
    isShrinking ||= problems.length > 0;
    writes += played.account.record.filter(({ by, code }) => typeof by !== 'string' && code === null).length;
    expect(problems).toEqual([]);
  });
  await fc.assert(property, { seed, numRuns: GUARDED_HISTORIES });
  // Guardrails that allow nothing would be kept without any check.
  expect(writes).toBeGreaterThan(GUARDED_HISTORIES);
});

test('without permits, the same histories write what no bootstrap run has started', async () => {
  const problems: string[] = [];
  for (const [guarding, history] of fc.sample(guarded, { seed: SEED, numRuns: 100 })) {
    problems.push(...forbiddenWrites(await play(history, clock, { ...guarding, hasPermits: false })));
  }
  expect(problems.filter((line) => line.endsWith('by a run that no bootstrap run has started'))).not.toEqual([]);
});

interface Kept {
  readonly why: string;
  readonly history: History;
}

test('every history that was kept keeps every rule', async () => {
  for (const file of (await readdir(KEPT)).filter((name) => name.endsWith('.json'))) {
    const { why, history } = JSON.parse(await readFile(join(KEPT, file), 'utf8')) as Kept;
    const problems = await problemsOf(history);
    tally.count('kept histories', file.replace('.json', '').replaceAll('-', ' '), problems.length === 0);
    expect({ file, why, problems }).toEqual({ file, why, problems: [] });
  }
});
