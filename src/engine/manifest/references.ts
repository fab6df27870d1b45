import { ARN_REFERENCE, entityId, entityKey, type JsonObject } from '../../contract/entity.js';
import { idsOf, pathIn, type Draft, type EntitiesOptions } from './drafts.js';
import type { ManifestKind } from './manifest-kind.js';
import { quoted, positionText } from './problem.js';
import { toJson, positionOf, problemAt, type SourceOffset, type MapTree, type Tree } from './tree.js';
import { nearest, suggestion } from '../text.js';
import { referencesIn, resolveReferences } from '../references.js';

/** The references between the entities of a manifest. */
export class References {
  private readonly arns = new Map<string, string>();
  private ids: readonly string[] | undefined;
  /** Kinds with an unnamed entity: a reference to such a kind may or may not be valid. */
  private readonly unnamed = new Set<string>();
  private readonly unknownKind: boolean;

  constructor(
    drafts: readonly Draft[],
    private readonly declared: ReadonlyMap<string, Draft>,
    private readonly options: EntitiesOptions,
  ) {
    for (const { kindName, name } of drafts) {
      if (kindName !== null && name === null) this.unnamed.add(kindName);
    }
    const known = new Set(options.kinds.map(({ name }) => name));
    this.unknownKind = drafts.some(({ kindName }) => kindName === null || !known.has(kindName));
  }

  /** Rewrites the references in a text with the names as declared. */
  readonly canonical = (text: string): string => {
    if (!text.includes('{{arn ')) return text;
    return text.replaceAll(ARN_REFERENCE, (marker, id: string) => {
      const found = this.find(id);
      return found === undefined ? marker : `{{arn ${found.id}}}`;
    });
  };

  /** Returns the entities of the manifest that a draft needs, sorted. Reports references to missing ones. */
  of(draft: Draft): string[] {
    const needed = new Set<string>();
    const path = [...draft.path];
    this.collect(draft.spec, path, draft, needed);
    if (draft.tags !== null) this.collect(draft.tags, [...path, 'tags'], draft, needed);
    if (draft.kind?.references !== undefined && draft.state === 'present') {
      for (const id of this.unspelled(draft.kind, draft.spec)) {
        const found = this.find(id);
        // An entity that is not declared may exist in the account.
        if (found !== undefined) this.need(found, draft.at, path, needed);
      }
    }
    return [...needed].sort();
  }

  /** Returns the spec with the ARNs that the references will have, for the schema. */
  resolved(spec: JsonObject): JsonObject {
    const arns: Record<string, string> = {};
    for (const id of referencesIn(spec)) arns[id] = this.arnOf(id);
    return resolveReferences(spec, arns);
  }

  private unspelled(kind: ManifestKind, spec: MapTree): readonly string[] {
    try {
      return kind.references?.(toJson(spec, this.canonical) as JsonObject) ?? [];
    } catch {
      return []; // Its schema reports an invalid spec.
    }
  }

  private find(id: string): { readonly id: string; readonly draft: Draft } | undefined {
    const [kind, name] = partsOf(id);
    const draft = this.declared.get(entityKey({ kind, name }));
    return draft?.name === undefined || draft.name === null
      ? undefined
      : { id: entityId({ kind, name: draft.name }), draft };
  }

  private arnOf(id: string): string {
    const known = this.arns.get(id);
    if (known !== undefined) return known;
    const { account, partition } = this.options.target;
    const [kind, name] = partsOf(id);
    let arn = `arn:${partition}:iam::${account}:${kind.toLowerCase()}/${name}`;
    const found = this.find(id);
    try {
      if (found?.draft.kind) arn = found.draft.kind.arnOf(toJson(found.draft.spec) as JsonObject, this.options.target);
    } catch {
      // The other entity's spec is invalid and is reported there. An ARN of similar form is enough here.
    }
    this.arns.set(id, arn);
    return arn;
  }

  private collect(tree: Tree, path: PropertyKey[], draft: Draft, needed: Set<string>): void {
    if (draft.broken.has(tree)) return;
    if (tree.type === 'scalar') {
      if (typeof tree.value === 'string') this.text(tree.value, tree.at, path, draft, needed);
    } else if (tree.type === 'list') {
      tree.items.forEach((item, index) => {
        this.collect(item, [...path, index], draft, needed);
      });
    } else {
      for (const [key, { at, value }] of tree.entries) {
        this.text(key, at, path, draft, needed);
        this.collect(value, [...path, key], draft, needed);
      }
    }
  }

  private text(text: string, at: SourceOffset, path: readonly PropertyKey[], draft: Draft, needed: Set<string>): void {
    if (!text.includes('{{arn ')) return;
    for (const [, id = ''] of text.matchAll(ARN_REFERENCE)) {
      const found = this.find(id);
      if (found === undefined) this.reportMissing(id, at, pathIn(draft, path));
      // Its own ARN is known before it exists.
      else if (found.id !== ownId(draft)) this.need(found, at, pathIn(draft, path), needed);
    }
  }

  private need(
    found: { readonly id: string; readonly draft: Draft },
    at: SourceOffset,
    path: readonly PropertyKey[],
    needed: Set<string>,
  ): void {
    // A released entity is kept, so it can be referred to.
    if (found.draft.state !== 'absent') {
      needed.add(found.id);
      return;
    }
    const message = `${found.id} is needed here, but it is declared absent (${positionText(positionOf(found.draft.at))})`;
    this.options.report(problemAt(at, path, message, 'remove the reference, or state: absent'));
  }

  private reportMissing(id: string, at: SourceOffset, path: readonly PropertyKey[]): void {
    const [kind] = partsOf(id);
    const kinds = this.options.kinds.map(({ name }) => name);
    if (!kinds.includes(kind)) {
      const remedy = suggestion(kind, kinds, 'write a kind that is known');
      this.options.report(problemAt(at, path, `{{arn ${id}}} names the unknown kind ${quoted(kind)}`, remedy));
      return;
    }
    if (this.unknownKind || this.unnamed.has(kind)) return;
    this.ids ??= idsOf(this.declared);
    const ofKind = this.ids.filter((other) => other.startsWith(`${kind}/`));
    const meant = nearest(id, ofKind);
    const remedy =
      meant === undefined
        ? 'declare the entity, or write out the ARN of one that exists already'
        : `did you mean {{arn ${meant}}}?`;
    this.options.report(problemAt(at, path, `{{arn ${id}}} names an entity that no manifest declares`, remedy));
  }
}

function ownId({ kind, name }: Draft): string | undefined {
  return kind === null || name === null ? undefined : entityId({ kind: kind.name, name });
}

/** Returns the IDs that the references in a value name. */
function partsOf(id: string): [kind: string, name: string] {
  const slash = id.indexOf('/');
  return slash === -1 ? [id, ''] : [id.slice(0, slash), id.slice(slash + 1)];
}
