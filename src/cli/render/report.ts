import pc from 'picocolors';
import type { EntityReport, Outcome, Report, ReportResult } from '../../contract/report.js';
import { counted, driftText, revisionText } from '../../report/text.js';
import { plain } from '../terminal.js';
import {
  approvalText,
  conflictText,
  durationText,
  isListed,
  shownAs,
  SIGNS,
  noteLines,
  summaryOf,
  wordOf,
} from './words.js';

type Paint = (text: string) => string;

const OUTCOMES: Readonly<Record<Outcome, Paint>> = {
  created: pc.green,
  adopted: pc.cyan,
  updated: pc.yellow,
  replaced: pc.magenta,
  released: pc.cyan,
  deleted: pc.magenta,
  unchanged: pc.dim,
  refused: pc.red,
  failed: pc.red,
  skipped: pc.dim,
  pending: pc.yellow,
};

/** Returns the color of an outcome. Other states have none. */
export function paintOf(state: string): Paint {
  return (OUTCOMES as Readonly<Record<string, Paint>>)[state] ?? String;
}

const RESULTS: Readonly<Record<ReportResult, Paint>> = {
  converged: pc.green,
  pending: pc.yellow,
  refused: pc.red,
  failed: pc.red,
  busy: pc.yellow,
  cancelled: pc.magenta,
};

/** Renders a plan or a report as text. With `explained`, also lists unchanged entities that have a reason. */
export function renderReport(report: Report, explained = false): string {
  const heading = `${report.namespace} (${report.environment}) in account ${report.account}`;
  const listed = report.entities.filter((entity) => isListed(entity, explained));
  const width = Math.max(0, ...listed.map(({ kind, name }) => kind.length + name.length + 1));
  const lines = [
    pc.bold(`${report.command} ${plain(heading)}`),
    ...(report.approval === undefined ? [] : [`  ${plain(approvalText(report.approval))}`]),
    ...listed.flatMap((entity) => renderEntity(report, entity, width)),
    ...uncompared(report).map((line) => pc.yellow(`  ${plain(line)}`)),
    ...(report.reason === null ? [] : [`  ${pc.red(plain(report.reason))}`]),
    ...(report.remedy === null ? [] : [`    ${pc.dim('remedy:')} ${plain(report.remedy)}`]),
    '',
    `${RESULTS[report.result](summaryOf(report))} ${counted(report.apiCalls.total, 'AWS call')}, ${durationText(report.durationMs)}`,
    ...(report.workflow.url === null ? [] : [pc.dim(plain(report.workflow.url))]),
  ];
  return lines.join('\n');
}

/** Warns that revisions of different sources were not compared. */
function uncompared({ revision }: Report): string[] {
  const { value, source, last } = revision ?? {};
  if (last === undefined || last === null || source === last.source) return [];
  return [
    `revision ${source ?? ''} ${String(value)} was not compared with the last applied one, ${revisionText(last, last.commit)}: their sources differ`,
  ];
}

function renderEntity(report: Report, entity: EntityReport, width: number): string[] {
  const look = shownAs(report, entity);
  const id = plain(`${entity.kind}/${entity.name}`).padEnd(width);
  const writes = plain(entity.writes.map(({ operation }) => operation).join(', '));
  return [
    `  ${OUTCOMES[look](`${SIGNS[look]} ${id}  ${wordOf(report, entity)}`)}${writes === '' ? '' : pc.dim(`  ${writes}`)}`,
    ...entity.drift.map((drift) => `      ${plain(driftText(drift))}`),
    ...entity.unmanaged.map((what) => pc.dim(`      ! unmanaged, kept: ${plain(what)}`)),
    ...(entity.omittedLines === undefined ? [] : [pc.dim(`      and ${counted(entity.omittedLines, 'more line')}`)]),
    ...noteLines(entity).map((line) => pc.yellow(`      ${plain(line)}`)),
    ...entity.conflicts.map((conflict) => pc.yellow(`      ${plain(conflictText(conflict))}`)),
    ...(entity.reason === null ? [] : [`      ${plain(entity.reason)}`]),
    ...(entity.remedy === null ? [] : [`      ${pc.dim('remedy:')} ${plain(entity.remedy)}`]),
  ];
}
