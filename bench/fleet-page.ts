import { totalOf } from './figures.js';
import type { FleetCase, FleetResults } from './fleet-figures.js';
import { fleetTargets } from './fleet-targets.js';
import { bytesText, callsText, msText, table } from './text.js';

/** The title of the section, by which it is found in the page. */
export const FLEETS = '## Fleets';

/**
 * Renders the figures of fleets as a section of the page about performance.
 *
 * @param all - the figures
 * @param reasons - why targets were missed, by their names
 */
export function fleetSection(all: readonly FleetResults[], reasons: Readonly<Record<string, string>>): string[] {
  if (all.length === 0) return [];
  return [FLEETS, '', introduction(), '', ...all.flatMap((results) => renderRun(results, reasons))];
}

function introduction(): string {
  return (
    'A fleet of accounts that have the same roles, each with an inline policy, against the same runs one after another ' +
    'without a fleet, which the library starts. Accounts are entered by a role. *Nothing to do* is the same command again; the many ' +
    'accounts are those of an organization, and were filled without an apply. Each case has a worker of its own, which has ' +
    'applied something before. The Temporal server is the development server with its data in memory, which grows with every run. ' +
    'A fleet goes on in another run before its history is full. The proxy counts the calls, and the emulator the Creates. ' +
    'The machine did other work at the same time: compare calls, sizes and processor times. Durations, and so the time at which ' +
    'the other accounts of a throttled one end, vary by a third from run to run.'
  );
}

function renderRun(results: FleetResults, reasons: Readonly<Record<string, string>>): string[] {
  const { at, commit, command, machine, cases } = results;
  const targets = fleetTargets(results);
  const missed = targets.filter(({ met }) => !met);
  return [
    `### \`${command}\``,
    '',
    `Measured ${at.slice(0, 10)} at commit \`${commit}\` on ${String(machine.cores)} cores with Node ${machine.node} (${machine.platform}), ` +
      `with a load of ${machine.load.toFixed(1)} per core before the start.`,
    '',
    table(
      ['case', 'accounts', 'entities of each', 'calls', 'time', 'worker', 'server', 'command', 'accounts by result'],
      cases.map(caseRow),
    ),
    '',
    ...histories(cases),
    table(
      ['target', 'at most', 'measured', ''],
      targets.map(({ what, most, measured, met }) => [what, most, measured, met ? 'met' : '**missed**']),
    ),
    '',
    ...missed.map(({ what }) => `- Missed: ${what}: ${reasons[what] ?? 'not profiled yet'}.`),
    ...(missed.length === 0 ? [] : ['']),
    '<details><summary>Calls by operation</summary>',
    '',
    table(
      ['case', 'accounts', 'calls'],
      cases.map(({ name, accounts, calls }) => [name, countText(accounts), callsText(calls)]),
    ),
    '',
    '</details>',
    '',
  ];
}

function caseRow({ name, accounts, entities, calls, throttled, ms, ...one }: FleetCase): string[] {
  const { worker, server, command, results } = one;
  const used = ({ cpuMs, peakRssBytes }: FleetCase['worker']): string => `${msText(cpuMs)}, ${bytesText(peakRssBytes)}`;
  return [
    name,
    countText(accounts),
    String(entities),
    `${countText(totalOf(calls))}${throttled === 0 ? '' : ` (${String(throttled)} throttled)`}`,
    msText(ms),
    used(worker),
    used(server),
    command === undefined ? '' : used(command),
    Object.entries(results)
      .map(([result, count]) => `${countText(count)} ${result}`)
      .join(', '),
  ];
}

function histories(cases: readonly FleetCase[]): string[] {
  const rows = cases.flatMap(({ name, accounts, history, reportBytes = 0 }) => {
    if (history === undefined) return [];
    const { runs, events, bytes, allBytes, largestPayloadBytes } = history;
    return [
      [
        name,
        countText(accounts),
        String(runs),
        countText(events),
        bytesText(bytes),
        `${bytesText(allBytes)}, ${bytesText(allBytes / accounts)} for an account`,
        bytesText(largestPayloadBytes),
        bytesText(reportBytes),
      ],
    ];
  });
  const heads = ['case', 'accounts', 'runs', 'events of the longest', 'its history', 'all histories'];
  return rows.length === 0 ? [] : [table([...heads, 'largest payload', 'report as JSON'], rows), ''];
}

function countText(count: number): string {
  return count.toLocaleString('en-US');
}

/** Returns a page with another section about fleets. */
export function withFleets(
  page: string,
  all: readonly FleetResults[],
  reasons: Readonly<Record<string, string>>,
): string {
  const section = fleetSection(all, reasons).join('\n');
  const without = page.replace(/^## Fleets\n[\s\S]*?(?=^## )/m, '');
  return without.replace(/^## Starts and size$/m, (next) => `${section}\n${next}`);
}
