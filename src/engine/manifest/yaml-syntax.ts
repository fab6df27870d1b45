import type { YAMLError } from 'yaml';
import type { Finding } from './issue-text.js';
import { lowerFirst } from './problem.js';

/** The finding about the syntax of a text, and its place. */
interface SyntaxFinding extends Finding {
  /** Characters from the beginning of the text. */
  readonly offset: number;
}

/**
 * Returns what a person did wrong. The parser says what it expected of its grammar, often where the block ends that the
 * mistake broke.
 */
export function syntaxFinding(
  { code, message, pos: [offset] }: Pick<YAMLError, 'code' | 'message' | 'pos'>,
  text: string,
): SyntaxFinding {
  const line = lineAt(text, offset);
  const remedy = templateRemedy(line);
  if (remedy !== undefined) return { offset, message: parserText(message), remedy };
  const isMapping = message.startsWith('Nested mappings');
  if (isMapping && !line.slice(offset - startOfLine(text, offset)).includes(': ')) {
    return indentation(text, text.indexOf('\n', offset) + 1);
  }
  if (isMapping) return { offset, message: 'text that holds ": " is not in quotes', remedy: 'put the text in quotes' };
  if (MISPLACED.test(message)) return indentation(text, startOfLine(text, offset));
  if (message.startsWith('Flow ')) {
    return { offset, message: 'a bracket above is still open', remedy: 'close it, or indent what is in it' };
  }
  if (code === 'MULTILINE_IMPLICIT_KEY') {
    return { offset, message: 'a colon is missing', remedy: 'write a key and its value as key: value' };
  }
  return { offset, message: parserText(message), remedy: REMEDIES.get(code) ?? 'fix the YAML here' };
}

/** The messages of the parser about a line that begins in a column where nothing can begin. */
const MISPLACED = /^(All mapping items must start|A block sequence may not be used|Sequence item without)/;

function parserText(message: string): string {
  return lowerFirst(message.replace(/\s+/g, ' ').replace(/\.$/, '').slice(0, 200));
}

function templateRemedy(line: string): string | undefined {
  if (/(^|[^"'\w])\{\{/.test(line)) return 'put text with a template in quotes: "{{name}}"';
  if (/:\s+[@`%]/.test(line)) return 'put text that begins with @, ` or % in quotes';
  return undefined;
}

const REMEDIES: ReadonlyMap<string, string> = new Map([
  ['TAB_AS_INDENT', 'indent with spaces'],
  ['MISSING_CHAR', 'close the quote or bracket that is open here'],
  ['BAD_INDENT', 'check the indentation, and that brackets and quotes are closed'],
  ['BAD_COLLECTION_TYPE', 'check the indentation, and that brackets and quotes are closed'],
  ['BAD_FLOW_COLLECTION', 'check the indentation, and that brackets and quotes are closed'],
  ['UNEXPECTED_TOKEN', 'check the indentation, and that brackets and quotes are closed'],
  ['BAD_DQ_ESCAPE', 'double the backslash, or use single quotes'],
]);

/** Reports the first line with text from an offset on, with the columns in which the lines above let it begin. */
function indentation(text: string, at: number): SyntaxFinding {
  const start = at + (/^(?:[ \t]*(?:#.*)?\n)*/.exec(text.slice(at))?.[0].length ?? 0);
  const indent = /^[ \t]*/.exec(text.slice(start))?.[0].length ?? 0;
  const above = text.slice(0, start);
  const columns = openColumns(above);
  const lines = above.split('\n');
  const line = lines.findLastIndex((one) => !/^\s*(#|$)/.test(one)) + 1;
  const others = columns
    .slice(0, -1)
    .join(', ')
    .replace(/, (?=\d+$)/, ' or ');
  const choice = `${String(columns.at(-1) ?? 1)} like the text of line ${String(line)}`;
  return {
    offset: start + indent,
    message: `bad indentation: the line begins in column ${String(indent + 1)}, and nothing above it does`,
    remedy: others === '' ? `begin it in column ${choice}` : `begin it in column ${choice}, or in column ${others}`,
  };
}

/** Returns the columns, from 1, in which the items of the blocks begin that are open at the end of a text. */
function openColumns(text: string): number[] {
  const columns: number[] = [];
  let limit = Infinity;
  for (const line of text.split('\n').reverse()) {
    if (/^\s*(#|$)/.test(line)) continue;
    const [, indent = '', dashes = ''] = /^( *)((?:- +)*)/.exec(line) ?? [];
    let column = indent.length + 1;
    const starts = [column];
    for (const dash of dashes.match(/- +/g) ?? []) starts.push((column += dash.length));
    columns.push(...starts.filter((start) => start < limit));
    limit = Math.min(limit, ...starts);
    if (limit === 1) break;
  }
  return columns.sort((a, b) => a - b);
}

function startOfLine(text: string, offset: number): number {
  return text.lastIndexOf('\n', Math.max(offset - 1, 0)) + 1;
}

function lineAt(text: string, offset: number): string {
  const start = startOfLine(text, offset);
  const end = text.indexOf('\n', start);
  return text.slice(start, end === -1 ? undefined : end).slice(0, 1000);
}
