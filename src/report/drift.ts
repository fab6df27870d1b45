import type { Drift } from '../contract/report.js';

/** Formats a drift in a line: `maxSessionDuration: 3600 -> 7200`. */
export function driftText({ path, observed, desired, summary }: Drift): string {
  if (summary !== undefined) return path === '' ? summary : `${path}: ${summary}`;
  return `${path}: ${JSON.stringify(observed)} -> ${JSON.stringify(desired)}`;
}
