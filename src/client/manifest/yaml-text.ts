import { Document, isCollection, isMap, isPair, isScalar, isSeq, Lexer } from 'yaml';
import type { JsonObject } from '../../contract/entity.js';
import { PACKAGE } from '../package.js';

/** A manifest before it is YAML. */
export interface YamlParts {
  /** The folder from which the package's schema is found. Default: that of the manifest. */
  readonly schemaFrom?: string;
  /** The comment at its top, line by line. */
  readonly comment: readonly string[];
  /** Everything before the entities. */
  readonly head: JsonObject;
  /** The entities, each with the comment above it, line by line. */
  readonly entities: readonly { readonly value: JsonObject; readonly comment: readonly string[] }[];
}

/** Returns the comment that tells editors where the schema of a manifest is. */
function schemaComment(from: string): string {
  return `yaml-language-server: $schema=${from}/node_modules/${PACKAGE.name}/schema/manifest.schema.json`;
}

/** The widest line of a list or an object in one line. */
const MAX_FLOW_WIDTH = 110;

/** Returns a manifest as YAML: short lists in one line, single quotes, and quotes around what YAML 1.1 reads as other than text. */
export function formatYaml({ schemaFrom = '.', comment, head, entities }: YamlParts): string {
  const document = new Document(
    { ...head, entities: entities.map(({ value }) => value) },
    // Other parsers read `yes` as a boolean, and a date as a time.
    { aliasDuplicateObjects: false, compat: 'yaml-1.1' },
  );
  document.commentBefore = commentOf([schemaComment(schemaFrom), '', ...comment]);
  writeFlow(document.contents, 0, 0);
  const list = document.get('entities');
  if (isSeq(list)) {
    list.flow = false;
    list.items.forEach((item, index) => {
      if (!isMap(item)) return;
      item.flow = false;
      const notes = entities[index]?.comment ?? [];
      if (notes.length > 0) item.commentBefore = commentOf(notes);
      item.spaceBefore = index > 0;
    });
  }
  return withTightLists(document.toString({ lineWidth: 0, singleQuote: true }));
}

/** Removes the spaces inside the brackets of lists, which people do not write. */
function withTightLists(text: string): string {
  const lexemes = [...new Lexer().lex(text)];
  return lexemes
    .filter((lexeme, index) => !/^ +$/.test(lexeme) || (lexemes[index - 1] !== '[' && lexemes[index + 1] !== ']'))
    .filter((lexeme) => !CONTROL.has(lexeme))
    .join('');
}

/** The marks of the lexer, which stand for no text: the start of a document, of one in braces, and of a scalar. */
const CONTROL: ReadonlySet<string> = new Set(['\u0002', '\u0018', '\u001f']);

function commentOf(lines: readonly string[]): string {
  return lines.map((line) => (line === '' ? '' : ` ${oneLine(line)}`)).join('\n');
}

/** Returns a comment as one line, whatever a name in it holds. */
export function oneLine(text: string): string {
  return text.replace(/[\s\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ');
}

/**
 * Writes what is short, and holds no list or object of its own, in one line. Returns its width; Infinity for more lines.
 *
 * @param node - a node of the document
 * @param indent - the column of its lines, where it has several
 * @param before - the characters before it in the first line
 */
function writeFlow(node: unknown, indent: number, before: number): number {
  if (isScalar(node)) {
    return typeof node.value === 'string' && node.value.includes('\n') ? Infinity : String(node.value).length + 2;
  }
  if (!isCollection(node)) return 0;
  const widths = node.items.map((item) => {
    if (!isPair(item)) return writeFlow(item, indent + 2, 0);
    const key = String(isScalar(item.key) ? item.key.value : item.key).length + 2;
    return key + writeFlow(item.value, indent + 2, key);
  });
  const isFlat = node.items.every((item) => isScalar(isPair(item) ? item.value : item));
  const width = widths.reduce((sum, one) => sum + one + 2, 2);
  node.flow = isFlat && indent + before + width <= MAX_FLOW_WIDTH;
  return node.flow ? width : Infinity;
}
