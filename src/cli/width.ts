import { stripVTControlCharacters } from 'node:util';
import stringWidth from 'string-width';

const ASCII = /^[\u0020-\u007e]*$/;

/** The start and the end of a terminal link. Node does not strip every URL. */
const LINK = /\u001b\]8;[^\u0007]*\u0007/g;

/** Returns the columns that a text takes on a terminal. Colors take none, wide characters take two. */
export function widthOf(text: string): number {
  const visible = stripVTControlCharacters(text.replace(LINK, ''));
  return ASCII.test(visible) ? visible.length : stringWidth(visible);
}

/** Cuts a text without colors to a width. The end that is cut becomes `…`. */
export function cutToWidth(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let cut = '';
  let left = width - 1;
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    left -= widthOf(segment);
    if (left < 0) break;
    cut += segment;
  }
  return `${cut.trimEnd()}…`;
}

const HANGING_INDENT = '  ';

/** One of our commands with its arguments: up to the closing backtick, else to the end of the line. A name alone is short. */
const OWN_COMMAND = /`iam-bootstrap [\w-]+ [^`]+`\S*|(?<!`)iam-bootstrap [\w-]+ \S.*$/;

/** A blank at which a line may be broken: not between a number and its unit, nor before a sign of equality or change. */
const BREAK = /(?<=\S)(?<!(?:^|\s)\d[\d.]*)(?= )(?! (?:=|->) )/;

/**
 * Breaks a line between words, with a hanging indent. Commands and other words that are too long stay whole, so that they
 * can be copied; where a smaller indent makes one fit, it gets that.
 */
export function breakLine(line: string, columns: number): string[] {
  const indent = (/^ */.exec(line)?.[0] ?? '') + HANGING_INDENT;
  const lines: string[] = [];
  let current = '';
  let width = 0;
  for (const word of wordsOf(line)) {
    const wordWidth = widthOf(word);
    if (current.trim() !== '' && width + wordWidth > columns) {
      lines.push(current);
      const start = word.trimStart();
      const startWidth = widthOf(start);
      current = indent.slice(0, Math.max(0, Math.min(indent.length, columns - startWidth))) + start;
      if (startWidth > columns) current = indent + start;
      width = widthOf(current);
    } else {
      current += word;
      width += wordWidth;
    }
  }
  return [...lines, current];
}

/** Returns the parts of a line that stay whole, each with the blank before it. */
function wordsOf(line: string): string[] {
  const command = OWN_COMMAND.exec(line);
  if (command === null) return line.split(BREAK);
  const [text] = command;
  const before = line.slice(0, command.index);
  const after = line.slice(command.index + text.length);
  const blank = /\s*$/.exec(before)?.[0] ?? '';
  return [
    ...before
      .slice(0, before.length - blank.length)
      .split(BREAK)
      .filter((word) => word !== ''),
    blank + text,
    ...(after === '' ? [] : wordsOf(after)),
  ];
}
