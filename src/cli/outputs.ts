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

/** Files that a report is written to, besides standard output. */
export interface OutputOptions {
  /** File for the report as Markdown. */
  readonly summary?: string;
  /** File for the report as JUnit XML. */
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
  const attempt = async (file: string, write: () => Promise<void>): Promise<void> => {
    try {
      await write();
    } catch (error) {
      // The run is over: a file that cannot be written does not change its exit code.
      const { code, message } = error as { readonly code?: string; readonly message: string };
      printError(`could not write ${file}: ${code ?? message}`, 'read the report on standard output');
    }
  };
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
  // A random delimiter, because a value could contain a fixed one.
  const end = `end-${randomUUID()}`;
  return Object.entries(outputs)
    .map(([name, value]) => `${name}<<${end}\n${value}\n${end}\n`)
    .join('');
}
