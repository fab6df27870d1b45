import type { Drift } from '../contract/report.js';

/** Formats a drift as a line: `~ maxSessionDuration = 3600 -> 7200`, `+ tags.cost = "42"`, `- description = "old"`. */
export function driftText({ path, observed, desired, summary }: Drift): string {
  if (summary !== undefined) return path === '' ? summary : `${path}: ${summary}`;
  const [before, after] = [JSON.stringify(observed), JSON.stringify(desired)];
  if (observed === null) return `+ ${path} = ${after}`;
  if (desired === null) return `- ${path} = ${before}`;
  return `~ ${path} = ${before} -> ${after}`;
}
