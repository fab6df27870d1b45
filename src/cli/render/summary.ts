import type { EntityReport, Report } from '../../contract/report.js';
import { code, plain } from '../../report/markdown.js';
import { counted, countsOf, driftText } from '../../report/text.js';
import { approvalText, conflictText, durationText, isListed, shownAs, SIGNS, noteLines, wordOf } from './words.js';

/** Characters that a comment on GitHub or GitLab can have, less a line about omitted rows. */
const MAX_LENGTH = 60_000;

/** Renders a plan or a report as Markdown, for the summary of a job or a comment on a pull request. */
export function renderSummary(report: Report): string {
  const { namespace, environment, account, workflow, apiCalls, durationMs, reason, remedy } = report;
  const listed = report.entities.filter((entity) => isListed(entity));
  const rows = listed.map((entity) => rowOf(report, entity));
  const head = [
    `### iam-bootstrap ${report.command}: ${report.result}`,
    '',
    `${code(namespace)} (${plain(environment)}) in account ${code(account)}: ${countsOf(report)}; ` +
      `${counted(apiCalls.total, 'AWS call')}, ${durationText(durationMs)}.` +
      (workflow.url === null ? '' : ` [Run in Temporal](${encodeURI(workflow.url)})`),
    ...(report.approval === undefined ? [] : ['', `${plain(approvalText(report.approval))}.`]),
    ...(reason === null ? [] : ['', `**${plain(reason)}.**${remedy === null ? '' : ` Remedy: ${plain(remedy)}.`}`]),
  ];
  if (rows.length === 0) return `${head.join('\n')}\n`;
  const lines = [...head, '', '| | entity | | what |', '| --- | --- | --- | --- |'];
  let length = lines.join('\n').length;
  let shown = 0;
  for (const row of rows) {
    length += row.length + 1;
    if (length > MAX_LENGTH) break;
    lines.push(row);
    shown += 1;
  }
  if (shown < rows.length) {
    lines.push(
      '',
      `and ${counted(rows.length - shown, 'more entity', 'more entities')}: see the report (\`--output json\`).`,
    );
  }
  return `${lines.join('\n')}\n`;
}

function rowOf(report: Report, entity: EntityReport): string {
  const { drift, unmanaged, conflicts, reason, remedy, omittedLines } = entity;
  const what = [
    ...drift.map((one) => plain(driftText(one))),
    ...unmanaged.map((one) => `! unmanaged, kept: ${plain(one)}`),
    ...(omittedLines === undefined ? [] : [`and ${counted(omittedLines, 'more line')}`]),
    ...noteLines(entity).map(plain),
    ...conflicts.map((one) => plain(conflictText(one))),
    ...(reason === null ? [] : [plain(reason)]),
    ...(remedy === null ? [] : [`**Remedy:** ${plain(remedy)}`]),
  ];
  const cells = [
    code(SIGNS[shownAs(report, entity)]),
    code(`${entity.kind}/${entity.name}`),
    wordOf(report, entity),
    what.join('<br>'),
  ];
  return `| ${cells.join(' | ')} |`;
}
