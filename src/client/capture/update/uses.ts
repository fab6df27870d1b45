import { entityId, entityKey } from '../../../contract/entity.js';
import type { Draft } from '../../../engine/manifest/drafts.js';
import type { Problem, TracedManifest } from '../../../engine/manifest/resolve.js';
import type { Tree } from '../../../engine/manifest/tree.js';
import type { SourceFiles } from './source-files.js';
import type { ValueChange } from './value-changes.js';

/** The manifests as one environment, or one fleet, sees them. */
export interface View {
  /** `environment dev`, `fleet workloads`. */
  readonly label: string;
  readonly traced: TracedManifest;
}

/** An environment, or a fleet, for which the manifests do not resolve: nobody can tell what it uses. */
export interface UnknownView {
  readonly label: string;
  /** The problems of the manifests: at least one. */
  readonly problems: readonly Problem[];
}

/** All environments and fleets but the one that is updated. */
export interface OtherViews {
  readonly known: readonly View[];
  readonly unknown: readonly UnknownView[];
}

/** A place where a written value takes effect. */
interface Use {
  readonly id: string;
  /** The entity, or the environment where it is another one. */
  readonly label: string;
  readonly isElsewhere: boolean;
}

/** Knows where each written value takes effect: aliases, merge keys, defaults and files give one value several uses. */
export class Uses {
  readonly #uses = new Map<string, Use[]>();

  /**
   * @param view - what changes
   * @param others - the environments and fleets that stay as they are
   * @param files - tells where values stand
   * @param everywhere - a change is meant for the others, too
   */
  constructor(
    view: View,
    private readonly others: OtherViews,
    private readonly files: SourceFiles,
    private readonly everywhere: boolean,
  ) {
    for (const draft of view.traced.drafts)
      this.#visit(draft, (path) => ({ id: useId(draft, path), label: idOf(draft), isElsewhere: false }));
    for (const { label, traced } of others.known) {
      for (const draft of traced.drafts) this.#visit(draft, () => ({ id: label, label, isElsewhere: true }));
    }
  }

  /** Returns why a value must not change that all of these changes are for: it has other uses, or may have some. */
  reasonToKeep(target: Tree, ids: ReadonlySet<string>): string | undefined {
    const uses = this.#uses.get(this.files.sourcePositionKey(target)) ?? [];
    const others = uses.filter(({ id, isElsewhere }) => !ids.has(id) && !(isElsewhere && this.everywhere));
    const labels = [...new Set(others.map(({ label }) => label))];
    if (labels.length > 0) return `${listed(labels)} ${labels.length === 1 ? 'uses' : 'use'} it, too`;
    const [unknown] = this.everywhere ? [] : this.others.unknown;
    if (unknown === undefined) return undefined;
    return `${unknown.label} could not be checked: ${unknown.problems[0]?.message ?? ''}`;
  }

  /** Reports whether other environments or fleets use a value, or may use it. */
  isUsedElsewhere(target: Tree): boolean {
    const uses = this.#uses.get(this.files.sourcePositionKey(target)) ?? [];
    return this.others.unknown.length > 0 || uses.some(({ isElsewhere }) => isElsewhere);
  }

  #visit(draft: Draft, useOf: (path: readonly PropertyKey[]) => Use): void {
    const visit = (tree: Tree, path: readonly PropertyKey[]): void => {
      const position = this.files.sourcePositionKey(tree);
      const uses = this.#uses.get(position);
      if (uses === undefined) this.#uses.set(position, [useOf(path)]);
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

function listed(names: readonly string[]): string {
  const shown = names.length > 4 ? [...names.slice(0, 3), `${String(names.length - 3)} more`] : names;
  return shown.length === 1 ? (shown[0] ?? '') : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1) ?? ''}`;
}

/** Returns the use of the value that a change is made in. */
export function useOfChange(draft: Draft, { op, target, path }: ValueChange): string {
  const isMember = op === 'remove' || op === 'rename' || (op === 'add' && target.type === 'map');
  return useId(draft, isMember ? path.slice(0, -1) : path);
}

function useId(draft: Draft, path: readonly PropertyKey[]): string {
  return JSON.stringify([entityKey({ kind: draft.kindName ?? '', name: draft.name ?? '' }), ...path]);
}

/** Returns the ID of a declared entity: `Role/prod-deploy`. */
function idOf({ kindName, name }: Pick<Draft, 'kindName' | 'name'>): string {
  return entityId({ kind: kindName ?? '', name: name ?? '' });
}
