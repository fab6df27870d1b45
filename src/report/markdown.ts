/** Characters that Markdown, or the HTML in it, would read as markup. */
const MARKUP = /[\\`*|<>[\]~]/g;

/** An option of the command line, with the entity that it names. The Temporal UI turns its two dashes into one. */
const OPTION = /(?<=^|\s)--[a-z][a-z-]*(?: [a-z]+:\w+\/[\w+=.@,/-]*\w)?/g;

/** Escapes foreign text for one line of Markdown: it cannot start or end a cell, link or tag. Options become code. */
export function plain(text: string): string {
  return oneLine(text).replace(MARKUP, '\\$&').replace(OPTION, '`$&`');
}

/** Formats foreign text as code. Back-quotes are replaced, because no escape keeps one inside; a bar is escaped. */
export function code(text: string): string {
  return `\`${oneLine(text).replaceAll('`', "'").replaceAll('|', '\\|')}\``;
}

function oneLine(text: string): string {
  return text.replace(/[\s\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ');
}

/** Returns the lines of a table, cut short after `maxRows`, with a blank line before it. No rows give no lines. */
export function table(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  maxRows = Infinity,
): readonly string[] {
  if (rows.length === 0) return [];
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    '',
    line(headings),
    line(headings.map(() => '---')),
    ...rows.slice(0, maxRows).map(line),
    ...(rows.length > maxRows ? ['', `and ${String(rows.length - maxRows)} more`] : []),
  ];
}

/**
 * Joins lines into a page of the Temporal UI. Its frames are lower than their content by the margin of the last line,
 * which would be cut off, so a blank line is added.
 */
export function page(lines: readonly string[]): string {
  return [...lines, '', '\u00a0'].join('\n');
}
