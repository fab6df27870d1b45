import { parseDocument } from 'yaml';
import type { Json } from '../../../contract/entity.js';
import { isList, isObject } from '../../../contract/json.js';
import type { Conventions } from './conventions.js';
import type { SourceFile, Style } from './source-nodes.js';

/** Writes values in the way of a file. */
export class ValueWriter {
  constructor(
    private readonly format: SourceFile['format'],
    readonly conventions: Conventions,
  ) {}

  get isJson(): boolean {
    return this.format === 'json';
  }

  /** Returns a single value in a style, or in the next one that can hold it. */
  scalar(value: string | number | boolean | null, style: Style = this.conventions.text): string {
    if (this.format === 'text') return String(value);
    if (typeof value !== 'string' || this.format === 'json') return JSON.stringify(value);
    if (style === 'plain' && isPlain(value)) return value;
    const quotes = style === 'plain' || style === 'literal' ? this.conventions.quotes : style;
    return quotes === 'single' && isPrintable(value) ? `'${value.replaceAll("'", "''")}'` : JSON.stringify(value);
  }

  /** Returns a value in one line, with brackets. */
  flow(value: Json, style?: Style): string {
    const { padding, space } = this.conventions;
    if (isList(value)) return `[${value.map((member) => this.flow(member, style)).join(`,${space}`)}]`;
    if (!isObject(value)) return this.scalar(value, style);
    const entries = Object.entries(value).map(([key, member]) => this.flowEntry(key, member, style));
    return entries.length === 0 ? '{}' : `{${padding}${entries.join(`,${space}`)}${padding}}`;
  }

  /** Returns a key and its value in one line. */
  flowEntry(key: string, value: Json, style?: Style): string {
    return `${this.key(key)}:${this.conventions.space}${this.flow(value, style)}`;
  }

  /** Returns a value of JSON, in lines of their own where the file has any. `indentation` is that of its first line. */
  json(value: Json, indentation: string): string {
    const { indent, eol, hasLines, hasFlowLists } = this.conventions;
    const isShort = !isList(value) && !isObject(value);
    const isFlowList = isList(value) && hasFlowLists && value.every((member) => !isList(member) && !isObject(member));
    if (isShort || isFlowList || !hasLines) return this.flow(value);
    const inner = indentation + indent;
    const members = isList(value)
      ? value.map((member) => this.json(member, inner))
      : Object.entries(value).map(([key, member]) => `${JSON.stringify(key)}: ${this.json(member, inner)}`);
    const [open, close] = isList(value) ? ['[', ']'] : ['{', '}'];
    if (members.length === 0) return open + close;
    return `${open}${eol}${members.map((member) => inner + member).join(`,${eol}`)}${eol}${indentation}${close}`;
  }

  /** Returns what follows the colon or the dash before a value in a block. `column` is that of the key, or of the dash. */
  block(value: Json, column: number, isInList: boolean, style?: Style): string {
    const isEmpty = (isList(value) && value.length === 0) || (isObject(value) && Object.keys(value).length === 0);
    if (isEmpty || (!isList(value) && !isObject(value))) return ` ${this.flow(value, style)}`;
    if (isList(value) && this.conventions.hasFlowLists && value.every((member) => !isList(member) && !isObject(member)))
      return ` ${this.flow(value, style)}`;
    const { eol, indent, indentsLists } = this.conventions;
    if (isInList) return ` ${this.lines(value, column + 2, style).trimStart()}`;
    const inner = isList(value) && !indentsLists ? column : column + indent.length;
    return eol + this.lines(value, inner, style);
  }

  /** Returns the lines of a list or a map in a block, without the last line break. */
  lines(value: Json, column: number, style?: Style): string {
    const margin = ' '.repeat(column);
    if (isList(value)) {
      return value.map((member) => `${margin}-${this.block(member, column, true, style)}`).join(this.conventions.eol);
    }
    if (!isObject(value)) return margin + this.scalar(value, style);
    return Object.entries(value)
      .map(([key, member]) => `${margin}${this.key(key)}:${this.block(member, column, false, style)}`)
      .join(this.conventions.eol);
  }

  /** Returns a key. */
  key(key: string): string {
    return this.scalar(key, 'plain');
  }
}

/** Texts that YAML 1.1 takes for booleans or dates, which other tools may still do. */
const MISREAD = /^(y|n|yes|no|on|off|\d{4}-\d{1,2}-\d{1,2}.*)$/i;

/** Reports whether a text means itself without quotes, in brackets as in blocks. */
function isPlain(text: string): boolean {
  if (!isPrintable(text) || text.includes('{{') || /(^|\s)\/[*/]/.test(text) || MISREAD.test(text)) return false;
  return [`[${text}]`, `- ${text}`, `{${text}: 0}`].every((source, index) => {
    const { errors, warnings, contents } = parseDocument(source, { schema: 'core', logLevel: 'silent' });
    if (errors.length > 0 || warnings.length > 0) return false;
    return JSON.stringify(contents) === JSON.stringify(index === 2 ? { [text]: 0 } : [text]);
  });
}

function isPrintable(text: string): boolean {
  return /^[^\p{Cc}\u2028\u2029\ufeff]*$/u.test(text);
}
