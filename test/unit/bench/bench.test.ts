import { svgOf } from '../../../bench/chart.js';
import { idealMs, LATENCY_TRUE, LOOPBACK, TokenBucket } from '../../../bench/conditions.js';
import { FLOOR, WARM } from '../../../bench/contender.js';
import { seriesOf, spreadOf } from '../../../bench/figures.js';
import type { Sample } from '../../../bench/figures.js';
import { renderPage } from '../../../bench/render.js';
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
  worker: { cpuMs: 900, peakRssBytes: 200 * 1024 * 1024 },
  calls: { CreateRole: 50, PutRolePolicy: 50, AttachRolePolicy: 50, GetCallerIdentity: 1 },
  throttled: 0,
  exitCodes: [0],
  asDeclared: true,
};
const FLOOR_SAMPLE: Sample = { ...SAMPLE, contender: FLOOR, ms: 100 };

function resultsOf(samples: readonly Sample[]): Results {
  return {
    machine: { cores: 2, node: '20.0.0', platform: 'linux x64', load: 0.1 },
    at: '2026-01-02T03:04:05.000Z',
    ms: 60_000,
    repeats: 2,
    contenders: [
      { name: WARM, what: 'ours', role: 'ours' },
      { name: FLOOR, what: 'the floor', role: 'floor' },
    ],
    absent: [{ name: 'other-tool', reason: 'cannot be installed' }],
    workloads: [{ name: '50 roles', roles: 50 }],
    series: seriesOf(samples),
    reads: [],
    histories: [],
    starts: { '--version': spreadOf([40, 50, 70]), '--help': spreadOf([200]) },
    soak: { runs: 200, rssBytes: [100, 110, 110, 110, 110, 110, 130, 130].map((megabytes) => megabytes * 1024 * 1024) },
  };
}

/** Targets by what they are about, with whether they are met. */
function fates(samples: readonly Sample[]): string[] {
  return targetsOf(resultsOf(samples)).map(({ what, most, met }) => `${what} | ${most} | ${met ? 'met' : 'missed'}`);
}

test('samples of one case and contender become one series: the median, the ends, and the calls of the dearest', () => {
  const dear = { ...SAMPLE, ms: 500, calls: { CreateRole: 400 }, exitCodes: [1], asDeclared: false };
  const [first, second] = seriesOf([SAMPLE, FLOOR_SAMPLE, dear, { ...SAMPLE, ms: 310 }]);
  expect(first).toMatchObject({ ms: { median: 310, min: 300, max: 500 }, calls: { CreateRole: 400 } });
  expect(first).toMatchObject({ exitCodes: [0, 1, 0], asDeclared: false });
  expect(second?.contender).toBe(FLOOR);
});

test('a run may cost 2 % more than its writes and six calls; what finds nothing to do six, and one drift a read', () => {
  expect(mostCalls('fresh', 50, 0)).toBe(159);
  expect(mostCalls('nothing to do', 1_000, 0)).toBe(6);
  expect(mostCalls('state lost', 1_000, 0)).toBe(6);
  expect(mostCalls('one drift', 1_000, 0)).toBe(11);
  expect(mostCalls('ten at once', 50, 155)).toBe(170);
  expect(mostCalls('nothing to do', 5_000, 0)).toBeUndefined();
});

test('a target is missed by calls, by time against the floor, by an exit code and by a drift that was not found', () => {
  expect(fates([SAMPLE, FLOOR_SAMPLE])).toEqual(
    expect.arrayContaining([
      `fresh: ${WARM}, 50 roles, loopback | 159 calls, all as declared | met`,
      'fresh: 50 roles, loopback | 2.00 x the bare SDK script | missed',
      '`--version` | 150 ms | met',
      '`--help` | 150 ms | missed',
      'memory of the worker: 50 roles | 300 MB | met',
      'memory of the worker: last quarter of 200 runs against the second | 1.05 x | missed',
    ]),
  );
  const drifted: Sample = { ...SAMPLE, name: 'one drift', calls: { GetRole: 12 }, asDeclared: false };
  expect(fates([drifted, { ...SAMPLE, exitCodes: [1] }])).toEqual(
    expect.arrayContaining([
      `one drift: ${WARM}, 50 roles, loopback | 11 calls, found and fixed | missed`,
      `fresh: ${WARM}, 50 roles, loopback | 159 calls, all as declared | missed`,
    ]),
  );
});

test('under throttling the time is held against what the bucket allows, and throttled calls against all', () => {
  expect(idealMs(LATENCY_TRUE, 150)).toBe(5_040);
  expect(idealMs(LOOPBACK, 150)).toBe(0);
  const slow: Sample = { ...SAMPLE, condition: 'latency-true', ms: 5_500, throttled: 15 };
  expect(fates([slow, { ...slow, contender: FLOOR, ms: 5_400 }])).toEqual(
    expect.arrayContaining([
      'throttled: 50 roles | 1.20 x the 5.04 s that the bucket allows | met',
      'throttled: 50 roles | 5.0 % of the calls wasted | missed',
      'fresh: 50 roles, latency-true | 1.10 x the bare SDK script | met',
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

test('the page has every target, series and absent peer, what limits a missed target, and pictures of what is compared', () => {
  const { text, images } = renderPage(resultsOf([SAMPLE, FLOOR_SAMPLE]), {
    limits: { '`--help`': 'loading itself' },
    ideas: [{ idea: 'Load less', measured: '`--help`', before: '200 ms', after: '210 ms', isTaken: false }],
    fleets: [],
  });
  expect(text).toContain('| fresh: 50 roles, loopback | 2.00 x the bare SDK script |');
  expect(text).toContain('- Missed: `--help`: loading itself.');
  expect(text).toContain('- Missed: fresh: 50 roles, loopback: not profiled yet.');
  expect(text).toContain('| Load less | `--help` | 200 ms | 210 ms | not taken |');
  expect(text).toContain('- Not measured: other-tool: cannot be installed.');
  expect(text).toContain(`| fresh | ${WARM} | 151 | 300 ms | 3.00 x | 200 ms | 100 MB | 900 ms, 200 MB | 0 | yes |`);
  expect(text).toContain('CreateRole 50');
  const names = ['performance-loopback-50-roles-calls.svg', 'performance-loopback-50-roles-time.svg'];
  expect(Object.keys(images)).toEqual(names);
  for (const name of names) expect(text).toContain(`(images/${name})`);
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
