import pc from 'picocolors';
import type { DriftedEntity, DriftState, WatchedEnvironment, WatchedFleet } from '../../contract/drift-record.js';
import { causeText, differenceLines, driftStateText } from '../../report/drift-record.js';
import { counted } from '../../report/text.js';
import { agoText } from '../../report/words.js';
import { plain } from '../terminal.js';

/** Renders what differs, by environment, and in the last line how many do. */
export function renderDrift({ environments, fleets, at }: DriftState): string {
  if (environments.length + fleets.length === 0)
    return 'Nothing is watched. Make a schedule with `iam-bootstrap schedule create`.';
  const now = Date.parse(at);
  const drifting = environments.filter(({ state }) => state === 'drift');
  const entities = drifting.reduce((sum, { record }) => sum + (record?.inDrift ?? 0), 0);
  const watched = `${counted(environments.length, 'environment')} watched`;
  const unknown = environments.filter(({ state }) => state === 'unknown').length;
  const notLooked = unknown === 0 ? '' : `, ${String(unknown)} not looked at yet`;
  const last =
    drifting.length === 0
      ? `No drift. ${watched}${notLooked}.`
      : `${counted(entities, 'entity', 'entities')} in drift in ${counted(drifting.length, 'environment')}; ${watched}${notLooked}.`;
  return [...environments.flatMap((one) => environmentLines(one, now)), ...fleets.flatMap(fleetLines), last].join('\n');
}

function environmentLines(
  { account, namespace, environment, record, nextLookAt, problem }: WatchedEnvironment,
  now: number,
): readonly string[] {
  const title = pc.bold(plain(`${namespace} (${environment}) in ${account}`));
  const next = nextLookAt === null ? [] : [`next look ${nextLookAt}`];
  const stale = (since: string): string[] =>
    problem === null ? [] : [`  ${pc.red(plain(`not looked at since ${since}: ${problem}`))}`];
  if (record?.lookedAt == null) {
    return [`${title}: ${pc.dim('not looked at yet')}`, ...dimmed(next), ...stale('the schedule was made')];
  }
  const { lookedAt, inDrift, drifted } = record;
  const looked = `looked at ${agoText(Math.max(0, now - Date.parse(lookedAt)))}`;
  const more = inDrift > drifted.length ? [`  and ${String(inDrift - drifted.length)} more`] : [];
  const paint = inDrift > 0 ? pc.yellow : pc.green;
  return [
    `${title}: ${paint(driftStateText(record))}`,
    ...dimmed([looked, ...next]),
    ...stale(lookedAt),
    ...drifted.flatMap(entityLines),
    ...more,
  ];
}

/** Returns the lines of a fleet whose last run has not looked at all accounts. */
function fleetLines({ namespace, fleet, problem }: WatchedFleet): readonly string[] {
  if (problem === null) return [];
  return [pc.bold(plain(`${namespace} in fleet ${fleet}`)), `  ${pc.red(plain(problem))}`];
}

function dimmed(texts: readonly string[]): readonly string[] {
  return texts.length === 0 ? [] : [`  ${pc.dim(texts.join(', '))}`];
}

function entityLines(entity: DriftedEntity): readonly string[] {
  const { kind, name, since, cause } = entity;
  return [
    `  ${pc.yellow('~')} ${plain(`${kind}/${name}`)}, since ${plain(since)}`,
    ...differenceLines(entity).map((line) => `      ${plain(line)}`),
    ...(cause === null ? [] : [`      ${pc.dim(plain(`probably ${causeText(cause)}`))}`]),
  ];
}
