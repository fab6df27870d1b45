import pc from 'picocolors';
import type { ConflictRow, Conflicts } from '../../contract/explain.js';
import { plain } from '../terminal.js';

/** Characters of the longest bar. */
const BAR = 40;

/** Lines of one table. */
const MAX_LINES = 10;

/** Counts of conflicts, for people. */
export function renderConflicts(found: Conflicts): string {
  const { runs, conflicts, adopted, refused, ownRepliesLost, from, to, by, rows, notes } = found;
  const ended = `${String(runs)} ${runs === 1 ? 'run' : 'runs'} ended between ${from} and ${to}`;
  const rest = notes.map((line) => pc.yellow(plain(line)));
  if (conflicts === 0) return [`no conflicts: ${ended}, and none met what it had not made`, ...rest].join('\n');
  return [
    pc.bold(`${String(conflicts)} ${conflicts === 1 ? 'conflict' : 'conflicts'}; ${ended}`),
    `  ${String(adopted)} adopted, ${String(refused)} refused, ${String(ownRepliesLost)} own replies lost`,
    ...chart(found.days),
    ...table('by cause', by.cause),
    ...table('by entity', by.entity),
    ...table('by namespace', by.namespace),
    ...table('by pipeline', by.pipeline),
    '',
    pc.bold('the last ones'),
    ...rows.slice(0, MAX_LINES).map(renderRow),
    ...more(rows.length),
    ...(rest.length === 0 ? [] : ['', ...rest]),
  ].join('\n');
}

function chart(days: Conflicts['days']): string[] {
  const most = Math.max(1, ...days.map((day) => day.conflicts));
  const lines = days.map(({ day, conflicts, runs }) => {
    const length = conflicts === 0 ? 0 : Math.max(1, Math.round((conflicts / most) * BAR));
    return `  ${day}  ${pc.yellow('█'.repeat(length))}${' '.repeat(BAR - length)} ${String(conflicts).padStart(5)} of ${String(runs)} ${runs === 1 ? 'run' : 'runs'}`;
  });
  return ['', pc.bold('by day (UTC)'), ...lines];
}

function table(title: string, counts: Readonly<Record<string, number>>): string[] {
  const entries = Object.entries(counts);
  const lines = entries.slice(0, MAX_LINES).map(([word, count]) => `  ${String(count).padStart(5)}  ${plain(word)}`);
  return ['', pc.bold(title), ...lines, ...more(entries.length)];
}

function more(length: number): string[] {
  return length > MAX_LINES ? [`  and ${String(length - MAX_LINES)} more: --output json has all`] : [];
}

function renderRow({ at, entity, namespace, cause, outcome, operation, requestId, runId }: ConflictRow): string {
  const answer = operation === null ? '' : `, ${operation} refused in request ${requestId ?? 'unknown'}`;
  return `  ${pc.dim(at)}  ${plain(`${entity} for ${namespace}: ${outcome}, ${cause}${answer}`)}  ${pc.dim(plain(`run ${runId}`))}`;
}
