/*
 * Text from elsewhere gets into Markdown through these functions only: names, paths, file names, commits, actors, reasons
 * and messages of AWS. The caller that starts a workflow chooses them. None of it becomes markup, for any of the readers: the
 * Temporal UI (which passes HTML through), GitHub and GitLab.
 */

/** Characters that Markdown, or the HTML and the formulas in it, would read as markup. */
const MARKUP = /[\\`*|<>[\]~&$]|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu;

/** The beginning of a line that would start a heading, list, rule or definition. */
const LINE_START = /^(?:[#+\-:]|\d+[.)])/;

/**
 * A command in back-quotes, or an option of the command line with the entity that it names. The Temporal UI turns two dashes
 * into one.
 */
const COMMAND = /`([^`]+)`|(?<=^|\s)--[a-z][a-z-]*(?: [a-z]+:\w+\/[\w+=.@,/-]*\w)?/g;

/** The part of a word that readers turn into a link or a fraction, whatever is escaped. */
const ADDRESS = /:\/\/|@|www\.|mailto:|#\d|\b\d+\/\d+\b/i;

/** Punctuation around an address, which belongs to the sentence. */
const PUNCTUATION: ReadonlySet<string> = new Set('"\'.,;:!?()[]{}<>');

/** Characters of a foreign text that a page shows. */
const MAX_TEXT_LENGTH = 10_000;

/** Returns foreign text as text in a line of Markdown: it cannot start or end a cell, link or tag. Commands and addresses become code. */
export function plain(text: string): string {
  const line = shortLine(text).trim();
  let result = '';
  let end = 0;
  for (const { 0: command, 1: quoted, index } of line.matchAll(COMMAND)) {
    result = joined(joined(result, wordsOf(line.slice(end, index))), code(quoted ?? command));
    end = index + command.length;
  }
  result = joined(result, wordsOf(line.slice(end)));
  return result.replace(LINE_START, (start) => `${start.slice(0, -1)}\\${start.slice(-1)}`);
}

/** Joins two parts. The back-quotes of code next to code would be one. */
function joined(before: string, after: string): string {
  return before.endsWith('`') && after.startsWith('`') ? `${before} ${after}` : before + after;
}

function wordsOf(text: string): string {
  return text
    .split(' ')
    .map((word) => (ADDRESS.test(word) ? addressOf(word) : escaped(word)))
    .join(' ');
}

function addressOf(word: string): string {
  let [start, end] = [0, word.length];
  while (PUNCTUATION.has(word[start] ?? '')) start += 1;
  while (end > start && PUNCTUATION.has(word[end - 1] ?? '')) end -= 1;
  return escaped(word.slice(0, start)) + code(word.slice(start, end)) + escaped(word.slice(end));
}

function escaped(text: string): string {
  return text.replace(MARKUP, '\\$&');
}

/** Returns foreign text as code. No escape works inside: back-quotes are replaced, and a bar, which ends a cell, is outside. */
export function code(text: string): string {
  return shortLine(text)
    .replaceAll('`', "'")
    .split('|')
    .map((part) => (part === '' ? '' : `\`${part}\``))
    .join('\\|');
}

/**
 * Characters that reorder or hide text: direction marks and overrides, zero-width and other invisible characters, halves
 * of pairs. What only chooses the look of the character before it is harmless.
 */
const INVISIBLE = /(?!\p{Variation_Selector})[\p{Cf}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu;

function oneLine(text: string): string {
  return text.replace(/[\s\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ').replace(INVISIBLE, '\ufffd');
}

function shortLine(text: string): string {
  const omitted = text.length - MAX_TEXT_LENGTH;
  return oneLine(text.slice(0, MAX_TEXT_LENGTH)) + (omitted > 0 ? `… (${String(omitted)} more characters)` : '');
}

/** Returns foreign text as code in HTML, where Markdown is not read. */
export function htmlCode(text: string): string {
  const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return `<code>${shortLine(text).replace(/[&<>"]/g, (character) => entities[character] ?? '')}</code>`;
}

/** Returns a link. An address that is not of the web is shown as code. */
export function link(text: string, url: string): string {
  if (!/^https?:\/\//i.test(url)) return `${text}: ${code(url)}`;
  const hex = (character: string): string => `%${character.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`;
  return `[${text}](${oneLine(url).replace(/[\s\\<>()[\]`"'*_~|]/g, hex)})`;
}

/** Returns lines of foreign text as a block of code. Its fence is longer than any in the text. */
export function fenced(lines: readonly string[], language: string): readonly string[] {
  const texts = lines.map((line) => line.slice(0, indentOf(line)) + oneLine(line.slice(indentOf(line))));
  const longest = Math.max(2, ...texts.flatMap((text) => (text.match(/`+/g) ?? []).map(({ length }) => length)));
  const fence = '`'.repeat(longest + 1);
  return [`${fence}${language}`, ...texts, fence];
}

function indentOf(line: string): number {
  return /^[+\-!#]? */.exec(line)?.[0].length ?? 0;
}
/**
 * Returns the lines of a table, cut short after `maxRows`, with a blank line before it. No rows give no lines, and a column
 * that is empty in all rows is left out. The Temporal UI leaves no gap between columns, so each cell ends with one.
 */
export function table(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  maxRows = Infinity,
): readonly string[] {
  if (rows.length === 0) return [];
  const filled = headings.flatMap((_, index) => (rows.some((row) => row[index]) ? [index] : []));
  const line = (cells: readonly string[], gap = '\u00a0\u00a0'): string =>
    `| ${filled.map((index) => cells[index] ?? '').join(`${gap} | `)} |`;
  return [
    '',
    line(headings),
    line(
      headings.map(() => '---'),
      '',
    ),
    ...rows.slice(0, maxRows).map((row) => line(row)),
    ...(rows.length > maxRows ? ['', `and ${String(rows.length - maxRows)} more`] : []),
  ];
}

/** Characters of a line of code on a page of the Temporal UI, which does not wrap it, in a window of common width. */
export const PAGE_WIDTH = 76;

/**
 * Joins lines into a page of the Temporal UI. Its frames are lower than their content by the margin of the last line,
 * which would be cut off, so a blank line is added.
 */
export function page(lines: readonly string[]): string {
  return [...lines, '', '\u00a0'].join('\n');
}
