import { isWrite } from '../contract/actions.js';
import type { Report } from '../contract/report.js';
import type { Revision } from '../contract/revision.js';

/** Returns a count with its noun in the right number: `1 entity`, `2 entities`. */
export function counted(count: number, singular: string, plural = `${singular}s`): string {
  return `${String(count)} ${count === 1 ? singular : plural}`;
}

/** Joins the first few texts of a list: `a, b, c and 2 more`. */
export function joinFirst(texts: readonly string[], max: number, separator = ', '): string {
  const shown = texts.slice(0, max).join(separator);
  return texts.length > max ? `${shown} and ${String(texts.length - max)} more` : shown;
}

/** Returns what stays the same in a text that tells the same of another run: without numbers, times and IDs. */
export function withoutNumbers(text: string): string {
  return text.replace(/[\da-f]{8}[\da-f-]*|\d+/gi, '#');
}

/** Returns a timeout as the command line takes it: `90s`, `30m`, `1h`. */
export function timeoutText(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  if (seconds >= 3_600 && seconds % 3_600 === 0) return `${String(seconds / 3_600)}h`;
  if (seconds >= 60 && seconds % 60 === 0) return `${String(seconds / 60)}m`;
  return `${String(seconds)}s`;
}

/** Returns the counts of a report in a line: `2 created, 1 refused`; for a plan `2 to create, 1 refused`. */
export function countsOf(report: Report): string {
  const tally = new Map<string, number>();
  for (const { outcome, decision } of report.entities) {
    const isPending = report.command === 'plan' && isWrite(decision);
    const name = isPending ? `to ${decision}` : outcome;
    tally.set(name, (tally.get(name) ?? 0) + 1);
  }
  const counts = [...tally].map(([name, count]) => `${String(count)} ${name}`);
  const { summary, orphans = [] } = report;
  if (summary.conflicts > 0) counts.push(counted(summary.conflicts, 'conflict'));
  if (orphans.length > 0) counts.push(`${counted(orphans.length, 'orphan')} kept`);
  return counts.length === 0 ? 'nothing was read' : counts.join(', ');
}

/** Formats a revision for people: `commit-time 1700000000 (2023-11-14T22:13:20Z, commit 4b825dc642cb)`. */
export function revisionText({ value, source }: Revision, commit: string | null): string {
  const known = [
    source === 'commit-time' && value <= 8640000000000
      ? [new Date(value * 1000).toISOString().replace('.000', '')]
      : [],
    commit === null ? ['commit unknown'] : [`commit ${commit.slice(0, 12)}`],
  ].flat();
  return `${source} ${String(value)} (${known.join(', ')})`;
}
