import pc from 'picocolors';
import type { ConflictRow, Conflicts } from '../../contract/explain.js';
import { counted } from '../../report/text.js';
import { plain } from '../terminal.js';

const BAR_WIDTH = 40;

const MAX_LINES = 10;

/** Renders counts of conflicts for people. */
export function renderConflicts(found: Conflicts): string {
  const { runs, conflicts, adopted, refused, ownRepliesLost, from, to, by, rows, notes } = found;
  const ended = `${counted(runs, 'run')} ended between ${from} and ${to}`;
  const rest = notes.map((line) => pc.yellow(plain(line)));
  if (conflicts === 0) return [`No conflicts. ${ended}.`, ...rest].join('\n');
  return [
    pc.bold(`${counted(conflicts, 'conflict')}; ${ended}`),
    `  ${String(adopted)} adopted, ${String(refused)} refused, ${String(ownRepliesLost)} own replies lost`,
    ...chart(found.days),
    ...table('by cause', by.cause),
    ...table('by entity', by.entity),
    ...table('by namespace', by.namespace),
    ...table('by pipeline', by.pipeline),
    '',
    pc.bold('most recent'),
    ...rows.slice(0, MAX_LINES).map(renderRow),
    ...more(rows.length),
    ...(rest.length === 0 ? [] : ['', ...rest]),
  ].join('\n');
}

function chart(days: Conflicts['days']): string[] {
  const max = Math.max(1, ...days.map((day) => day.conflicts));
  const lines = days.map(({ day, conflicts, runs, runsWithConflicts }) => {
    const length = conflicts === 0 ? 0 : Math.max(1, Math.round((conflicts / max) * BAR_WIDTH));
    return `  ${day}  ${pc.yellow('█'.repeat(length))}${' '.repeat(BAR_WIDTH - length)} ${counted(conflicts, 'conflict').padStart(12)} in ${String(runsWithConflicts)} of ${counted(runs, 'run')}`;
  });
  return ['', pc.bold('by day (UTC)'), ...lines];
}

function table(title: string, counts: Readonly<Record<string, number>>): string[] {
  const entries = Object.entries(counts);
  const lines = entries.slice(0, MAX_LINES).map(([word, count]) => `  ${String(count).padStart(5)}  ${plain(word)}`);
  return ['', pc.bold(title), ...lines, ...more(entries.length)];
}

function more(length: number): string[] {
  return length > MAX_LINES ? [`  and ${String(length - MAX_LINES)} more; see --output json`] : [];
}

function renderRow({ at, entity, namespace, cause, outcome, operation, requestId, runId }: ConflictRow): string {
  const answer = operation === null ? '' : `, ${operation} refused in request ${requestId ?? 'unknown'}`;
  return `  ${pc.dim(at)}  ${plain(`${entity} for ${namespace}: ${outcome}, ${cause}${answer}`)}  ${pc.dim(plain(`run ${runId}`))}`;
}
