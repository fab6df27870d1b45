import { join } from 'node:path';
import pc from 'picocolors';
import type { CaptureReport, CaptureWarning } from '../../contract/capture-report.js';
import { entityId } from '../../contract/entity.js';
import { counted, joinFirst } from '../../report/text.js';
import { plain } from '../terminal.js';
import { renderRefusedReads } from './refused-reads.js';

/** Entities that are named for one reason. */
const MAX_NAMED = 3;

/** The headings of warnings, the gravest first. */
const HEADINGS: Readonly<Record<CaptureWarning['code'], string>> = {
  manifest: 'The manifest cannot be used as it is',
  'deleted-principal': 'Trust of roles and users that were deleted',
  administrator: 'Administrator access',
  'old-access-key': 'Access keys older than 90 days',
  unused: 'Not used for a year',
};

/** Lines of one section that are shown. */
const MAX_LINES = 10;

/**
 * Renders the result of `capture` for people. Entities that are left out for one reason stand in one line.
 *
 * @param report - the result
 * @param manifests - paths of the manifests that were written
 * @param filters - the options that selected entities, as they were given
 */
export function renderCapture(
  report: CaptureReport,
  manifests: readonly string[],
  filters: readonly string[] = [],
): string {
  const { leftOut, notDeclared, toFillIn, unread } = report;
  const sections = [
    ...warningSections(report.warnings),
    section(
      `Left out: ${counted(leftOut.length, 'entity', 'entities')}`,
      byReason(leftOut.map((one) => ({ subject: entityId(one), reason: one.reason }))),
    ),
    section(
      'Not declared, and kept as it is',
      byReason(notDeclared.map((one) => ({ subject: `${entityId(one)} ${one.property}`, reason: one.reason }))),
    ),
    section(
      'To fill in, because AWS does not show it',
      byReason(toFillIn.map((one) => ({ subject: entityId(one), reason: one.property }))),
    ),
    section('Not read, so that entities may be missing', renderRefusedReads(unread)),
    section(
      'Kept, and not part of this capture: delete what nothing uses',
      shortened(report.otherFiles.map((path) => plain(join(report.directory, path)))),
    ),
  ].filter((text) => text !== '');
  return [...sections, conclusion(report, manifests, filters)].join('\n\n');
}

function section(heading: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : [pc.bold(heading), ...lines.map((line) => `  ${line}`)].join('\n');
}

function warningSections(warnings: readonly CaptureWarning[]): readonly string[] {
  return Object.entries(HEADINGS).map(([code, heading]) => {
    const own = warnings.filter((warning) => warning.code === code);
    const shown = own.map(({ entity, message }) => {
      const subject = entity === null ? '' : `${plain(entity)}: `;
      return `${pc.yellow('!')} ${subject}${plain(message)}`;
    });
    return section(heading, shortened(shown));
  });
}

/** Returns the first lines, and the number of the others. */
function shortened(lines: readonly string[]): readonly string[] {
  const hidden = lines.length - MAX_LINES;
  return hidden <= 0 ? lines : [...lines.slice(0, MAX_LINES), `${String(hidden)} more, which --output json lists`];
}

/** Returns a line for each reason, with the number of its subjects and the first of them; the most frequent first. */
function byReason(items: readonly { readonly subject: string; readonly reason: string }[]): readonly string[] {
  const groups = new Map<string, string[]>();
  for (const { subject, reason } of items) groups.set(reason, [...(groups.get(reason) ?? []), subject]);
  const sorted = [...groups].sort(([, a], [, b]) => b.length - a.length);
  const shown = sorted
    .slice(0, MAX_LINES)
    .map(
      ([reason, subjects]) => `${String(subjects.length)} ${plain(reason)}: ${plain(joinFirst(subjects, MAX_NAMED))}`,
    );
  const hidden = sorted.slice(MAX_LINES).reduce((sum, [, subjects]) => sum + subjects.length, 0);
  return hidden === 0 ? shown : [...shown, `${String(hidden)} for other reasons, which --output json lists`];
}

function conclusion(
  { captured, account, files, unread }: CaptureReport,
  manifests: readonly string[],
  filters: readonly string[],
): string {
  const total = Object.values(captured).reduce((sum, count) => sum + count, 0);
  if (total === 0) {
    if (unread.length === 0 && filters.length > 0)
      return `Nothing in account ${plain(account)} is selected by ${plain(filters.join(' '))}. Nothing was written.`;
    return unread.length === 0
      ? `Nothing to capture in account ${plain(account)}.`
      : `Nothing was captured of account ${plain(account)}, and nothing was written: AWS refused reads.`;
  }
  const kinds = Object.entries(captured).map(([kind, count]) => `${String(count)} ${plain(kind)}`);
  const others = files.length - manifests.length;
  const beside = others === 0 ? '' : `, and ${counted(others, 'file')} beside it`;
  return [
    `Captured ${counted(total, 'entity', 'entities')} of account ${plain(account)}: ${kinds.join(', ')}.`,
    `Wrote ${manifests.map(plain).join(', ')}${beside}.`,
    `Next: read it, then run iam-bootstrap plan ${manifests.map((file) => `-f ${plain(file)}`).join(' ')}`,
  ].join('\n');
}
