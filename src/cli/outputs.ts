import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { access, appendFile, writeFile } from 'node:fs/promises';
import { dirname, relative, resolve } from 'node:path';
import type { Config } from '../config/config.js';
import { isWrite } from '../contract/actions.js';
import { entityId } from '../contract/entity.js';
import type { FleetReport } from '../contract/fleet.js';
import type { Report } from '../contract/report.js';
import type { Problem } from '../engine/manifest/problem.js';
import { renderFleetSummary } from './render/fleet-summary.js';
import { renderSummary } from './render/summary.js';
import { UsageError } from './run-command.js';
import { note, plain, printError } from './terminal.js';

/** Files that a report is written to, besides standard output. */
export interface OutputOptions {
  readonly summary?: string;
  readonly junit?: string;
}

/**
 * Checks before a run that its output files can be written.
 *
 * @throws UsageError
 */
export async function checkOutputs({ summary, junit }: OutputOptions): Promise<void> {
  for (const [option, file] of [['--summary', summary] as const, ['--junit', junit] as const]) {
    if (file === undefined) continue;
    try {
      await access(dirname(file), constants.W_OK);
    } catch {
      throw new UsageError(
        `${option} ${file} cannot be written`,
        'name a file in a folder that exists and is writable',
      );
    }
  }
}

/** Writes a report to the files of the options and, in GitHub Actions, to annotations, summary and step outputs. */
export async function publish(
  report: Report,
  { summary, junit }: OutputOptions,
  { github }: Pick<Config, 'github'>,
): Promise<void> {
  if (summary !== undefined) await attempt(summary, () => writeFile(summary, renderSummary(report)));
  if (junit !== undefined) {
    await attempt(junit, async () => {
      const { renderJunit } = await import('./render/junit.js');
      await writeFile(junit, renderJunit(report));
    });
  }
  if (github === undefined) return;
  annotate(annotationsOfReport(report), { github });
  const { stepSummary, output } = github;
  if (stepSummary !== undefined) await attempt(stepSummary, () => appendFile(stepSummary, renderSummary(report)));
  if (output !== undefined) await attempt(output, () => appendFile(output, stepOutputs(report)));
}

/** Writes the report of a fleet to the files of the options and, in GitHub Actions, to summary and step outputs. */
export async function publishFleet(
  report: FleetReport,
  { summary, junit }: OutputOptions,
  { github }: Pick<Config, 'github'>,
): Promise<void> {
  if (summary !== undefined) await attempt(summary, () => writeFile(summary, renderFleetSummary(report)));
  if (junit !== undefined) {
    await attempt(junit, async () => {
      const { renderFleetJunit } = await import('./render/junit.js');
      await writeFile(junit, renderFleetJunit(report));
    });
  }
  const { stepSummary, output } = github ?? {};
  if (stepSummary !== undefined) {
    await attempt(stepSummary, () => appendFile(stepSummary, renderFleetSummary(report)));
  }
  if (output !== undefined) await attempt(output, () => appendFile(output, outputLines({ result: report.result })));
}

/** Writes a file. The run is over: one that cannot be written does not change its exit code. */
async function attempt(file: string, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    const { code, message } = error as { readonly code?: string; readonly message: string };
    printError(`could not write ${file}: ${code ?? message}`, 'read the report on standard output');
  }
}

/** Prints annotations for GitHub Actions; does nothing elsewhere. */
export function annotate(annotations: readonly Annotation[], { github }: Pick<Config, 'github'>): void {
  if (github === undefined) return;
  for (const { file, title, message, ...position } of annotations) {
    // GitHub expects paths relative to the checkout, whatever the working folder.
    const path = github.workspace === undefined ? file : relative(github.workspace, resolve(file));
    const text = message.split('\n').map(plain).join('\n');
    note(githubCommand({ ...position, file: path, title: plain(title), message: text }));
  }
}

/** Formats the outputs for later steps of a job: `result`, `changes`, `run-url`, and `arns` as JSON by entity. */
function stepOutputs({ result, entities, workflow }: Report): string {
  const changed = entities.filter(({ decision }) => isWrite(decision));
  const arns = entities.flatMap((entity) => (entity.arn === null ? [] : [[entityId(entity), entity.arn]]));
  const outputs = {
    result,
    changes: String(changed.length),
    'run-url': workflow.url ?? '',
    arns: JSON.stringify(Object.fromEntries(arns)),
  };
  return outputLines(outputs);
}

/** Formats outputs of a step. */
function outputLines(outputs: Readonly<Record<string, string>>): string {
  // A random delimiter, because a value could contain a fixed one.
  const end = `end-${randomUUID()}`;
  return Object.entries(outputs)
    .map(([name, value]) => `${name}<<${end}\n${value}\n${end}\n`)
    .join('');
}

/** A message beside a line of a manifest, in the diff of a pull request. */
export interface Annotation {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1; undefined means the whole line. */
  readonly column?: number;
  readonly title: string;
  readonly message: string;
  /** Default: error. */
  readonly level?: 'error' | 'warning';
}

/** Returns annotations for the problems of a manifest. */
export function annotationsOfProblems(problems: readonly Problem[]): Annotation[] {
  return problems
    .filter(({ line }) => line > 0)
    .map(({ file, line, column, message, remedy }) => ({
      file,
      line,
      column,
      title: 'invalid manifest',
      message: `${message}\nRemedy: ${remedy}`,
    }));
}

/** Returns annotations for the warnings about a manifest. */
export function annotationsOfWarnings(warnings: readonly Problem[]): Annotation[] {
  return annotationsOfProblems(warnings).map((one) => ({ ...one, title: 'manifest warning', level: 'warning' }));
}

/** Returns annotations for refused and failed entities, at the lines that declare them. */
export function annotationsOfReport({ entities }: Report): Annotation[] {
  return entities.flatMap(({ kind, name, outcome, reason, remedy, source }) => {
    if (source === undefined || (outcome !== 'refused' && outcome !== 'failed')) return [];
    const message = `${reason ?? ''}${remedy === null ? '' : `\nRemedy: ${remedy}`}`;
    return [{ file: source.file, line: source.line, title: `${kind}/${name} ${outcome}`, message }];
  });
}

/**
 * Formats an annotation as a GitHub Actions command, which is a line of the log.
 *
 * @see https://docs.github.com/actions/reference/workflow-commands-for-github-actions
 */
export function githubCommand({ file, line, column, title, message, level = 'error' }: Annotation): string {
  const position = { file, line: String(line), ...(column === undefined ? {} : { col: String(column) }), title };
  const properties = Object.entries(position).map(([name, value]) => `${name}=${property(value)}`);
  return `::${level} ${properties.join(',')}::${data(message)}`;
}

/** Escapes a value: a line break would end the command and start another. */
function data(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
