import {
  ARN_REFERENCE,
  entityKey,
  entityKeyOfId,
  type DesiredEntity,
  type Json,
  type JsonObject,
} from '../../../contract/entity.js';
import type { CapturedEntity } from '../../../contract/capture.js';
import { isObject } from '../../../contract/json.js';
import { compare, unmanagedContent } from '../../../engine/compare.js';
import type { Change, Comparison, Observed } from '../../../engine/comparison.js';
import { removesUnmanaged } from '../../../engine/decision-rules.js';
import { objectOrEmpty, ownValue, strings } from '../../../engine/json.js';
import type { Draft } from '../../../engine/manifest/drafts.js';
import { toJson, type Tree } from '../../../engine/manifest/tree.js';
import { resolveReferences } from '../../../engine/references.js';
import { tagKeyForm, withTagKeysOf } from '../../../engine/tag-keys.js';
import type { Kind } from '../../../kinds/kind.js';
import { DocumentDiffer } from './document-changes.js';
import type { Changed, ValueChange } from './value-changes.js';

/** A declared entity, with the text that it is written as, and the entity that the account has. */
export interface Subject {
  readonly kind: Kind;
  readonly entity: DesiredEntity;
  readonly draft: Draft;
  readonly captured: CapturedEntity;
}

/** The ARNs of the declared entities, by their keys. */
export type Arns = ReadonlyMap<string, string>;

/** Returns the name of the part of an entity that a path is in: `maxSessionDuration`, `inlinePolicies.state`, `tags.team`. */
export function partOf([property, name]: readonly PropertyKey[], { properties }: Pick<Kind, 'properties'>): string {
  const hasNames = property === 'tags' || properties[String(property)]?.type === 'documents';
  return hasNames && name !== undefined ? `${String(property)}.${String(name)}` : String(property);
}

/** Returns the changes that make the manifest declare what the account has. */
export function changesOf(subject: Subject, arns: Arns, partition: string): ValueChange[] {
  const { kind, entity, draft } = subject;
  const spec = resolvedSpec(entity, arns);
  const observed = observedOf(subject);
  // Content that is kept and content that the plan would remove are taken over alike.
  const { changes } = compare(spec, observed, {
    rules: kind.properties,
    partition,
    removesUnmanaged: () => true,
    shared: entity.shared,
  });
  const differ = new DocumentDiffer((tree) => toJson(tree, (text) => resolveText(text, arns)), { partition });
  const found = new EntityDiffer(subject, differ, observed);
  return [
    ...Object.entries(changes).flatMap(([property, change]) => found.property(property, change)),
    ...(entity.shared ? [] : found.unset(spec)),
  ].map((change) => ({ ...change, ...handReason(change, draft) }));
}

/** Reports changes of what is not written as such: a short form stands for it. */
function handReason({ path: [property] }: ValueChange, { expanded }: Draft): Pick<ValueChange, 'byHand'> | undefined {
  if (expanded === undefined || property !== expanded.replaces) return undefined;
  return { byHand: `it is written in short, as ${expanded.property}` };
}

/** Returns the parts of an entity that differ from the account, or that the account has beyond the manifest. */
export function differingParts(subject: Subject, arns: Arns, partition: string): ReadonlySet<string> {
  const { kind, entity } = subject;
  const spec = resolvedSpec(entity, arns);
  const observed = observedOf(subject);
  const { drift, unmanaged }: Comparison = compare(spec, observed, {
    rules: kind.properties,
    partition,
    removesUnmanaged: (property) => removesUnmanaged(entity, property),
    shared: entity.shared,
  });
  const rest = entity.shared ? [] : unmanagedContent(kind.properties, spec, observed).filter(isTaken(kind));
  const parts = new Set(drift.map(({ path }) => partOfPath(path, kind, [spec, observed])));
  for (const line of [...unmanaged, ...rest.map((content) => content.line)]) {
    const [property = '', name] = line.split(/: (.*)/s);
    parts.add(partOf([property, ...(name === undefined ? [] : [name])], kind));
  }
  return parts;
}

/** Returns the part of a path that is written as text. Names of documents and keys of tags may have dots. */
function partOfPath(path: string, kind: Kind, [spec, { state, tags }]: readonly [JsonObject, Observed]): string {
  const [property = '', ...rest] = path.split('.');
  const names = [spec[property], property === 'tags' ? tags : state[property]].flatMap((value) =>
    Object.keys(objectOrEmpty(value)),
  );
  const text = rest.join('.');
  const name = names.filter((one) => text === one || text.startsWith(`${one}.`)).sort((a, b) => b.length - a.length)[0];
  return partOf([property, ...(name === undefined ? [] : [name])], kind);
}

function isTaken({ properties }: Kind): (content: { readonly property: string }) => boolean {
  return ({ property }) => properties[property]?.setByAws !== true;
}

/** Returns what the account has, with the tag keys of the manifest where IAM takes both spellings for one tag. */
function observedOf({ kind, entity, captured }: Subject): Observed {
  const { name, arn, createdAt, tags, spec } = captured;
  return withTagKeysOf({ name, arn, createdAt, tags, state: spec }, entity.spec, kind);
}

function resolvedSpec({ spec }: DesiredEntity, arns: Arns): JsonObject {
  const known = Object.fromEntries(
    [...JSON.stringify(spec).matchAll(ARN_REFERENCE)].map(([, id = '']) => [id, arns.get(entityKeyOfId(id)) ?? '']),
  );
  return resolveReferences(spec, known);
}

/** Returns a text with ARNs in the place of references. */
function resolveText(text: string, arns: Arns): string {
  return text.replaceAll(ARN_REFERENCE, (marker, id: string) => arns.get(entityKeyOfId(id)) ?? marker);
}

/** Finds the changes of one entity, property by property. */
class EntityDiffer {
  constructor(
    private readonly subject: Subject,
    private readonly differ: DocumentDiffer,
    private readonly observed: Observed,
  ) {}

  /** Returns the changes of a declared property that differs. */
  property(property: string, { put, remove }: Change): readonly ValueChange[] {
    const { draft, kind } = this.subject;
    if (property === 'tags') return this.#tags(put, remove);
    const entry = draft.spec.entries.get(property);
    if (entry === undefined) return [];
    const rule = kind.properties[property];
    const observed = this.observed.state[property];
    const tree = entry.value;
    const path = [property];
    switch (rule?.type) {
      case 'document':
        return this.differ.document(tree, observed ?? null, path).changes;
      case 'documents':
        return this.#documents(tree, objectOrEmpty(observed), path);
      case 'set':
        return this.#set(tree, put, remove, path);
      default:
        return this.differ.value(tree, observed ?? rule?.default ?? null, path).changes;
    }
  }

  #set(tree: Tree, put: readonly string[], remove: readonly string[], path: readonly string[]): readonly ValueChange[] {
    const declared = this.differ
      .members(tree, [], path)
      .changes.filter(({ from }) => typeof from === 'string' && put.includes(from));
    const added = remove.map((to): ValueChange => ({ op: 'add', target: tree, path, to }));
    return tree.type === 'list' ? [...declared, ...added] : this.differ.replace(tree, remove, path).changes;
  }

  #documents(tree: Tree, observed: JsonObject, path: readonly string[]): readonly ValueChange[] {
    if (tree.type !== 'map') return this.differ.replace(tree, observed, path).changes;
    const { changes } = this.differ.map(tree, observed, path, (member, to, at): Changed =>
      this.differ.document(member, to, at),
    );
    return this.differ.renamed(changes);
  }

  #tags(put: readonly string[], remove: readonly string[]): readonly ValueChange[] {
    const { draft } = this.subject;
    const { tags } = draft;
    if (tags === null) return [];
    const changes = put.flatMap((key): readonly ValueChange[] => {
      const entry = tags.entries.get(key);
      const to = ownValue(this.observed.tags, key);
      if (entry === undefined) return [];
      const path = ['tags', key];
      if (to !== undefined) return this.differ.replace(entry.value, to, path).changes;
      const from = toJson(entry.value);
      const byHand = this.#whyTagStays(key);
      return [{ op: 'remove', target: tags, key, entry, path, from, ...(byHand !== undefined && { byHand }) }];
    });
    if (draft.common.tags === undefined) return [...changes, ...this.#newTags(remove)];
    return [
      ...changes,
      ...remove.map((key): ValueChange => ({
        op: 'add',
        target: tags,
        key,
        path: ['tags', key],
        to: this.observed.tags[key] ?? '',
      })),
    ];
  }

  /** Returns why the default would put a tag back that goes here. */
  #whyTagStays(key: string): string | undefined {
    const { draft, kind } = this.subject;
    if (draft.inherited.has(`tags.${key}`)) return 'it comes from defaults';
    const form = tagKeyForm(key, kind);
    const isDefault = Object.keys(draft.defaults.tags ?? {}).some((one) => tagKeyForm(one, kind) === form);
    return isDefault ? 'defaults have a tag of that key' : undefined;
  }

  /** Adds the property `tags` to an entity without tags of its own. */
  #newTags(keys: readonly string[]): ValueChange[] {
    if (keys.length === 0) return [];
    const to = Object.fromEntries(keys.map((key) => [key, this.observed.tags[key] ?? '']));
    return [{ op: 'add', target: this.subject.draft.spec, key: 'tags', path: ['tags'], to }];
  }

  /** Returns the properties to add: those that the manifest leaves out, and that have content. */
  unset(spec: JsonObject): readonly ValueChange[] {
    const { kind, draft } = this.subject;
    const content = unmanagedContent(kind.properties, spec, this.observed).filter(isTaken(kind));
    const properties = [...new Set(content.map(({ property }) => property))];
    return properties.flatMap((property): readonly ValueChange[] => {
      if (spec[property] !== undefined) return [];
      if (property === 'tags') {
        const keys = content.filter((one) => one.property === 'tags').map(({ line }) => line.slice('tags: '.length));
        return this.#newTags(keys);
      }
      const value = this.observed.state[property];
      const to: Json | undefined = kind.properties[property]?.type === 'set' ? strings(value) : value;
      if (to === undefined || (isObject(to) && Object.keys(to).length === 0)) return [];
      return [{ op: 'add', target: draft.spec, key: property, path: [property], to }];
    });
  }
}

/** Returns the ARN of each declared entity: that of the account, or the one that it would have. */
export function arnsOf(
  declared: readonly {
    readonly kind: Kind;
    readonly entity: DesiredEntity;
    readonly captured?: CapturedEntity | undefined;
  }[],
  target: Parameters<Kind['arnOf']>[1],
): Arns {
  return new Map(
    declared.map(({ kind, entity, captured }) => [entityKey(entity), captured?.arn ?? kind.arnOf(entity.spec, target)]),
  );
}
