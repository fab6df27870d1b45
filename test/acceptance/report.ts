import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GatewayCall } from './gateway.js';
import type { AcceptanceOptions } from './options.js';
import { mapTexts } from './probe.js';
import type { Tested, Verdict } from './probe.js';
import { differencesOf } from './recordings.js';

/** The result of a law or of a scenario. */
export interface CheckResult {
  /** `Role`, or empty for a scenario. */
  readonly kind: string;
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'not observable' | 'skipped';
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
  /** What could not be deleted, or may be left. */
  readonly left: readonly string[];
  /** Reasons for which the gateway refused writes of the run. */
  readonly refused: readonly string[];
  /** The number of calls to the gateway that nobody of the run has signed. */
  readonly strangers: number;
  /** The reason for which the run ended early; null where all was played. */
  readonly ended: string | null;
}

/** The exit codes of the command. */
export const Exit = { Held: 0, Failed: 1, Differs: 2, Refused: 3, Usage: 64 } as const;

/** Returns the exit code: failed laws count more than assumptions that do not hold. */
export function exitCodeOf({ laws, scenarios, tested, left, refused, ended }: Results): number {
  if (ended !== null || left.length > 0 || refused.length > 0) return Exit.Failed;
  if ([...laws, ...scenarios].some(({ outcome }) => outcome === 'failed')) return Exit.Failed;
  return tested.some(({ verdict }) => verdict === 'differs') ? Exit.Differs : Exit.Held;
}

/** Returns the summary for the terminal. */
export function summaryOf(options: AcceptanceOptions, all: Results, redact: Redact): string {
  const results = redacted(all, redact);
  const { tested, laws, scenarios, left, calls, refused, strangers, ended } = results;
  const lines = [
    `Acceptance on ${options.title}: ${counts(results)}`,
    ...tested
      .filter(({ verdict }) => verdict === 'differs')
      .map(({ assumption, ...rest }) => `  differs  ${assumption.id} ${assumption.statement}: ${answerText(rest)}`),
    ...[...laws, ...scenarios]
      .filter(({ outcome }) => outcome === 'failed')
      .map(({ kind, name, detail }) => `  failed   ${kind === '' ? '' : `${kind}: `}${name}: ${detail ?? ''}`),
    ...left.map((name) => `  left     ${name}`),
    ...refused.map((reason) => `  refused by the gateway: ${reason}`),
    ...(strangers === 0 ? [] : [`  refused by the gateway: ${String(strangers)} calls of other processes`]),
    ...(ended === null ? [] : [`  the run is not complete: ${ended}`]),
    `${String(calls.length)} calls in ${seconds(results.durationMs)}; ${throttlingText(calls)}`,
    cleaningText(options, left),
  ];
  return `${lines.join('\n')}\n`;
}

function cleaningText({ platform }: AcceptanceOptions, left: readonly string[]): string {
  if (platform === 'moto') return 'The emulator has ended, with all that the run made.';
  return left.length === 0 ? 'Everything that the run made is deleted.' : 'Not everything is known to be deleted.';
}

/** Writes the report as JSON and as Markdown, and the differences. Returns the files. */
export async function saveReport(options: AcceptanceOptions, all: Results, redact: Redact): Promise<string[]> {
  const results = redacted(all, redact);
  await mkdir(options.output, { recursive: true });
  const files = {
    'acceptance-report.json': `${JSON.stringify(reportOf(options, results), null, 2)}\n`,
    'acceptance-report.md': markdownOf(options, results),
    'acceptance-differences.json': `${JSON.stringify(differencesOf(options.title, results.tested), null, 2)}\n`,
  };
  const paths: string[] = [];
  for (const [name, text] of Object.entries(files)) {
    const path = join(options.output, name);
    await writeFile(path, text);
    paths.push(path);
  }
  return paths;
}

type Redact = (text: string) => string;

/** Returns results whose texts are redacted, before any of them is cut or escaped. */
function redacted(results: Results, redact: Redact): Results {
  const { calls, startedAt, ...texts } = results;
  return { ...(mapTexts(texts, redact) as Omit<Results, 'calls' | 'startedAt'>), calls, startedAt };
}

function reportOf(options: AcceptanceOptions, results: Results) {
  const { tested, laws, scenarios, left, refused, ended, startedAt, durationMs, calls } = results;
  return {
    ...{ version: 1, platform: options.title, partition: options.partition, startedAt, durationMs },
    ...{ ended, left, refused },
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
    ...(results.ended === null ? [] : ['', `The run is not complete: ${results.ended}`]),
    ...(results.left.length === 0 ? [] : ['', `Left: ${results.left.join(', ')}`]),
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
            ['kind', 'passed', 'failed', 'not observable', 'skipped'],
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
    `laws and runs: ${passed ?? ''} passed, ${failed ?? ''} failed, ${unknown ?? ''} not observable, ${skipped ?? ''} skipped`
  );
}

function outcomeCounts(results: readonly CheckResult[]): string[] {
  const of = (outcome: CheckResult['outcome']): string =>
    String(results.filter((one) => one.outcome === outcome).length);
  return [of('passed'), of('failed'), of('not observable'), of('skipped')];
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
