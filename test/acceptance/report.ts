import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GatewayCall } from './gateway.js';
import type { AcceptanceOptions } from './options.js';
import type { Tested, Verdict } from './probe.js';
import { differencesOf } from './recordings.js';

/** The result of a law or of a scenario. */
export interface CheckResult {
  /** `Role`, or empty for a scenario. */
  readonly kind: string;
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'not known here' | 'skipped';
  /** What does not hold, why it was skipped, or what was measured. */
  readonly detail: string | null;
}

/** All results of an acceptance run. */
export interface Results {
  readonly run: string;
  readonly startedAt: string;
  readonly durationMs: number;
  readonly tested: readonly Tested[];
  readonly laws: readonly CheckResult[];
  readonly scenarios: readonly CheckResult[];
  readonly calls: readonly GatewayCall[];
  /** Entities that could not be deleted. */
  readonly left: readonly string[];
}

/** The exit codes of the command. */
export const Exit = { Held: 0, Failed: 1, Differs: 2, Refused: 3, Usage: 64 } as const;

/** Returns the exit code: failed laws count more than assumptions that do not hold. */
export function exitCodeOf({ laws, scenarios, tested, left }: Results): number {
  if (left.length > 0 || [...laws, ...scenarios].some(({ outcome }) => outcome === 'failed')) return Exit.Failed;
  return tested.some(({ verdict }) => verdict === 'differs') ? Exit.Differs : Exit.Held;
}

/** Returns the summary for the terminal. */
export function summaryOf(options: AcceptanceOptions, results: Results): string {
  const { tested, laws, scenarios, left, calls } = results;
  const lines = [
    `Acceptance on ${options.title}: ${counts(results)}`,
    ...tested
      .filter(({ verdict }) => verdict === 'differs')
      .map(({ assumption, ...rest }) => `  differs  ${assumption.id} ${assumption.statement}: ${answerText(rest)}`),
    ...[...laws, ...scenarios]
      .filter(({ outcome }) => outcome === 'failed')
      .map(({ kind, name, detail }) => `  failed   ${kind === '' ? '' : `${kind}: `}${name}: ${detail ?? ''}`),
    ...left.map((name) => `  left     ${name}`),
    `${String(calls.length)} calls in ${seconds(results.durationMs)}; ${throttlingText(calls)}`,
    cleaningText(options, left),
  ];
  return `${lines.join('\n')}\n`;
}

function cleaningText({ platform }: AcceptanceOptions, left: readonly string[]): string {
  if (platform === 'moto') return 'The emulator has ended, with all that the run made.';
  return left.length === 0
    ? 'Everything that the run made is deleted.'
    : 'Not everything is deleted: run it again with --clean.';
}

/** Writes the report as JSON and as Markdown, and the differences. Returns the files. */
export async function saveReport(options: AcceptanceOptions, results: Results): Promise<string[]> {
  await mkdir(options.output, { recursive: true });
  const files = {
    'acceptance-report.json': `${JSON.stringify(reportOf(options, results), null, 2)}\n`,
    'acceptance-report.md': markdownOf(options, results),
    'acceptance-differences.json': `${JSON.stringify(differencesOf(options.title, results.tested), null, 2)}\n`,
  };
  const redact = options.unredacted ? (text: string) => text : redactor(options, results);
  const paths: string[] = [];
  for (const [name, text] of Object.entries(files)) {
    const path = join(options.output, name);
    await writeFile(path, redact(text));
    paths.push(path);
  }
  return paths;
}

/** Returns a function that takes the account, the names of the run and IDs of AWS out of a text. */
export function redactor(
  { account }: Pick<AcceptanceOptions, 'account'>,
  { run }: Pick<Results, 'run'>,
): (text: string) => string {
  return (text) =>
    text
      .replaceAll(account, '<account>')
      .replaceAll(run, '<p>')
      .replaceAll(run.toUpperCase(), '<P>')
      .replaceAll(/\b\d{12}\b/g, '<account>')
      .replaceAll(/\b(A[A-Z]{3})[A-Z0-9]{12,20}\b/g, '$1<id>')
      .replaceAll(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, '<request>');
}

function reportOf(options: AcceptanceOptions, results: Results) {
  const { tested, laws, scenarios, left, startedAt, durationMs, calls } = results;
  return {
    ...{ version: 1, platform: options.title, partition: options.partition, startedAt, durationMs, left },
    assumptions: tested.map(({ assumption, verdict, observed, reason }) => ({
      ...{ id: assumption.id, statement: assumption.statement, source: assumption.source, verdict },
      ...{ expected: assumption.expected, observed, reason },
    })),
    laws,
    scenarios,
    calls: { total: calls.length, byOperation: tally(calls), errors: tallyErrors(calls) },
    throttled: calls.filter(isThrottled).map(({ action, status, code }) => ({ action, status, code })),
  };
}

/** Returns the report for people. */
export function markdownOf(options: AcceptanceOptions, results: Results): string {
  const { tested, laws, scenarios, calls, durationMs } = results;
  const differing = tested.filter(({ verdict }) => verdict === 'differs');
  const kinds = [...new Set(laws.map(({ kind }) => kind))];
  const broken = [...laws, ...scenarios].filter(({ outcome }) => outcome === 'failed');
  return [
    `# Acceptance on ${options.title}`,
    '',
    `${counts(results)}. ${String(calls.length)} calls in ${seconds(durationMs)}; ${throttlingText(calls)}.`,
    '',
    '## What differs',
    '',
    ...(differing.length === 0
      ? ['No assumption that could be tested.']
      : table(
          ['', 'assumption', 'expected', 'observed', 'relied on by'],
          differing.map(({ assumption, ...rest }) => [
            ...[assumption.id, assumption.statement, answerText({ observed: assumption.expected })],
            ...[answerText(rest), `\`${assumption.source}\``],
          ]),
        )),
    '',
    ...(tested.length === 0 ? [] : ['## Assumptions', '', ...assumptionTable(tested), '']),
    ...(kinds.length === 0
      ? []
      : [
          ...['## Laws of every kind', ''],
          ...table(
            ['kind', 'passed', 'failed', 'not known here', 'skipped'],
            kinds.map((kind) => [kind, ...outcomeCounts(laws.filter((law) => law.kind === kind))]),
          ),
          '',
        ]),
    ...(scenarios.length === 0
      ? []
      : [
          ...['## Runs', ''],
          ...table(
            ['promise', 'outcome', ''],
            scenarios.map(({ name, outcome, detail }) => [name, outcome, outcome === 'passed' ? (detail ?? '') : '']),
          ),
          '',
        ]),
    ...(broken.length === 0
      ? []
      : [
          ...['## What failed', ''],
          ...table(
            ['', 'check', 'shown'],
            broken.map(({ kind, name, detail }) => [kind, name, detail ?? '']),
          ),
          '',
        ]),
  ].join('\n');
}

function assumptionTable(tested: readonly Tested[]): string[] {
  return table(
    ['', 'assumption', 'expected', 'verdict'],
    tested.map(({ assumption: { id, statement, expected }, verdict }) => [
      ...[id, statement, answerText({ observed: expected }), verdict],
    ]),
  );
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}

function cell(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll('|', '\\|').replaceAll('<', '\\<').slice(0, 400);
}

function answerText({
  observed,
}: {
  readonly observed: (Tested['observed'] | Tested['assumption']['expected']) | null;
}): string {
  if (observed === null) return '';
  const { status, code, members } = observed;
  const shown = members === undefined ? '' : `, ${JSON.stringify(members)}`;
  const message = 'message' in observed && observed.message !== null ? ` "${observed.message}"` : '';
  return `${String(status)}${code === null ? '' : ` ${code}`}${message}${shown}`;
}

function counts({ tested, laws, scenarios }: Results): string {
  const of = (verdict: Verdict): number => tested.filter((one) => one.verdict === verdict).length;
  const [passed, failed, unknown, skipped] = outcomeCounts([...laws, ...scenarios]);
  return (
    `assumptions: ${String(of('held'))} held, ${String(of('differs'))} differ, ${String(of('not observable'))} not observable; ` +
    `laws and runs: ${passed ?? ''} passed, ${failed ?? ''} failed, ${unknown ?? ''} not known here, ${skipped ?? ''} skipped`
  );
}

function outcomeCounts(results: readonly CheckResult[]): string[] {
  const of = (outcome: CheckResult['outcome']): string =>
    String(results.filter((one) => one.outcome === outcome).length);
  return [of('passed'), of('failed'), of('not known here'), of('skipped')];
}

function isThrottled({ code }: GatewayCall): boolean {
  return /Throttl|RequestLimitExceeded|TooManyRequests/.test(code ?? '');
}

function throttlingText(calls: readonly GatewayCall[]): string {
  const throttled = calls.filter(isThrottled);
  const [first] = throttled;
  if (first === undefined) return 'none was throttled';
  return `${String(throttled.length)} were throttled, with ${String(first.status)} ${first.code ?? ''}`;
}

function tally(calls: readonly GatewayCall[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const { action } of calls) found[action] = (found[action] ?? 0) + 1;
  return found;
}

function tallyErrors(calls: readonly GatewayCall[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const { action, status, code, refused } of calls) {
    if (code === null) continue;
    const key = `${action} ${String(status)} ${refused === null ? code : 'refused by the gateway'}`;
    found[key] = (found[key] ?? 0) + 1;
  }
  return found;
}

function seconds(ms: number): string {
  return `${String(Math.round(ms / 1_000))} s`;
}
