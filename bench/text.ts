import type { Calls, Spread } from './figures.js';

/** A time as people read it. */
export function msText(ms: number): string {
  return Math.abs(ms) < 1_000 ? `${ms.toFixed(0)} ms` : `${(ms / 1_000).toFixed(2)} s`;
}

/** A size as people read it. */
export function bytesText(bytes: number): string {
  const kilobytes = bytes / 1024;
  return kilobytes < 1_000
    ? `${kilobytes.toFixed(0)} KB`
    : `${(kilobytes / 1024).toFixed(kilobytes < 10_000 ? 1 : 0)} MB`;
}

/** Formats a share. */
export function percentText(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

/** Formats a ratio. */
export function ratioText(ratio: number): string {
  return `${ratio.toFixed(2)} x`;
}

/** The middle, with the least and the most where there are several. */
export function spreadText({ median, min, max }: Spread, text: (value: number) => string): string {
  return min === max ? text(median) : `${text(median)} (${text(min)} to ${text(max)})`;
}

/** Calls by operation, the most frequent first. */
export function callsText(calls: Calls): string {
  return Object.entries(calls)
    .sort(([, a], [, b]) => b - a)
    .map(([operation, count]) => `${operation} ${String(count)}`)
    .join(', ');
}

/** Exit codes: `0`, or how often each. */
export function exitText(codes: readonly number[]): string {
  const each = [...new Set(codes)].sort((a, b) => a - b);
  if (each.length === 1) return String(each[0]);
  return each.map((code) => `${String(code)} (${String(codes.filter((one) => one === code).length)} x)`).join(', ');
}

/** Returns a table of Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
