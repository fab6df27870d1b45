import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { svgOf } from '../../../bench/chart.js';
import { idealMs, LATENCY_TRUE, LOOPBACK, TokenBucket } from '../../../bench/conditions.js';
import { FLOOR, WARM } from '../../../bench/contender.js';
import { seriesOf, spreadOf } from '../../../bench/figures.js';
import type { Sample } from '../../../bench/figures.js';
import { fleetTargets } from '../../../bench/fleet-targets.js';
import type { FleetResults } from '../../../bench/fleet-figures.js';
import { renderPages } from '../../../bench/render.js';
import type { Results } from '../../../bench/results.js';
import { mostCalls, targetsOf } from '../../../bench/targets.js';

/** The benchmark's own rules: what is measured is held against the targets, and the page says what was measured. */

const SAMPLE: Sample = {
  contender: WARM,
  workload: '50 roles',
  condition: 'loopback',
  name: 'fresh',
  ms: 300,
  cpuMs: 200,
  peakRssBytes: 100 * 1024 * 1024,
  worker: { cpuMs: 600, peakRssBytes: 200 * 1024 * 1024 },
  server: { cpuMs: 300, peakRssBytes: 150 * 1024 * 1024 },
  calls: { CreateRole: 50, PutRolePolicy: 50, AttachRolePolicy: 50, GetCallerIdentity: 1 },
  throttled: 0,
  exitCodes: [0],
  asDeclared: true,
};
const FLOOR_SAMPLE: Sample = { ...SAMPLE, contender: FLOOR, ms: 100 };

function resultsOf(samples: readonly Sample[]): Results {
  return {
    machine: { cores: 2, node: '22.0.0', platform: 'linux x64', commit: 'abc1234', load: 0.1 },
    at: '2026-01-02T03:04:05.000Z',
    ms: 60_000,
    repeats: 2,
    contenders: [
      { name: WARM, what: 'ours', role: 'ours' },
      { name: FLOOR, what: 'the floor', role: 'floor' },
    ],
    absent: [{ name: 'other-tool', reason: 'cannot be installed' }],
    workloads: [
      { name: '50 roles', entities: 50, writes: 150 },
      { name: '5,000 roles', entities: 5_000, writes: 15_000 },
    ],
    series: seriesOf(samples),
    reads: [],
    histories: [],
    starts: { '--version': spreadOf([40, 50, 70]), worker: spreadOf([1_600]) },
    parts: [
      { name: 'Node 24.0.0, development server', series: seriesOf([SAMPLE]), starts: { '--version': spreadOf([30]) } },
    ],
    absentParts: [{ name: "Temporal's own server", reason: 'it is not built' }],
    soak: { runs: 200, rssBytes: [100, 110, 110, 110, 110, 110, 130, 130].map((megabytes) => megabytes * 1024 * 1024) },
  };
}

/** Targets by what they are about, with whether they are met. */
function fates(samples: readonly Sample[]): string[] {
  return targetsOf(resultsOf(samples), []).map(
    ({ rule, of, most, met }) => `${rule} | ${of} | ${most} | ${met ? 'met' : 'missed'}`,
  );
}

test('samples of one case and contender become one series: the median, the ends, and the calls of the dearest', () => {
  const dear = { ...SAMPLE, ms: 500, calls: { CreateRole: 400 }, exitCodes: [1], asDeclared: false };
  const [first, second] = seriesOf([SAMPLE, FLOOR_SAMPLE, dear, { ...SAMPLE, ms: 310 }]);
  expect(first).toMatchObject({ ms: { median: 310, min: 300, max: 500 }, calls: { CreateRole: 400 } });
  expect(first).toMatchObject({ exitCodes: [0, 1, 0], asDeclared: false });
  expect(second?.contender).toBe(FLOOR);
});

test('a run may cost 2 % more than its writes and six calls, one with nothing to do six and one for each further thousand', () => {
  const fifty = { entities: 50, writes: 150 };
  const thousand = { entities: 1_000, writes: 3_000 };
  const five = { entities: 5_000, writes: 5_000 };
  expect(mostCalls('fresh', fifty, 0)).toBe(159);
  expect(mostCalls('nothing to do', thousand, 0)).toBe(6);
  expect(mostCalls('state lost', thousand, 0)).toBe(6);
  expect(mostCalls('one drift', thousand, 0)).toBe(11);
  expect(mostCalls('ten at once', fifty, 155)).toBe(170);
  expect(mostCalls('nothing to do', { entities: 1_001, writes: 1_001 }, 0)).toBe(7);
  expect(mostCalls('nothing to do', five, 0)).toBe(10);
  expect(mostCalls('one drift', five, 0)).toBeUndefined();
  expect(mostCalls('fresh again', fifty, 0)).toBeUndefined();
});

test('a target is missed by calls, by processor time, by memory, by an exit code and by a drift that was not found', () => {
  expect(fates([SAMPLE, FLOOR_SAMPLE])).toEqual(
    expect.arrayContaining([
      'calls, fresh | 50 roles | 159 calls | met',
      'every run ends with 0, and the account is as declared | all cases | no exception | met',
      'processor time per fresh entity, worker and server | 50 roles | 20.0 ms | met',
      'start | `--version` | 150 ms | met',
      'start | worker, from its start to its first poll | 1.50 s | missed',
      'growth of the worker over many runs | last quarter of 200 runs against the second | 1.05 x | missed',
    ]),
  );
  const dear = { cpuMs: 701, peakRssBytes: 301 * 1024 * 1024 };
  const large: Sample = { ...SAMPLE, workload: '5,000 roles', name: 'nothing to do', worker: dear, server: dear };
  expect(fates([large, { ...SAMPLE, worker: dear }])).toEqual(
    expect.arrayContaining([
      'calls, nothing to do | 5,000 roles | 10 calls | missed',
      'processor time per unchanged entity, worker and server | 5,000 roles | 0.30 ms | met',
      'processor time per fresh entity, worker and server | 50 roles | 20.0 ms | missed',
      'memory of the worker | 5,000 roles, nothing to do | 300 MB | missed',
      'memory of the command | 5,000 roles, nothing to do | 200 MB | met',
    ]),
  );
  const drifted: Sample = { ...SAMPLE, name: 'one drift', calls: { GetRole: 11 }, asDeclared: false };
  expect(fates([drifted, { ...SAMPLE, exitCodes: [1] }])).toEqual(
    expect.arrayContaining([
      'calls, one drift | 50 roles | 11 calls | missed',
      'calls, fresh | 50 roles | 159 calls | missed',
      'every run ends with 0, and the account is as declared | all cases | no exception | missed',
    ]),
  );
});

test('under throttling the first and the second run of a worker are held against the script, the bucket and a share', () => {
  expect(idealMs(LATENCY_TRUE, 150)).toBe(5_040);
  expect(idealMs(LOOPBACK, 150)).toBe(0);
  const first: Sample = { ...SAMPLE, condition: 'latency-true', ms: 5_500, throttled: 15 };
  const second: Sample = { ...first, name: 'fresh again', ms: 5_900, throttled: 3 };
  expect(fates([first, second, { ...first, contender: FLOOR, ms: 5_400 }])).toEqual(
    expect.arrayContaining([
      'time against the bare SDK script | 50 roles, first run of a worker | 1.05 x | met',
      'time against the bare SDK script | 50 roles, second run of a worker | 1.05 x | missed',
      'time against what the bucket allows | 50 roles, first run of a worker | 1.15 x of 5.04 s | met',
      'time against what the bucket allows | 50 roles, second run of a worker | 1.15 x of 5.04 s | missed',
      'throttled calls | 50 roles, first run of a worker | 3.0 % | missed',
      'throttled calls | 50 roles, second run of a worker | 3.0 % | met',
    ]),
  );
});

test('a bucket lets its burst through at once, and then as many a second as its rate', () => {
  const bucket = new TokenBucket({ perSecond: 10, burst: 3 }, 0);
  const passed = (now: number, tries: number): number =>
    Array.from({ length: tries }, () => bucket.take(now)).filter(Boolean).length;
  expect(passed(0, 5)).toBe(3);
  expect(passed(50, 5)).toBe(0);
  expect(passed(200, 5)).toBe(2);
  expect(passed(10_000, 5)).toBe(3);
});

test('the page has every target, what limits a missed one, and a picture for each question; the tables have all figures', () => {
  const slow: Sample = { ...SAMPLE, condition: 'latency-true', ms: 9_000 };
  const files = renderPages(resultsOf([SAMPLE, FLOOR_SAMPLE, slow, { ...slow, contender: FLOOR, ms: 5_400 }]), {
    limits: { 'time against the bare SDK script': 'it reads first' },
    ideas: [{ idea: 'Load less', measured: '`--help`', before: '200 ms', after: '210 ms', isTaken: false }],
    fleets: [],
  });
  const page = files['performance.md'] ?? '';
  expect(page).toContain('- 50 roles take 9.00 s and 151 calls, where AWS takes its time; a bare script');
  expect(page).toContain('| calls, fresh | 50 roles | 159 calls | 151 | met |');
  expect(page).toContain(
    '- Missed: time against the bare SDK script: 50 roles, first run of a worker. What limits it: it reads first.',
  );
  expect(page).toContain('What limits it: not profiled yet.');
  expect(page).toContain('- Not measured: other-tool: cannot be installed.');
  expect(page).toContain('| Node 24.0.0, development server | 300 ms | 600 ms | 300 ms |  | 30 ms |  |');
  expect(page).toContain("| Temporal's own server | not measured: it is not built |");
  const pictures = Object.keys(files).filter((file) => file.endsWith('.svg'));
  const names = ['time', 'calls', 'processor', 'memory', 'starts'];
  expect(pictures).toEqual(names.map((name) => `images/performance-${name}.svg`));
  for (const picture of pictures) expect(page).toContain(`(${picture})`);
  expect(files['performance/figures.md']).toContain(
    `| fresh | ${WARM} | 151 | 300 ms | 3.00 x | 200 ms | 100 MB | 600 ms, 200 MB | 300 ms, 150 MB | 0 | yes |`,
  );
  expect(files['performance/figures.md']).toContain('CreateRole 50');
  expect(files['performance/ideas.md']).toContain('| Load less | `--help` | 200 ms | 210 ms | not taken |');
});

test('the page has the targets of fleets, and another page their figures', () => {
  const fleets = JSON.parse(readFileSync(join(__dirname, '../../../bench/fleets.json'), 'utf8')) as FleetResults[];
  const files = renderPages(resultsOf([SAMPLE]), { limits: {}, ideas: [], fleets });
  const targets = fleets.flatMap(fleetTargets);
  expect(targets.length).toBeGreaterThan(10);
  for (const { what } of targets) expect(files['performance.md']).toContain(`| ${what} |`);
  for (const { command } of fleets) expect(files['performance/fleets.md']).toContain(`## \`${command}\``);
});

test('a chart draws each median as long as its logarithm, with a whisker where there is a spread', () => {
  const svg = svgOf({
    title: 'Calls <all>',
    groups: [
      {
        title: 'fresh',
        bars: [
          { label: 'one', value: spreadOf([10]), role: 'ours' },
          { label: 'two', value: spreadOf([90, 100, 200]), role: 'peer', hasFailed: true },
        ],
      },
    ],
    text: String,
  });
  const widths = [...svg.matchAll(/<rect [^>]*width="([\d.]+)"/g)].map(([, width]) => Number(width));
  // From ten to a thousand: ten is the least, a hundred is halfway.
  expect(widths).toEqual([2, 280]);
  expect(svg.match(/class="whisker"/g)).toHaveLength(1);
  expect(svg).toContain('Calls &lt;all>');
  expect(svg).toContain('>100, failed<');
  expect(svg).toContain('prefers-color-scheme:dark');
});
