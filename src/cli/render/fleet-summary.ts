import type { FleetReport } from '../../contract/fleet.js';
import { accountsText, accountText, summaryText, totalCalls } from '../../report/fleet-words.js';
import { code, plain, table } from '../../report/markdown.js';
import { counted } from '../../report/text.js';
import { durationText } from '../../report/words.js';

/** Rows of the table of accounts. A comment on GitHub has room for about as many. */
const MAX_ROWS = 300;

/** Renders the report of a fleet as Markdown, for the summary of a job or a comment on a pull request. */
export function renderFleetSummary(report: FleetReport): string {
  const { command, result, namespace, environment, fleet, accounts, leftOut, reason, remedy, durationMs } = report;
  const rank = (account: (typeof accounts)[number]): number => (account.result === 'converged' ? 1 : 0);
  const rows = [...accounts]
    .sort((a, b) => rank(a) - rank(b))
    .map((account) => [
      plain(accountText(account)),
      account.result,
      summaryText(account),
      plain(account.reason ?? ''),
      plain(account.remedy ?? ''),
    ]);
  const left = leftOut.map(({ id, name, reason: why }) => [plain(accountText({ account: id, name })), plain(why)]);
  return `${[
    `### iam-bootstrap ${command}: ${result}`,
    '',
    `${code(namespace)}${environment === fleet ? '' : ` (${plain(environment)})`} in fleet ${code(fleet)}: ${accountsText(report)}. ${counted(totalCalls(report), 'AWS call')}, ${durationText(durationMs)}.`,
    ...(reason === null ? [] : ['', `**${plain(reason)}.**${remedy === null ? '' : ` Remedy: ${plain(remedy)}.`}`]),
    ...table(['account', 'result', 'entities', 'why', 'remedy'], rows, MAX_ROWS),
    ...(left.length === 0 ? [] : ['', '#### Left out', ...table(['account', 'why'], left, MAX_ROWS)]),
  ].join('\n')}\n`;
}
