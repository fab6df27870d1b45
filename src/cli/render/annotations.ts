import type { Report } from '../../contract/report.js';
import type { Problem } from '../../engine/manifest/problem.js';

/** What is to be shown beside a line of a manifest, in the diff of a change. */
export interface Annotation {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1; undefined means the whole line. */
  readonly column?: number;
  readonly title: string;
  readonly message: string;
}

/** Problems of a manifest at their places. */
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

/** What was refused, and what failed, at the lines where it is declared. */
export function annotationsOfReport({ entities }: Report): Annotation[] {
  return entities.flatMap(({ kind, name, outcome, reason, remedy, source }) => {
    if (source === undefined || (outcome !== 'refused' && outcome !== 'failed')) return [];
    const message = `${reason ?? ''}${remedy === null ? '' : `\nRemedy: ${remedy}`}`;
    return [{ file: source.file, line: source.line, title: `${kind}/${name} ${outcome}`, message }];
  });
}

/**
 * An annotation as GitHub Actions takes it from a line of a job's log.
 *
 * @see https://docs.github.com/actions/reference/workflow-commands-for-github-actions
 */
export function githubCommand({ file, line, column, title, message }: Annotation): string {
  const places = { file, line: String(line), ...(column === undefined ? {} : { col: String(column) }), title };
  const properties = Object.entries(places).map(([name, value]) => `${name}=${property(value)}`);
  return `::error ${properties.join(',')}::${data(message)}`;
}

/** A line break would end the command, and what comes after it would be another. */
function data(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
