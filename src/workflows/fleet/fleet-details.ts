import type { FleetProgress } from '../../contract/fleet-progress.js';
import type { AccountReport, FleetEntity, FleetReport, FleetRequest } from '../../contract/fleet.js';
import { approveWaveCommand, resultsOf } from '../../report/fleet.js';
import { code, page, plain, table } from '../../report/markdown.js';
import { counted, joinFirst } from '../../report/text.js';
import { durationText } from '../../report/words.js';

/** Accounts of a table on the page. */
const MAX_ROWS = 50;

/** Entities that a cell names. */
const MAX_NAMES = 3;

/** Returns the page of a fleet run that is open. */
export function fleetProgressDetails(
  { namespace, fleet }: Pick<FleetRequest, 'namespace' | 'fleet'>,
  { phase, wave, waves, done, total, results, accounts, approval }: FleetProgress,
): string {
  const counts = Object.entries(results).map(([result, count]) => `${String(count)} ${result}`);
  const rows = accounts.map(({ account, name, state, reason }) => [
    account,
    plain(name ?? ''),
    state,
    plain(reason ?? ''),
  ]);
  return page([
    `**${phase}**: ${String(done)} of ${counted(total, 'account')}${waves < 2 ? '' : `, wave ${String(wave)} of ${String(waves)}`}`,
    ...(counts.length === 0 ? [] : ['', counts.join(', ')]),
    ...(approval === undefined
      ? []
      : [
          '',
          `Wave ${String(approval.wave)} waits for an approval until ${approval.expiresAt}.`,
          '',
          `Run ${code(approveWaveCommand(namespace, fleet, approval.plan))}`,
        ]),
    ...table(['account', 'name', 'state', 'why'], rows, MAX_ROWS),
  ]);
}

/** Returns the page of a fleet run that has ended. */
export function fleetReportDetails(report: FleetReport): string {
  const { result, reason, remedy, accounts, leftOut, calls, durationMs } = report;
  const total = Object.values(calls).reduce((sum, count) => sum + count, 0);
  const counts = Object.entries(resultsOf(accounts)).map(([name, count]) => `${String(count)} ${name}`);
  const listed = accounts.filter((account) => account.result !== 'converged' || account.entities.length > 0);
  const rows = [...listed].sort((a, b) => rankOf(a) - rankOf(b)).map(accountRow);
  const left = leftOut.map((account) => [account.id, plain(account.name ?? ''), plain(account.reason)]);
  return page([
    `**${result}**: ${counted(accounts.length, 'account')}${counts.length === 0 ? '' : `: ${counts.join(', ')}`}; ${counted(total, 'AWS call')}, ${durationText(durationMs)}`,
    ...(reason === null ? [] : ['', `Reason: ${plain(reason)}.`]),
    ...(remedy === null ? [] : ['', `Remedy: ${plain(remedy)}.`]),
    ...table(['account', 'name', 'result', 'entities', 'why, remedy', 'run'], rows, MAX_ROWS),
    ...(left.length === 0 ? [] : ['', '### Left out', ...table(['account', 'name', 'why'], left, MAX_ROWS)]),
  ]);
}

function rankOf({ result }: AccountReport): number {
  return result === 'converged' || result === 'pending' ? 1 : 0;
}

function accountRow({
  account,
  name,
  result,
  reason,
  remedy,
  entities,
  omittedEntities = 0,
  workflow,
}: AccountReport): string[] {
  const why = [reason, remedy].flatMap((text) => (text === null ? [] : [text])).join('; remedy: ');
  const names = entities.map((entity) => entityText(entity));
  const more = omittedEntities === 0 ? '' : ` and ${String(omittedEntities)} more`;
  return [
    account,
    plain(name ?? ''),
    result,
    plain(joinFirst(names, MAX_NAMES) + more),
    plain(why),
    workflow === null ? '' : code(workflow.runId),
  ];
}

function entityText({ kind, name, outcome }: FleetEntity): string {
  return `${kind}/${name} ${outcome}`;
}
