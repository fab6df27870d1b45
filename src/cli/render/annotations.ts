import type { Report } from '../../contract/report.js';
import type { Problem } from '../../engine/manifest/problem.js';

/** A message beside a line of a manifest, in the diff of a pull request. */
export interface Annotation {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1; undefined means the whole line. */
  readonly column?: number;
  readonly title: string;
  readonly message: string;
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
export function githubCommand({ file, line, column, title, message }: Annotation): string {
  const position = { file, line: String(line), ...(column === undefined ? {} : { col: String(column) }), title };
  const properties = Object.entries(position).map(([name, value]) => `${name}=${property(value)}`);
  return `::error ${properties.join(',')}::${data(message)}`;
}

/** Escapes a value: a line break would end the command and start another. */
function data(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
