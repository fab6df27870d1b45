import { createScanner, parse, printParseErrorCode, type JSONScanner, type ParseError } from 'jsonc-parser';
import { isShown, Limit, listTree, mapTree, positionOf, scalarTree, StopParsing, UNSHOWN_SYNTAX } from './tree.js';
import type { MapEntry, Origin, ReportAt, SourceOffset, Tree } from './tree.js';

/** Reports whether a text is a JSON object or list. */
export function isJson(text: string): boolean {
  if (!/^\s*[{[]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * Parses JSON and keeps the position of every value, in a fifth of the time that the YAML parser takes. Comments and
 * trailing commas are allowed, as in the settings of editors.
 *
 * @throws StopParsing if a problem was reported that ends the parse
 */
export function parseJson(origin: Origin, text: string, report: ReportAt): Tree {
  // The scanner is lenient.
  if (!isJson(text)) reportSyntax(origin, text, report);
  return new JsonReader(origin, text, report).read();
}

/** @throws StopParsing if the text is not JSON */
function reportSyntax(origin: Origin, text: string, report: ReportAt): void {
  const deep = firstTooDeep(text);
  if (deep !== undefined) reportDepth(deep, report);
  const errors: ParseError[] = [];
  parse(text, errors, { allowTrailingComma: true });
  // The others are consequences of the first.
  const [error] = errors;
  if (error === undefined) return;
  const { message, remedy } = isShown(origin) ? syntaxProblem(text, error) : UNSHOWN_SYNTAX;
  report(error.offset, message, remedy);
  throw new StopParsing();
}

function reportDepth(offset: number, report: ReportAt): never {
  report(offset, `values are nested more than ${String(Limit.Depth)} levels deep`, 'flatten them');
  throw new StopParsing();
}

/** Returns the offset of the first value that is nested too deep for a parser that recurses. */
function firstTooDeep(text: string): number | undefined {
  let depth = 0;
  for (const { 0: token, index } of text.matchAll(/"[^"\\\n]*(?:\\.[^"\\\n]*)*"|\/\/.*|\/\*[^]*?\*\/|[[\]{}]/g)) {
    if (token === '[' || token === '{') depth++;
    else if (token === ']' || token === '}') depth--;
    if (depth > Limit.Depth) return index;
  }
  return undefined;
}

function syntaxProblem(text: string, { error, offset }: ParseError): { message: string; remedy: string } {
  if (text.trim() === '') return { message: 'the file is empty', remedy: 'write JSON into it' };
  if (offset >= text.length) return { message: 'the JSON ends too early', remedy: 'close what is open' };
  const [before, after] = [text.slice(Math.max(0, offset - 40), offset), text.slice(offset, offset + 40)];
  const number = `${/[-+.\w]*$/.exec(before)?.[0] ?? ''}${/^[-+.\w]*/.exec(after)?.[0] ?? ''}`;
  if (/^[-+.]?\d/.test(number) && !JSON_NUMBER.test(number))
    return { message: `${number} is not a number of JSON`, remedy: `quote it: "${number}"` };
  const found = `the file is not JSON: ${JSON.stringify(text.slice(offset, offset + 20).split('\n')[0])}`;
  if (text.startsWith('#', offset)) return { message: found, remedy: 'begin a comment with //' };
  if (text.startsWith("'", offset)) return { message: found, remedy: 'put text in double quotes' };
  if (text.slice(Math.max(0, offset - 1), offset + 2).includes('{{'))
    return { message: found, remedy: 'put text with a template in quotes: "{{name}}"' };
  return { message: found, remedy: SYNTAX_REMEDIES.get(printParseErrorCode(error)) ?? 'fix the JSON here' };
}

const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?$/;

const SYNTAX_REMEDIES: ReadonlyMap<string, string> = new Map([
  ['CommaExpected', 'write a comma before it'],
  ['ColonExpected', 'write a colon after the key'],
  ['PropertyNameExpected', 'write a key in double quotes'],
  ['EndOfFileExpected', 'remove what comes after the end'],
  ['UnexpectedEndOfString', 'close the quote; a line break in text is \\n'],
  ['UnexpectedEndOfComment', 'close the comment with */'],
  ['InvalidEscapeCharacter', 'double the backslash'],
  ['InvalidSymbol', 'put text in double quotes'],
]);

class JsonReader {
  readonly #scanner: JSONScanner;
  readonly #origin: Origin;
  readonly #source: string;
  readonly #report: ReportAt;

  constructor(origin: Origin, text: string, report: ReportAt) {
    this.#origin = origin;
    this.#source = text;
    this.#scanner = createScanner(text, true);
    this.#report = report;
  }

  read(): Tree {
    this.#scanner.scan();
    return this.#value(1);
  }

  /** Reads the value that begins with the current token, and goes to the token after it. */
  #value(depth: number): Tree {
    const at = this.#at();
    switch (this.#first()) {
      case '{':
        return mapTree(at, this.#entries(depth));
      case '[':
        return listTree(at, this.#items(depth));
      case '"':
        return scalarTree(at, this.#text());
      default: {
        const raw = this.#text();
        const value = JSON.parse(raw) as number | boolean | null;
        if (typeof value !== 'number' || Number.isFinite(value)) return scalarTree(at, value, raw);
        this.#report(at.offset, `${raw} is not a number that JSON can hold`, 'put it in quotes');
        return scalarTree(at, null, raw);
      }
    }
  }

  #entries(depth: number): Map<string, MapEntry> {
    const entries = new Map<string, MapEntry>();
    this.#members('}', depth, () => {
      const at = this.#at();
      const key = this.#text();
      // The colon.
      this.#scanner.scan();
      const entry = { at, value: this.#value(depth + 1) };
      const first = entries.get(key);
      if (first !== undefined) reportRepeatedKey(key, first, at, this.#report);
      else if (key === '__proto__') this.#report(at.offset, 'the key __proto__ is not allowed', 'remove it');
      else entries.set(key, entry);
    });
    return entries;
  }

  #items(depth: number): Tree[] {
    const items: Tree[] = [];
    this.#members(']', depth, () => items.push(this.#value(depth + 1)));
    return items;
  }

  /** Reads each member of a map or a list, and goes to the token after its end. */
  #members(end: string, depth: number, read: () => void): void {
    if (depth > Limit.Depth) reportDepth(this.#at().offset, this.#report);
    this.#scanner.scan();
    while (this.#first() !== end) {
      read();
      if (this.#first() === ',') this.#scanner.scan();
    }
    this.#scanner.scan();
  }

  /** Returns the current token's text, unescaped, and goes to the next token. */
  #text(): string {
    const text = this.#scanner.getTokenValue();
    this.#scanner.scan();
    return text;
  }

  /** Returns the first character of the current token. */
  #first(): string | undefined {
    return this.#source[this.#scanner.getTokenOffset()];
  }

  #at(): SourceOffset {
    return { origin: this.#origin, offset: this.#scanner.getTokenOffset() };
  }
}

/** Reports a key that a map has already. */
export function reportRepeatedKey(key: string, first: MapEntry, at: SourceOffset, report: ReportAt): void {
  const message = `${JSON.stringify(key)} appears twice in one map, first on line ${String(positionOf(first.at).line)}`;
  report(at.offset, message, 'remove one of them');
}
