import { posix } from 'node:path';
import { entityId, entityKey } from '../../../contract/entity.js';
import type { Draft } from '../../../engine/manifest/drafts.js';
import type { TracedManifest } from '../../../engine/manifest/resolve.js';
import type { Tree } from '../../../engine/manifest/tree.js';
import type { ValueChange } from './value-changes.js';

/** The manifests as one environment, or one fleet, sees them. */
export interface View {
  /** `environment dev`, `fleet workloads`. */
  readonly label: string;
  readonly traced: TracedManifest;
}

/** A place where a written value takes effect. */
interface Use {
  readonly id: string;
  /** The entity, or the environment where it is another one. */
  readonly label: string;
}

/** Knows where each written value takes effect: aliases, merge keys, defaults and files give one value several uses. */
export class Uses {
  readonly #uses = new Map<string, Use[]>();

  /** Takes what changes first, and the others, which stay as they are. */
  constructor(view: View, others: readonly View[]) {
    for (const draft of view.traced.drafts)
      this.#visit(draft, (path) => ({ id: useId(draft, path), label: idOf(draft) }));
    for (const { label, traced } of others) {
      for (const draft of traced.drafts) this.#visit(draft, () => ({ id: label, label }));
    }
  }

  /** Returns the uses of a value that none of these changes is for, in words. */
  othersOf(target: Tree, ids: ReadonlySet<string>): readonly string[] {
    const others = (this.#uses.get(placeOf(target)) ?? []).filter(({ id }) => !ids.has(id));
    return [...new Set(others.map(({ label }) => label))];
  }

  #visit(draft: Draft, useOf: (path: readonly PropertyKey[]) => Use): void {
    const visit = (tree: Tree, path: readonly PropertyKey[]): void => {
      const place = placeOf(tree);
      const uses = this.#uses.get(place);
      if (uses === undefined) this.#uses.set(place, [useOf(path)]);
      else uses.push(useOf(path));
      if (tree.type === 'list')
        tree.items.forEach((item, index) => {
          visit(item, [...path, index]);
        });
      if (tree.type === 'map') for (const [key, { value }] of tree.entries) visit(value, [...path, key]);
    };
    visit(draft.spec, []);
    if (draft.tags !== null) visit(draft.tags, ['tags']);
  }
}

/** Returns the place of a value, which is the same for all its uses. */
export function placeOf({ type, at: { origin, offset } }: Tree): string {
  return JSON.stringify([fileOf(origin.name), type, offset]);
}

/** Returns the one name of a file: paths may have dots that mean nothing. */
export function fileOf(name: string): string {
  return posix.normalize(name);
}

/** Returns the use of the value that a change is made in. */
export function useOfChange(draft: Draft, { op, target, path }: ValueChange): string {
  const isMember = op === 'remove' || (op === 'add' && target.type === 'map');
  return useId(draft, isMember ? path.slice(0, -1) : path);
}

function useId(draft: Draft, path: readonly PropertyKey[]): string {
  return JSON.stringify([entityKey({ kind: draft.kindName ?? '', name: draft.name ?? '' }), ...path]);
}

/** Returns the ID of a declared entity: `Role/prod-deploy`. */
export function idOf({ kindName, name }: Pick<Draft, 'kindName' | 'name'>): string {
  return entityId({ kind: kindName ?? '', name: name ?? '' });
}
