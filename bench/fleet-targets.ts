import { totalOf } from './figures.js';
import type { FleetCase, FleetResults, FleetTarget } from './fleet-figures.js';
import { bytesText, callsText, msText, ratioText } from './text.js';

/** Calls and processor time of a fleet's worker against those of the same runs one after another. */
const [CALLS_RATIO, CPU_RATIO] = [1.1, 1.3];

/** Calls of an account in which there is nothing to do. */
const IDLE_CALLS = 4;

/** Operations of AWS Organizations: they are calls of the fleet. */
const ORGANIZATIONS = /^List(Accounts|OrganizationalUnits)/;

/** Temporal warns about a history of more events, and refuses payloads of more bytes. */
const [WARNED_EVENTS, MAX_PAYLOAD_BYTES] = [10_240, 2 * 1024 * 1024];

/** The account that is throttled may not delay the others: what is more than this is no noise. */
const DELAY_RATIO = 1.15;

/** The cases whose accounts are compared by the time of their end. */
const COMPARED = ['fleet, one account throttled', 'fleet, fresh'] as const;

/** Reports whether the ends of the accounts of a case are compared with those of another one. */
export function isCompared({ name }: FleetCase): boolean {
  return COMPARED.some((one) => one === name);
}

/** Returns one line about a case. */
export function fleetCaseText(one: FleetCase): string {
  const { name, accounts, entities, ms, worker, server, command, calls, throttled, results, created, history } = one;
  const parts = [
    `${name}: ${String(accounts)} accounts of ${String(entities)} entities: ${msText(ms)}`,
    `worker ${msText(worker.cpuMs)}, ${bytesText(worker.peakRssBytes)}`,
    `server ${msText(server.cpuMs)}, ${bytesText(server.peakRssBytes)}`,
    ...(command === undefined ? [] : [`command ${msText(command.cpuMs)}, ${bytesText(command.peakRssBytes)}`]),
    `${String(totalOf(calls))} calls${throttled === 0 ? '' : `, ${String(throttled)} throttled`} (${callsText(calls)})`,
    `${String(created)} created, at most ${String(one.mostCreates)} Create each`,
    Object.entries(results)
      .map(([result, count]) => `${String(count)} ${result}`)
      .join(', '),
  ];
  if (history !== undefined) {
    const { runs, events, bytes, allBytes, largestPayloadBytes } = history;
    parts.push(
      `${String(runs)} runs of at most ${String(events)} events and ${bytesText(bytes)}, ${bytesText(allBytes)} in all, ` +
        `largest payload ${bytesText(largestPayloadBytes)}`,
    );
  }
  return parts.join('; ');
}

/** Compares the figures with the targets for fleets. */
export function fleetTargets({ cases, throttled }: FleetResults): FleetTarget[] {
  const caseOf = (name: string): FleetCase | undefined => cases.find((one) => one.name === name);
  return [
    ...['fresh', 'nothing to do'].flatMap((what) =>
      ratios(what, caseOf(`fleet, ${what}`), caseOf(`one after another, ${what}`)),
    ),
    ...delay(throttled.account, caseOf(COMPARED[0]), caseOf(COMPARED[1])),
    ...cases.flatMap((one) => limits(one)),
  ];
}

function ratios(what: string, fleet: FleetCase | undefined, alone: FleetCase | undefined): FleetTarget[] {
  if (fleet === undefined || alone === undefined) return [];
  const calls = totalOf(fleet.calls) / totalOf(alone.calls);
  const cpu = fleet.worker.cpuMs / alone.worker.cpuMs;
  return [
    {
      what: `${what}: calls against the runs one after another`,
      most: ratioText(CALLS_RATIO),
      measured: `${ratioText(calls)} (${String(totalOf(fleet.calls))} against ${String(totalOf(alone.calls))})`,
      met: calls <= CALLS_RATIO,
    },
    {
      what: `${what}: processor time of the worker against the runs one after another`,
      most: ratioText(CPU_RATIO),
      measured: `${ratioText(cpu)} (${msText(fleet.worker.cpuMs)} against ${msText(alone.worker.cpuMs)})`,
      met: cpu <= CPU_RATIO,
    },
  ];
}

function delay(account: string, slow: FleetCase | undefined, plain: FleetCase | undefined): FleetTarget[] {
  if (slow === undefined || plain === undefined) return [];
  const [late, usual] = [slow, plain].map((one) => lastOfOthers(one, account)) as [number, number];
  return [
    {
      what: 'one account throttled: the last call of the others against a run without',
      most: ratioText(DELAY_RATIO),
      measured: `${ratioText(late / usual)} (${msText(late)} against ${msText(usual)}; the account itself: ${msText(slow.ends[account] ?? NaN)})`,
      met: late / usual <= DELAY_RATIO,
    },
  ];
}

function lastOfOthers({ ends }: FleetCase, account: string): number {
  return Math.max(...Object.entries(ends).flatMap(([id, ms]) => (id === account ? [] : [ms])));
}

function limits({ name, accounts, calls, created, mostCreates, history }: FleetCase): FleetTarget[] {
  const of = `${name}, ${accounts.toLocaleString('en-US')} accounts`;
  const targets: FleetTarget[] = [];
  if (created > 0) {
    const measured = `${String(mostCreates)} (${created.toLocaleString('en-US')} entities)`;
    targets.push({ what: `${of}: Creates of an entity`, most: '1', measured, met: mostCreates === 1 });
  }
  if (name.endsWith('nothing to do')) {
    const organization = totalOf(Object.fromEntries(Object.entries(calls).filter(([one]) => ORGANIZATIONS.test(one))));
    const each = (totalOf(calls) - organization) / accounts;
    const measured = `${each.toFixed(2)}${organization === 0 ? '' : `, and ${String(organization)} to AWS Organizations`}`;
    const met = each <= IDLE_CALLS;
    targets.push({ what: `${of}: calls of an account`, most: String(IDLE_CALLS), measured, met });
  }
  if (history !== undefined) {
    const { runs, events, largestPayloadBytes } = history;
    targets.push(
      {
        what: `${of}: events of a run`,
        most: WARNED_EVENTS.toLocaleString('en-US'),
        measured: `${events.toLocaleString('en-US')} (of ${String(runs)})`,
        met: events < WARNED_EVENTS,
      },
      {
        what: `${of}: largest payload`,
        most: bytesText(MAX_PAYLOAD_BYTES),
        measured: bytesText(largestPayloadBytes),
        met: largestPayloadBytes <= MAX_PAYLOAD_BYTES,
      },
    );
  }
  return targets;
}
