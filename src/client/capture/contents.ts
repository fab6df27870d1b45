import type { Json, JsonObject } from '../../contract/entity.js';
import { asList } from '../../contract/json.js';
import { isObject, objectOrEmpty, ownValue, sortedJson } from '../../engine/json.js';
import type { Draft } from './draft.js';
import { FileNames } from './file-names.js';
import { printJsonText } from './print-value.js';

/** A file of a manifest. */
export interface CapturedFile {
  /** Relative to the folder of the manifest, with slashes. */
  readonly path: string;
  readonly text: string;
}

/** The longest trust policy or inline policy that stands in the manifest itself, in lines of JSON. */
const MAX_INLINE_LINES = 16;

/** The longest text that stands in the manifest itself. */
const MAX_INLINE_TEXT = 200;

/** The folder of texts that are no keys, certificates or metadata. */
const PLAIN_TEXTS = 'texts';

/** An entity whose properties are written as the manifest has them. */
export interface WrittenEntity {
  readonly draft: Draft;
  readonly spec: JsonObject;
}

/** A document of an entity, with its place. */
interface Occurrence {
  readonly draft: Draft;
  readonly property: string;
  /** The name of an inline policy; null for the document of a property. */
  readonly policy: string | null;
  readonly document: Json;
}

/** Puts documents and long texts into files of their own. Equal ones are in one file. */
export class Contents {
  readonly files: CapturedFile[] = [];
  private readonly names: FileNames;
  /** The paths of documents and texts that have a file. */
  private readonly paths = new Map<string, string>();
  private readonly uses = new Map<string, Occurrence[]>();

  constructor(entities: readonly WrittenEntity[], account: string) {
    this.names = new FileNames(account);
    for (const entity of entities) {
      for (const one of documentsOf(entity)) {
        const key = sortedJson(one.document);
        const known = this.uses.get(key);
        if (known === undefined) this.uses.set(key, [one]);
        else known.push(one);
      }
    }
  }

  /** Returns the properties of an entity with references to files. */
  place({ draft, spec }: WrittenEntity): JsonObject {
    const rules = draft.known.kind.properties;
    return Object.fromEntries(
      Object.entries(spec).map(([property, value]) => {
        const type = rules[property]?.type;
        if (type === 'document') return [property, this.document({ draft, property, policy: null, document: value })];
        if (type === 'documents') {
          const documents = Object.entries(objectOrEmpty(value)).map(
            ([policy, document]) => [policy, this.document({ draft, property, policy, document })] as const,
          );
          return [property, Object.fromEntries(documents)];
        }
        return [property, typeof value === 'string' ? this.text(draft, property, value) : value];
      }),
    );
  }

  private document(one: Occurrence): Json {
    const key = sortedJson(one.document);
    const uses = this.uses.get(key) ?? [one];
    const text = printJsonText(one.document);
    const isShort = text.split('\n').length <= MAX_INLINE_LINES;
    const isManaged = one.policy === null && !hasPrincipal(one.document);
    if (uses.length === 1 && isShort && !isManaged) return one.document;
    const path =
      this.paths.get(key) ?? this.add(key, { folder: 'policies', name: nameOf(uses), extension: '.json' }, text);
    return { $file: path };
  }

  /** Texts in files that are neither YAML nor JSON have no templates, so that they are as AWS shows them. */
  private text(draft: Draft, property: string, written: string): Json {
    const { kind, entity } = draft.known;
    const original = entity.spec[property];
    const isLong = typeof original === 'string' && original.length > MAX_INLINE_TEXT;
    if (!isLong) return written;
    const place = placeOfText(original);
    // A key such as a long URL is a name: a file would end it with a line break.
    const isKey = kind.keyProperties.includes(property);
    const isText = isKey ? place.folder !== PLAIN_TEXTS : kind.properties[property]?.type === 'text';
    if (!isText) return written;
    const key = JSON.stringify(original);
    const suffix = property.toLowerCase().endsWith('chain') ? '-chain' : '';
    const path = this.paths.get(key) ?? this.add(key, { ...place, name: entity.name + suffix }, original);
    return { $file: path };
  }

  private add(
    key: string,
    { folder, name, extension }: { readonly folder: string; readonly name: string; readonly extension: string },
    text: string,
  ): string {
    const path = this.names.add(folder, name, extension);
    this.paths.set(key, path);
    this.files.push({ path, text: text.endsWith('\n') ? text : `${text}\n` });
    return path;
  }
}

function documentsOf({ draft, spec }: WrittenEntity): readonly Occurrence[] {
  return Object.entries(draft.known.kind.properties).flatMap(([property, { type }]): Occurrence[] => {
    const value = ownValue(spec, property);
    if (value === undefined) return [];
    if (type === 'document') return [{ draft, property, policy: null, document: value }];
    if (type !== 'documents') return [];
    return Object.entries(objectOrEmpty(value)).map(([policy, document]) => ({ draft, property, policy, document }));
  });
}

function statementsOf(document: Json): readonly JsonObject[] {
  return asList(ownValue(objectOrEmpty(document), 'Statement') ?? []).filter(isObject);
}

function hasPrincipal(document: Json): boolean {
  return statementsOf(document).some((one) => Object.hasOwn(one, 'Principal') || Object.hasOwn(one, 'NotPrincipal'));
}

/** Names the file of a document for what uses it. */
function nameOf(uses: readonly Occurrence[]): string {
  const [first] = uses;
  if (first === undefined) return '';
  const { draft, policy, document } = first;
  const { name } = draft.known.entity;
  if (uses.length > 1 && hasPrincipal(document)) return trustName(document) ?? `${name}-trust`;
  if (policy !== null) {
    const isShared = uses.length > 1 && uses.every((use) => use.policy === policy);
    return isShared || policy.toLowerCase().startsWith(name.toLowerCase()) ? policy : `${name}-${policy}`;
  }
  return hasPrincipal(document) ? `${name}-trust` : name;
}

/** Names a trust policy for the one service that it trusts: `trust-ec2`. */
function trustName(document: Json): string | undefined {
  const [statement, ...more] = statementsOf(document);
  const principal = objectOrEmpty(statement?.['Principal']);
  const [service, ...others] = asList(ownValue(principal, 'Service') ?? []);
  const isOne = more.length === 0 && others.length === 0 && Object.keys(principal).length === 1;
  return isOne && typeof service === 'string' ? `trust-${service.replace(/\.amazonaws\.com(\.cn)?$/, '')}` : undefined;
}

/** Returns the folder and the extension of a file for a text. */
function placeOfText(text: string): { readonly folder: string; readonly extension: string } {
  if (text.includes('-----BEGIN CERTIFICATE')) return { folder: 'certificates', extension: '.pem' };
  if (/^\s*(ssh-|-----BEGIN )/.test(text)) return { folder: 'keys', extension: '.pub' };
  return /^\s*</.test(text) ? { folder: 'metadata', extension: '.xml' } : { folder: PLAIN_TEXTS, extension: '.txt' };
}
