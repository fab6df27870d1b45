import pc from 'picocolors';
import type { Decision, Drift, EntityReport, Outcome, Report, ReportResult } from '../../contract/report.js';
import { durationText } from '../duration.js';
import { plain } from '../terminal.js';

type Paint = (text: string) => string;

const OUTCOMES: Readonly<Record<Outcome, { readonly sign: string; readonly paint: Paint }>> = {
  created: { sign: '+', paint: pc.green },
  adopted: { sign: '&', paint: pc.cyan },
  updated: { sign: '~', paint: pc.yellow },
  replaced: { sign: '±', paint: pc.magenta },
  released: { sign: '<', paint: pc.cyan },
  deleted: { sign: '-', paint: pc.magenta },
  unchanged: { sign: '=', paint: pc.dim },
  refused: { sign: '!', paint: pc.red },
  failed: { sign: 'x', paint: pc.red },
  skipped: { sign: '.', paint: pc.dim },
  pending: { sign: ' ', paint: pc.yellow },
};

/** A plan has no outcomes yet: the sign is that of what would be done. */
const PLANNED: Readonly<Record<Decision['action'], Outcome>> = {
  create: 'created',
  adopt: 'adopted',
  update: 'updated',
  replace: 'replaced',
  release: 'released',
  delete: 'deleted',
  'no-op': 'unchanged',
  refuse: 'refused',
};

const RESULTS: Readonly<Record<ReportResult, Paint>> = {
  converged: pc.green,
  pending: pc.yellow,
  refused: pc.red,
  failed: pc.red,
  busy: pc.yellow,
  cancelled: pc.magenta,
};

/**
 * A plan or a report as text. Unchanged entities are counted, not listed.
 *
 * @param explained - lists those that are unchanged for a reason, too
 */
export function renderReport(report: Report, explained = false): string {
  const heading = `${report.namespace} (${report.environment}) in account ${report.account}`;
  const listed = report.entities.filter(
    ({ outcome, drift, undeclared, reason }) =>
      outcome !== 'unchanged' || drift.length + undeclared.length > 0 || (explained && reason !== null),
  );
  const width = Math.max(0, ...listed.map(({ kind, name }) => kind.length + name.length + 1));
  const lines = [
    pc.bold(`${report.command} ${plain(heading)}`),
    ...listed.flatMap((entity) => renderEntity(report, entity, width)),
    ...(report.reason === null ? [] : [`  ${pc.red(plain(report.reason))}`]),
    ...(report.remedy === null ? [] : [`    ${pc.dim('remedy:')} ${plain(report.remedy)}`]),
    '',
    `${RESULTS[report.result](report.result)}: ${counts(report)}; ${String(report.apiCalls.total)} AWS calls, ${durationText(report.durationMs)}`,
    ...(report.workflow.url === null ? [] : [pc.dim(plain(report.workflow.url))]),
  ];
  return lines.join('\n');
}

function renderEntity(report: Report, entity: EntityReport, width: number): string[] {
  const look = report.command === 'plan' ? PLANNED[entity.decision] : entity.outcome;
  const { sign, paint } = OUTCOMES[look];
  const id = plain(`${entity.kind}/${entity.name}`).padEnd(width);
  const word = report.command === 'plan' ? entity.decision : entity.outcome;
  const writes = plain(entity.writes.map(({ operation }) => operation).join(', '));
  return [
    `  ${paint(`${sign} ${id}  ${word}`)}${writes === '' ? '' : pc.dim(`  ${writes}`)}`,
    ...entity.drift.map((drift) => `      ${renderDrift(drift)}`),
    ...entity.undeclared.map((what) => pc.dim(`      undeclared, kept: ${plain(what)}`)),
    ...entity.conflicts.map(({ operation, code, requestId, resolvedAs }) =>
      pc.yellow(
        plain(
          `      conflict: ${operation} answered ${code} (request ${requestId ?? 'unknown'}), resolved as ${resolvedAs}`,
        ),
      ),
    ),
    ...(entity.reason === null ? [] : [`      ${plain(entity.reason)}`]),
    ...(entity.remedy === null ? [] : [`      ${pc.dim('remedy:')} ${plain(entity.remedy)}`]),
  ];
}

function renderDrift({ path, observed, desired, summary }: Drift): string {
  if (summary !== undefined) return plain(path === '' ? summary : `${path}: ${summary}`);
  return plain(`${path}: ${JSON.stringify(observed)} -> ${JSON.stringify(desired)}`);
}

/** `2 created, 1 refused`; of a plan, what would be done. */
function counts(report: Report): string {
  const names =
    report.command === 'plan'
      ? report.entities.map(({ decision }) => (decision === 'no-op' ? 'unchanged' : `to ${decision}`))
      : report.entities.map(({ outcome }) => outcome as string);
  const tally = new Map<string, number>();
  for (const name of names) tally.set(name, (tally.get(name) ?? 0) + 1);
  const conflicts = report.summary.conflicts;
  if (conflicts > 0) tally.set(conflicts === 1 ? 'conflict' : 'conflicts', conflicts);
  return tally.size === 0 ? 'nothing was read' : [...tally].map(([name, n]) => `${String(n)} ${name}`).join(', ');
}
