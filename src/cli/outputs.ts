import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { access, appendFile, writeFile } from 'node:fs/promises';
import { dirname, relative, resolve } from 'node:path';
import type { Config } from '../config/config.js';
import { entityId } from '../contract/entity.js';
import { isWrite } from '../contract/actions.js';
import type { Report } from '../contract/report.js';
import { UsageError } from './errors.js';
import { annotationsOfReport, githubCommand } from './render/annotations.js';
import type { Annotation } from './render/annotations.js';
import { renderSummary } from './render/summary.js';
import { note, plain, printError } from './terminal.js';

/** Where a report goes besides standard output. */
export interface OutputOptions {
  /** A file for the report as Markdown. */
  readonly summary?: string;
  /** A file for the report as JUnit XML. */
  readonly junit?: string;
}

/**
 * Finds out before a run whether its files can be written afterwards.
 *
 * @throws UsageError
 */
export async function checkOutputs({ summary, junit }: OutputOptions): Promise<void> {
  for (const [option, file] of [['--summary', summary] as const, ['--junit', junit] as const]) {
    if (file === undefined) continue;
    try {
      await access(dirname(file), constants.W_OK);
    } catch {
      throw new UsageError(`${option} ${file} cannot be written`, 'name a file in a folder that is there');
    }
  }
}

/** Puts a report where it was asked for, and in a job of GitHub Actions where GitHub shows it. */
export async function publish(
  report: Report,
  { summary, junit }: OutputOptions,
  { github }: Pick<Config, 'github'>,
): Promise<void> {
  const put = async (where: string, write: () => Promise<void>): Promise<void> => {
    try {
      await write();
    } catch (error) {
      // What became of the run stands, and so does its exit code.
      const { code, message } = error as { readonly code?: string; readonly message: string };
      printError(`${where} was not written: ${code ?? message}`, 'the report is on standard output');
    }
  };
  if (summary !== undefined) await put(summary, () => writeFile(summary, renderSummary(report)));
  if (junit !== undefined) {
    await put(junit, async () => {
      const { renderJunit } = await import('./render/junit.js');
      await writeFile(junit, renderJunit(report));
    });
  }
  if (github === undefined) return;
  annotate(annotationsOfReport(report), { github });
  const { stepSummary, output } = github;
  if (stepSummary !== undefined) await put(stepSummary, () => appendFile(stepSummary, renderSummary(report)));
  if (output !== undefined) await put(output, () => appendFile(output, stepOutputs(report)));
}

/** Shows annotations at their lines, in a job of GitHub Actions. */
export function annotate(annotations: readonly Annotation[], { github }: Pick<Config, 'github'>): void {
  if (github === undefined) return;
  for (const { file, title, message, ...place } of annotations) {
    // GitHub knows files by their paths in the checkout, wherever in it the command runs.
    const known = github.workspace === undefined ? file : relative(github.workspace, resolve(file));
    const text = message.split('\n').map(plain).join('\n');
    note(githubCommand({ ...place, file: known, title: plain(title), message: text }));
  }
}

/** What later steps of a job can ask for: `result`, `changes`, `run-url`, and `arns` by entity, in JSON. */
function stepOutputs({ result, entities, workflow }: Report): string {
  const changed = entities.filter(({ decision }) => isWrite(decision));
  const arns = entities.flatMap((entity) => (entity.arn === null ? [] : [[entityId(entity), entity.arn]]));
  const outputs = {
    result,
    changes: String(changed.length),
    'run-url': workflow.url ?? '',
    arns: JSON.stringify(Object.fromEntries(arns)),
  };
  // A value may hold what would end it, were the delimiter known.
  const end = `end-${randomUUID()}`;
  return Object.entries(outputs)
    .map(([name, value]) => `${name}<<${end}\n${value}\n${end}\n`)
    .join('');
}
