import { InvalidArgumentError } from 'commander';
import { MAX_APPROVAL_TIMEOUT_MS } from '../contract/approval.js';
import { ACCOUNT } from '../contract/request.js';
import { durationMs } from './duration.js';

const DAY_MS = 24 * 3_600_000;

/** Adds a value to those that were given before it. */
export function parseRepeatable(value: string, earlier: readonly string[]): string[] {
  return [...earlier, value];
}

/** Adds `name=value` to the variables that were given before it. */
export function parseVariable(text: string, earlier: Readonly<Record<string, string>>): Record<string, string> {
  const separator = text.indexOf('=');
  if (separator < 1) throw new InvalidArgumentError('Expected name=value.');
  return { ...earlier, [text.slice(0, separator)]: text.slice(separator + 1) };
}

/** Parses a duration such as `90s`, `30m` or `2h` into milliseconds. */
export function parseDuration(text: string): number {
  const ms = durationMs(text);
  if (ms === undefined) throw new InvalidArgumentError('Expected a duration such as 90s, 30m or 2h.');
  return ms;
}

/** Parses how far back to look, such as `90m`, `12h` or `7d`, into milliseconds. */
export function parseLookBack(text: string): number {
  const ms = /^\d{1,4}d$/.test(text) ? Number.parseInt(text, 10) * DAY_MS : durationMs(text);
  if (ms === undefined || ms < 1) throw new InvalidArgumentError('Expected a duration such as 90m, 12h or 7d.');
  return ms;
}

/** Parses how long an approval may take into milliseconds. */
export function parseApprovalTimeout(text: string): number {
  const ms = parseDuration(text);
  if (ms < 1 || ms > MAX_APPROVAL_TIMEOUT_MS) {
    throw new InvalidArgumentError('Expected a duration of more than 0s and at most 720h.');
  }
  return ms;
}

/** Parses the ID of an AWS account. */
export function parseAccount(text: string): string {
  if (!ACCOUNT.test(text)) throw new InvalidArgumentError('Expected the 12 digits of an AWS account ID.');
  return text;
}

/** Parses the revision of a manifest. */
export function parseRevision(text: string): number {
  return parseNatural(text, 15);
}

/** Parses a number of rows. */
export function parseCount(text: string): number {
  return parseNatural(text, 5);
}

/** Parses a TCP port. */
export function parsePort(text: string): number {
  return parseNatural(text, 5);
}

function parseNatural(text: string, maxDigits: number): number {
  if (!/^\d+$/.test(text) || text.length > maxDigits) {
    throw new InvalidArgumentError(`Expected a whole number of at most ${String(maxDigits)} digits.`);
  }
  return Number(text);
}
