import pc from 'picocolors';
import { OUTCOME_OF_ACTION } from '../../contract/actions.js';
import type { FleetProgress } from '../../contract/fleet-progress.js';
import type { AccountReport, FleetReport } from '../../contract/fleet.js';
import { accountsText, accountText, summaryText, totalCalls } from '../../report/fleet-words.js';
import { counted } from '../../report/text.js';
import { durationText, SIGNS } from '../../report/words.js';
import { plain } from '../terminal.js';
import { stageText } from './fleet-events.js';
import { paintOf } from './report.js';

const PAINTS: Readonly<Record<AccountReport['result'], (text: string) => string>> = {
  converged: pc.green,
  pending: pc.yellow,
  refused: pc.red,
  failed: pc.red,
  busy: pc.yellow,
  cancelled: pc.magenta,
  skipped: pc.dim,
};

/** Renders the report of a fleet: a line for each account, and its entities that are not unchanged. */
export function renderFleetReport(report: FleetReport, { quiet = false }: { readonly quiet?: boolean } = {}): string {
  const { accounts, leftOut, reason, remedy, result, durationMs } = report;
  const skipped = accounts.filter((account) => account.result === 'skipped');
  const lines = [
    pc.bold(plain(titleOf(report))),
    ...accounts.filter((account) => account.result !== 'skipped').flatMap((account) => accountLines(account, quiet)),
    ...(skipped.length === 0 ? [] : [pc.dim(`  . ${counted(skipped.length, 'account')} skipped`)]),
    ...leftOut.map((account) =>
      pc.dim(plain(`  . ${accountText({ account: account.id, name: account.name })}  left out: ${account.reason}`)),
    ),
    ...(reason === null ? [] : [`  ${pc.red(plain(reason))}`]),
    ...(remedy === null ? [] : [`  ${pc.dim('remedy:')} ${plain(remedy)}`]),
    '',
    `${PAINTS[result](result)}: ${accountsText(report)}; ${counted(totalCalls(report), 'AWS call')}, ${durationText(durationMs)}`,
  ];
  return lines.join('\n');
}

/** A fleet's environment is its name, if it says nothing else. */
function titleOf({ command, namespace, environment, fleet }: FleetReport): string {
  return `${command} ${namespace}${environment === fleet ? '' : ` (${environment})`} in fleet ${fleet}`;
}

function accountLines(account: AccountReport, quiet: boolean): readonly string[] {
  const { result, reason, remedy, entities, omittedEntities = 0 } = account;
  const counts = summaryText(account);
  const isProblem = result !== 'converged' && result !== 'pending';
  const title = `  ${plain(accountText(account))}  ${PAINTS[result](result)}${counts === '' ? '' : pc.dim(`  ${counts}`)}`;
  const listed = quiet && !isProblem ? [] : entities;
  return [
    title,
    ...listed.map(({ kind, name, outcome, decision, reason: why }) => {
      const word = outcome === 'pending' ? `to ${decision}` : outcome;
      const sign = SIGNS[outcome === 'pending' ? OUTCOME_OF_ACTION[decision] : outcome];
      const line = plain(`${sign} ${kind}/${name}  ${word}${why === null ? '' : `: ${why}`}`);
      return `      ${paintOf(outcome)(line)}`;
    }),
    ...(omittedEntities === 0 ? [] : [pc.dim(`      and ${counted(omittedEntities, 'more entity', 'more entities')}`)]),
    ...(isProblem && reason !== null ? [`      ${pc.red(plain(reason))}`] : []),
    ...(isProblem && remedy !== null ? [`      ${pc.dim('remedy:')} ${plain(remedy)}`] : []),
  ];
}

/** Renders the progress of a fleet's run: its counts, and a line for each account that is under way or did not converge. */
export function renderFleetProgress(progress: FleetProgress, now: number): string {
  const { done, total, results, accounts } = progress;
  const counts = Object.entries(results).map(([result, count]) => `${String(count)} ${result}`);
  const lines = accounts.map((account) => {
    const { state, since, reason } = account;
    const time = since === undefined ? '' : ` for ${durationText(Math.max(0, now - Date.parse(since)))}`;
    return plain(`  ${accountText(account)}  ${state}${time}${reason === undefined ? '' : `: ${reason}`}`);
  });
  return [
    `${stageText(progress)}: ${String(done)} of ${counted(total, 'account')}`,
    ...(counts.length === 0 ? [] : [`  ${counts.join(', ')}`]),
    ...lines,
  ].join('\n');
}
