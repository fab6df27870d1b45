import { Document, isCollection, isMap, isPair, isScalar, isSeq, Lexer } from 'yaml';
import type { JsonObject } from '../../contract/entity.js';
import { PACKAGE } from '../package.js';
import { printJsonText, printTypeScript } from './print-value.js';
import { sectionOf } from './sections.js';

/** The formats of a captured manifest. */
export const CAPTURE_FORMATS = ['yaml', 'json', 'ts'] as const;
/** A format of a captured manifest. */
export type CaptureFormat = (typeof CAPTURE_FORMATS)[number];

/** The name of a captured manifest, without its extension. */
export const CAPTURE_MANIFEST = 'bootstrap';

/** A manifest before it is text. */
export interface ManifestParts {
  /** The comment at its top, line by line. */
  readonly comment: readonly string[];
  /** Everything before the entities. */
  readonly head: JsonObject;
  readonly entities: readonly { readonly value: JsonObject; readonly notes: readonly string[] }[];
}

/** Returns a manifest as text. Comments are left out of JSON, which has none. */
export function formatManifest(parts: ManifestParts, format: CaptureFormat): string {
  switch (format) {
    case 'yaml':
      return formatYaml(parts);
    case 'ts':
      return formatTypeScript(parts);
    case 'json':
      return `${printJsonText({ ...parts.head, entities: parts.entities.map(({ value }) => value) })}\n`;
  }
}

/** The comment that tells editors where the schema of a manifest is. */
const SCHEMA_COMMENT = `yaml-language-server: $schema=../node_modules/${PACKAGE.name}/schema/manifest.schema.json`;

/** The widest line of a list or an object in one line. */
const MAX_FLOW_WIDTH = 110;

function formatYaml({ comment, head, entities }: ManifestParts): string {
  const document = new Document(
    { ...head, entities: entities.map(({ value }) => value) },
    // Other parsers read `yes` as a boolean, and a date as a time.
    { aliasDuplicateObjects: false, compat: 'yaml-1.1' },
  );
  document.commentBefore = commentOf([SCHEMA_COMMENT, '', ...comment]);
  writeFlow(document.contents, 0, 0);
  const list = document.get('entities');
  if (isSeq(list)) {
    list.flow = false;
    list.items.forEach((item, index) => {
      if (!isMap(item)) return;
      item.flow = false;
      const notes = notesOf(entities, index);
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

/** Returns the comments above an entity: the heading of its section, and what a person has to know. */
function notesOf(entities: ManifestParts['entities'], index: number): readonly string[] {
  const sectionAt = (position: number): string | undefined => {
    const kind = entities[position]?.value['kind'];
    return typeof kind === 'string' ? sectionOf(kind) : undefined;
  };
  const [before, section = ''] = [sectionAt(index - 1), sectionAt(index)];
  const notes = entities[index]?.notes ?? [];
  if (before === section) return notes;
  return notes.length === 0 ? [section] : [section, '', ...notes];
}

function commentOf(lines: readonly string[]): string {
  return lines.map((line) => (line === '' ? '' : ` ${oneLine(line)}`)).join('\n');
}

/** A comment ends with its line, whatever a name holds. */
function oneLine(text: string): string {
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

function formatTypeScript({ comment, head, entities }: ManifestParts): string {
  const fields = Object.entries(head).map(([key, value]) => `  ${key}: ${printTypeScript(value, '  ')},`);
  const items = entities.map(({ value }, index) => {
    const notes = notesOf(entities, index).map((line) => `    // ${oneLine(line)}\n`);
    return `${notes.join('')}    ${printTypeScript(value, '    ')},\n`;
  });
  return [
    `import { defineBootstrap } from '${PACKAGE.name}';\n\n`,
    ...comment.map((line) => `// ${oneLine(line)}\n`),
    `export default defineBootstrap({\n${fields.join('\n')}\n  entities: [\n`,
    items.join('\n'),
    '  ],\n});\n',
  ].join('');
}
