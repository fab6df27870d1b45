import { Composer, isScalar, Lexer, LineCounter, Parser, type CST, type Document } from 'yaml';
import { truncate } from '../text.js';
import { isJson, parseJson } from './json.js';
import type { Problem } from './problem.js';
import {
  isShown,
  Limit,
  scalarTree,
  problemAt,
  StopParsing,
  UNSHOWN_SYNTAX,
  type Origin,
  type ReportAt,
  type Tree,
} from './tree.js';
import { syntaxFinding } from './yaml-syntax.js';
import { YamlConverter, type YamlRules } from './yaml-tree.js';

/** Values that the parser may have open at once: more than the allowed depth, less than its stack can take. */
const MAX_OPEN = 4 * Limit.Depth;

/** The remedies that depend on the sort of file that is parsed. */
export interface Remedies {
  readonly empty: string;
  readonly large: string;
  readonly severalDocuments: string;
}

/** The rules of a sort of file. */
export interface Dialect extends YamlRules {
  /** No problem shows a line of it. */
  readonly holdsSecret: boolean;
}

export type { Finding } from './yaml-tree.js';

const MANIFEST_REMEDIES: Remedies = {
  empty: 'begin with version: 1, namespace, environments and entities',
  large: 'split it into several manifests of the same namespace',
  severalDocuments: 'keep one document in a file, and give several files with -f',
};

/** The result of parsing: a tree, or the problems that prevent one. */
export interface Parsed {
  readonly tree: Tree | null;
  readonly problems: readonly Problem[];
}

/** Takes a file as one text. */
export function parsePlainText(file: string, text: string): Parsed {
  const lines = new LineCounter();
  const at = { origin: { name: file, lines, text }, offset: 0 };
  lines.addNewLine(0);
  if (text !== '') return { tree: scalarTree(at, text), problems: [] };
  return { tree: null, problems: [problemAt(at, [], 'the file is empty', 'write the text into it')] };
}

/**
 * Parses a file and keeps the position of every value: JSON where the file's name ends in `.json`, else YAML 1.2.
 * Duplicate keys, several documents, tags of other tools and values that JSON cannot hold are problems. Aliases and
 * merge keys of YAML work, within limits.
 */
export function parseText(
  file: string,
  text: string,
  remedies = MANIFEST_REMEDIES,
  { holdsSecret = false, ...rules }: Partial<Dialect> = {},
): Parsed {
  const lines = new LineCounter();
  const origin: Origin = { name: file, lines, ...(holdsSecret ? {} : { text }) };
  const problems: Problem[] = [];
  const report = (offset: number, message: string, remedy: string): void => {
    const at = { origin, offset: Math.min(Math.max(offset, 0), text.length) };
    const shorten = (line: string): string => truncate(line, Limit.Message + 1);
    problems.push(problemAt(at, [], shorten(message), shorten(remedy)));
  };
  if (text.length > Limit.Characters) {
    const message = `the file has ${String(text.length)} characters, more than ${String(Limit.Characters)}`;
    report(0, message, remedies.large);
    return { tree: null, problems };
  }
  // The parser does not record every line if it meets text that it cannot parse.
  lines.addNewLine(0);
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lines.addNewLine(at + 1);

  // A JSON file that is broken must not be read as YAML, which takes a comment for text.
  const parse = /\.json$/i.test(file) || isJson(text) ? parseJson : parseYaml;
  try {
    const tree = parse(origin, text, report, remedies, rules);
    return { tree: problems.length > 0 ? null : tree, problems };
  } catch (error) {
    if (error instanceof StopParsing) return { tree: null, problems };
    throw error;
  }
}

/** @throws StopParsing if a problem was reported that ends the parse */
function parseYaml(
  origin: Origin,
  text: string,
  report: ReportAt,
  remedies: Remedies,
  rules: Partial<YamlRules>,
): Tree {
  const document = onlyDocument(tokenize(text, report), text, report, remedies);
  // Further errors are consequences of the first.
  const [error] = document.errors;
  if (error !== undefined) {
    const { offset, ...finding } = syntaxFinding(error, text);
    const { message, remedy } = isShown(origin) ? finding : UNSHOWN_SYNTAX;
    report(offset, message, remedy);
    throw new StopParsing();
  }
  if (document.directives.yaml.explicit === true && document.directives.yaml.version !== '1.2') {
    report(0, `YAML ${document.directives.yaml.version} is not supported`, 'remove the %YAML line');
    throw new StopParsing();
  }
  if (document.contents === null || (isScalar(document.contents) && document.contents.source === '')) {
    return reportEmpty(report, remedies);
  }
  return new YamlConverter(origin, text, report, rules).convert(document.contents);
}

/**
 * Splits the text into tokens that are not nested too deep. The parser and the composer recurse: running out of stack
 * throws in one and ends the process in the other.
 */
function tokenize(text: string, report: ReportAt): CST.Token[] {
  const tooDeep = (offset: number): never => {
    report(offset, `values are nested more than ${String(Limit.Depth)} levels deep`, 'flatten them');
    throw new StopParsing();
  };
  const tokens: CST.Token[] = [];
  const parser = new Parser();
  for (const lexeme of new Lexer().lex(text)) {
    tokens.push(...parser.next(lexeme));
    if (parser.stack.length > MAX_OPEN) tooDeep(parser.offset);
  }
  tokens.push(...parser.end());
  const deep = firstTooDeep(tokens);
  return deep === undefined ? tokens : tooDeep(deep);
}

function onlyDocument(tokens: CST.Token[], text: string, report: ReportAt, remedies: Remedies): Document.Parsed {
  const options = { prettyErrors: false, uniqueKeys: false, logLevel: 'silent', schema: 'core' };
  const documents: Document.Parsed[] = [];
  for (const document of new Composer(options as never).compose(tokens, true, text.length)) {
    documents.push(document);
    if (documents.length === 2) break;
  }
  const [document, second] = documents;
  if (second !== undefined) {
    report(second.range[0], 'a second YAML document begins here', remedies.severalDocuments);
    throw new StopParsing();
  }
  return document ?? reportEmpty(report, remedies);
}

function reportEmpty(report: ReportAt, { empty }: Remedies): never {
  report(0, 'the file is empty', empty);
  throw new StopParsing();
}

/** Returns the offset of the first value that is nested too deep. */
function firstTooDeep(tokens: readonly CST.Token[]): number | undefined {
  const stack: { readonly token: CST.Token; readonly depth: number }[] = tokens
    .map((token) => ({ token, depth: 0 }))
    .reverse();
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { token, depth } = top;
    if (token.type === 'document') {
      if (token.value !== undefined) stack.push({ token: token.value, depth });
    } else if ('items' in token) {
      if (depth >= Limit.Depth) return token.offset;
      for (const item of token.items.toReversed()) {
        if (item.value !== undefined) stack.push({ token: item.value, depth: depth + 1 });
        if (item.key !== undefined && item.key !== null) stack.push({ token: item.key, depth: depth + 1 });
      }
    }
  }
  return undefined;
}
