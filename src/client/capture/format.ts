import type { JsonObject } from '../../contract/entity.js';
import { formatYaml, oneLine } from '../manifest/yaml-text.js';
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
      return formatYaml({
        ...parts,
        schemaFrom: '..',
        entities: parts.entities.map(({ value }, index) => ({ value, comment: notesOf(parts.entities, index) })),
      });
    case 'ts':
      return formatTypeScript(parts);
    case 'json':
      return `${printJsonText({ ...parts.head, entities: parts.entities.map(({ value }) => value) })}\n`;
  }
}

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
