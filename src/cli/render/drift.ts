import pc from 'picocolors';
import type { DriftedEntity, DriftState, WatchedEnvironment, WatchedFleet } from '../../contract/drift-record.js';
import { causeText, differenceLines, driftStateText, incompleteText, isIncomplete } from '../../report/drift-record.js';
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
  const notLooked = countedAs(
    'not looked at yet',
    environments.filter(({ record }) => record?.lookedAt == null),
  );
  const partly = environments.filter(({ record }) => record !== null && isIncomplete(record));
  const rest = `${watched}${notLooked}${countedAs('not read completely', partly)}.`;
  const none = partly.length === 0 ? 'No drift.' : 'No drift in what was read.';
  const last =
    drifting.length === 0
      ? `${none} ${rest}`
      : `${counted(entities, 'entity', 'entities')} in drift in ${counted(drifting.length, 'environment')}; ${rest}`;
  return [...environments.flatMap((one) => environmentLines(one, now)), ...fleets.flatMap(fleetLines), last].join('\n');
}

function countedAs(what: string, environments: readonly WatchedEnvironment[]): string {
  return environments.length === 0 ? '' : `, ${String(environments.length)} ${what}`;
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
  const paint = inDrift > 0 || isIncomplete(record) ? pc.yellow : pc.green;
  return [
    `${title}: ${paint(driftStateText(record))}`,
    ...dimmed([looked, ...next]),
    // The look was incomplete, not missing, so it is not stale.
    ...(problem !== null && problem === incompleteText(record) ? [`  ${pc.red(plain(problem))}`] : stale(lookedAt)),
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
