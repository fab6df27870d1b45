import type { Json } from '../../contract/entity.js';
import { isList, isObject } from '../../engine/json.js';

/** The widest line that a list or an object is written on. */
const MAX_WIDTH = 100;

/** The notation of a value. */
interface Notation {
  readonly text: (text: string) => string;
  readonly key: (key: string) => string;
  /** Written after the last member of a list or an object that has several lines. */
  readonly lastComma: string;
}

const JSON_NOTATION: Notation = {
  text: (text) => JSON.stringify(text),
  key: (key) => JSON.stringify(key),
  lastComma: '',
};

const TYPESCRIPT_NOTATION: Notation = {
  text: quoteText,
  key: (key) => (/^[A-Za-z_$][\w$]*$/.test(key) ? key : quoteText(key)),
  lastComma: ',',
};

/** Returns a value as JSON that a person would have written: what is short stands on one line. */
export function printJsonText(value: Json): string {
  return print(value, JSON_NOTATION, '', 0);
}

/** Returns a value as TypeScript, for a line that is indented. */
export function printTypeScript(value: Json, indent: string): string {
  return print(value, TYPESCRIPT_NOTATION, indent, 0);
}

/** Returns a text in single quotes. */
function quoteText(text: string): string {
  const inner = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'");
  return `'${inner}'`;
}

/** Returns a value whose first line begins `used` characters after the indentation. */
function print(value: Json, notation: Notation, indent: string, used: number): string {
  if (typeof value === 'string') return notation.text(value);
  if (!isList(value) && !isObject(value)) return JSON.stringify(value);
  const brackets = isList(value) ? (['[', ']'] as const) : (['{', '}'] as const);
  const inner = `${indent}  `;
  const entries: readonly (readonly [prefix: string, member: Json])[] = isList(value)
    ? value.map((member) => ['', member])
    : Object.entries(value).map(([key, member]) => [`${notation.key(key)}: `, member]);
  if (entries.length === 0) return brackets.join('');
  if (entries.every(([, member]) => typeof member !== 'object' || member === null)) {
    const space = isList(value) ? '' : ' ';
    const members = entries.map(([prefix, member]) => prefix + print(member, notation, inner, 0)).join(', ');
    const line = `${brackets[0]}${space}${members}${space}${brackets[1]}`;
    if (indent.length + used + line.length <= MAX_WIDTH) return line;
  }
  const lines = entries.map(([prefix, member]) => inner + prefix + print(member, notation, inner, prefix.length));
  return `${brackets[0]}\n${lines.join(',\n')}${notation.lastComma}\n${indent}${brackets[1]}`;
}
