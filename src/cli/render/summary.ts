import type { Report } from '../../contract/report.js';
import { blocksOf } from '../../report/blocks.js';
import { code, link, plain } from '../../report/markdown.js';
import { markdownBlocks } from '../../report/markdown-blocks.js';
import { counted } from '../../report/text.js';
import { approvalText, durationText, requesterText, summaryOf } from '../../report/words.js';

/** Characters that a comment on GitHub or GitLab can have, less some for what a job adds. */
const MAX_LENGTH = 60_000;

/** Renders a plan or a report as Markdown, for the summary of a job or a comment on a pull request. */
export function renderSummary(report: Report): string {
  const { namespace, environment, account, workflow, apiCalls, durationMs, reason, remedy } = report;
  const requester = requesterText(report);
  const head = [
    `### iam-bootstrap ${report.command}: ${report.result}`,
    '',
    `${code(namespace)} (${plain(environment)}) in account ${code(account)}: ${plain(summaryOf(report))} ` +
      `${counted(apiCalls.total, 'AWS call')}, ${durationText(durationMs)}.` +
      (workflow.url === null ? '' : ` ${link('Run in Temporal', workflow.url)}`),
    ...(requester === undefined ? [] : ['', `${plain(requester)}.`]),
    ...(report.approval === undefined ? [] : ['', `${plain(approvalText(report.approval))}.`]),
    ...(reason === null ? [] : ['', `**${plain(reason)}.**${remedy === null ? '' : ` Remedy: ${plain(remedy)}.`}`]),
  ];
  const maxLength = MAX_LENGTH - head.join('\n').length;
  const blocks = markdownBlocks(blocksOf(report, { grants: true }), { maxLength, foldsLong: true });
  return `${[...head, ...blocks].join('\n')}\n`;
}
