import { stripVTControlCharacters } from 'node:util';
import pc from 'picocolors';

/**
 * What would move the cursor, or worse, and what shows text in another order than it has or hides it: control characters,
 * marks and overrides of direction, characters without width, halves of characters.
 */
const CONTROL =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}\p{Surrogate}]/gu;

/** How CI services are told what to do by a line of a log: GitHub's at its beginning, others' anywhere in it. */
const COMMAND = /^(\s*):(?=:)|##(?=\[|[a-z]+\[)/g;

/**
 * Text from elsewhere, safe to print, in one line: another line would look like one of ours. The one place for it: all
 * that names, messages, tags and files hold passes through here on its way to a person.
 */
export function plain(text: string): string {
  return text
    .replace(/[\r\n\t\u2028\u2029]+/g, ' ')
    .replace(CONTROL, '\ufffd')
    .replace(COMMAND, (start) => (start === '##' ? '# #' : `${start} `));
}

/** For people; everything but results goes to standard error. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** The result, and nothing else, goes to standard output. */
export function print(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
}

/** The contract for programs; whoever looks at it on a terminal is as safe, and reads the same values from it. */
export function printJson(value: unknown): void {
  print(safeJson(JSON.stringify(value, null, 2)));
}

/** One of several, each in a line of its own. */
export function printJsonLine(value: unknown): void {
  print(safeJson(JSON.stringify(value)));
}

function safeJson(text: string): string {
  const escape = (character: string): string =>
    [...Array(character.length).keys()]
      .map((index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`)
      .join('');
  return text.replace(CONTROL, (found) => (found === '\n' ? found : escape(found))).replace(/##/g, '#\\u0023');
}

/** What went wrong, and what to do. */
export function printError(message: string, remedy: string | null): void {
  note(wrapped(`${pc.red('error:')} ${plain(message)}`, process.stderr));
  if (remedy !== null) note(wrapped(`${pc.dim('remedy:')} ${plain(remedy)}`, process.stderr));
}

/** Where a line begins that goes on from the one above it, from where that one began. */
const HANGING = '  ';

/**
 * Lines that are too long for a terminal, broken between words and indented as they begin. Elsewhere, and where a line
 * holds a command of ours, which is copied whole, they stay as they are; so does a word that is too long by itself.
 */
export function wrapped(text: string, { isTTY, columns }: Pick<NodeJS.WriteStream, 'isTTY' | 'columns'>): string {
  // A stream that is none says nothing of itself.
  if (!(isTTY as boolean | undefined) || columns < NARROWEST) return text;
  return text
    .split('\n')
    .flatMap((line) => (COMMAND_OF_OURS.test(line) ? [line] : brokenAt(line, columns)))
    .join('\n');
}

/** With what it is given: a name alone is typed. */
const COMMAND_OF_OURS = /iam-bootstrap [\w-]+ \S/;

/** Terminals that are narrower break lines by themselves. */
const NARROWEST = 40;

function brokenAt(line: string, columns: number): string[] {
  const indent = (/^ */.exec(line)?.[0] ?? '') + HANGING;
  const lines: string[] = [];
  let current = '';
  for (const word of line.split(/(?<=\S)(?= )/)) {
    if (current !== '' && widthOf(current + word) > columns) {
      lines.push(current);
      current = indent + word.trimStart();
    } else current += word;
  }
  return [...lines, current];
}

function widthOf(text: string): number {
  return stripVTControlCharacters(text).length;
}
