import type { Difference, Patch } from '../../../contract/capture-update.js';
import { entityId, type Json } from '../../../contract/entity.js';
import { isParsed } from '../../../engine/manifest/expand.js';
import { pathIn } from '../../../engine/manifest/drafts.js';
import type { ManifestSource } from '../../../engine/manifest/resolve.js';
import { pathText } from '../../../engine/manifest/problem.js';
import { positionOf, type Tree } from '../../../engine/manifest/tree.js';
import type { SourceEdit } from './edit-source.js';
import { partOf, type Subject } from './entity-changes.js';
import { readSourceFile } from './read-source.js';
import type { SourceFile, SourceMember, SourceNode } from './source-nodes.js';
import { hasTemplates, type Speller } from './spell.js';
import { fileOf, placeOf, useOfChange, type Uses } from './uses.js';
import type { ValueChange } from './value-changes.js';

/** A change of a file, and the difference that it takes over. */
export interface PlannedEdit {
  readonly file: string;
  readonly edits: readonly SourceEdit[];
  readonly difference: Difference;
  /** The parts that differ, as `Kind/name` and part. */
  readonly parts: readonly Part[];
}

/** A part of an entity. */
export interface Part {
  readonly entity: string;
  readonly part: string;
}

/** Differences with the parts of the entities that they are in. */
export interface PlannedPatch {
  readonly patch: Patch;
  readonly parts: readonly Part[];
}

/** The files that a manifest is written in, as far as they can be changed. */
export class SourceFiles {
  readonly #files = new Map<string, SourceFile>();
  readonly #manifests: ReadonlyMap<string, ManifestSource>;

  constructor(sources: readonly ManifestSource[]) {
    this.#manifests = new Map(sources.map((source) => [fileOf(source.file), source]));
  }

  /** Returns the file of a value; undefined where the value is made from something else. */
  of(tree: Tree): SourceFile | undefined {
    const { origin } = tree.at;
    const name = fileOf(origin.name);
    if (origin.text === undefined || this.makerOf(tree) !== undefined) return undefined;
    const known = this.#files.get(name);
    if (known !== undefined) return known;
    const file = readSourceFile(name, origin.text, !this.#manifests.has(name) && !isParsed(name));
    this.#files.set(name, file);
    return file;
  }

  /** Returns what makes a value that no file of a manifest has. */
  makerOf({ at: { origin } }: Tree): string | undefined {
    const source = this.#manifests.get(fileOf(origin.name));
    if (source !== undefined && 'tree' in source) return 'a CloudFormation template';
    return origin.lines === null ? 'a program' : undefined;
  }

  readonly node = (tree: Tree): SourceNode | undefined => this.of(tree)?.find(tree.type, tree.at.offset);

  get(name: string): SourceFile | undefined {
    return this.#files.get(name);
  }
}

/** A change with the entity that it is for. */
export interface SubjectChange {
  readonly subject: Subject;
  readonly change: ValueChange;
}

/** The changes that files take over, and those that are left to a person. */
export interface UpdatePlan {
  readonly edits: readonly PlannedEdit[];
  readonly patches: readonly PlannedPatch[];
}

/** Sorts changes: a written value is changed where that is right for all its uses. */
export function planUpdate(
  found: readonly SubjectChange[],
  { uses, files, speller }: { readonly uses: Uses; readonly files: SourceFiles; readonly speller: Speller },
): UpdatePlan {
  const edits: PlannedEdit[] = [];
  const patches: PlannedPatch[] = [];
  for (const group of sameChanges(found)) {
    const [{ change, subject }] = group;
    const parts = group.map((one) => ({
      entity: entityId(one.subject.entity),
      part: partOf(one.change.path, subject.kind),
    }));
    const difference = differenceOf(group, parts);
    const made = handReason(group, uses, files) ?? editOf(change, subject, files, speller);
    if (typeof made === 'string') patches.push({ patch: { ...difference, reason: made }, parts });
    else edits.push({ file: made.file, edits: [made.edit], difference, parts });
  }
  return { edits, patches };
}

type Group = readonly [SubjectChange, ...SubjectChange[]];

/** Brings changes together that are one in the text. */
function sameChanges(found: readonly SubjectChange[]): readonly Group[] {
  const groups = new Map<string, [SubjectChange, ...SubjectChange[]]>();
  for (const one of found) {
    const { op, target, index, entry, key, to } = one.change;
    const member = [index ?? null, entry?.at.offset ?? null, key ?? null];
    // What a program made has no places that tell two values apart.
    const owner = target.at.offset < 0 ? [entityId(one.subject.entity), ...one.change.path] : [];
    const id = JSON.stringify([placeOf(target), op, member, to ?? null, owner.map(String)]);
    const group = groups.get(id);
    if (group === undefined) groups.set(id, [one]);
    else group.push(one);
  }
  return [...groups.values()];
}

function differenceOf([{ change, subject }]: Group, parts: readonly Part[]): Difference {
  const { draft } = subject;
  const at =
    change.op === 'replace' ? change.target.at : (memberOf(change)?.at ?? change.entry?.at ?? change.target.at);
  const path = pathIn(draft, [...draft.path, ...change.path]);
  return {
    ...positionOf(at),
    entities: [...new Set(parts.map(({ entity }) => entity))],
    path: pathText(path),
    action: ACTIONS[change.op],
    ...(change.from !== undefined && { from: change.from }),
    ...(change.to !== undefined && { to: change.to }),
  };
}

const ACTIONS = { replace: 'change', add: 'add', remove: 'remove' } as const;

function memberOf({ target, index }: ValueChange): Tree | undefined {
  return target.type === 'list' && index !== undefined ? target.items[index] : undefined;
}

/** Returns why a change is left to a person. Undefined where the text can be changed. */
function handReason(group: Group, uses: Uses, files: SourceFiles): string | undefined {
  const [{ change }] = group;
  if (change.byHand !== undefined) return change.byHand;
  const maker = files.makerOf(change.target);
  if (maker !== undefined) return `${maker} makes it`;
  const others = uses.othersOf(change.target, new Set(group.map((one) => useOfChange(one.subject.draft, one.change))));
  if (others.length > 0) return `${listed(others)} ${others.length === 1 ? 'uses' : 'use'} it, too`;
  const node = files.node(change.target);
  const file = files.of(change.target);
  if (file === undefined || node === undefined || change.op !== 'replace' || file.format === 'text') return undefined;
  return hasTemplates(file.text.slice(node.start, node.end)) ? 'a template stands there' : undefined;
}

function listed(names: readonly string[]): string {
  const shown = names.length > 4 ? [...names.slice(0, 3), `${String(names.length - 3)} more`] : names;
  return shown.length === 1 ? (shown[0] ?? '') : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1) ?? ''}`;
}

/** Returns the change of the text; the reason, where there is none. */
function editOf(
  change: ValueChange,
  { entity }: Subject,
  files: SourceFiles,
  speller: Speller,
): { readonly file: string; readonly edit: SourceEdit } | string {
  const file = files.of(change.target);
  const node = files.node(change.target);
  if (file === undefined || node === undefined) return 'its place is not known';
  const spell = (value: Json = null): Json =>
    file.format === 'text' ? value : speller.spell(value, entityId(entity), file.text);
  const made = (edit: SourceEdit): { file: string; edit: SourceEdit } => ({ file: file.name, edit });
  switch (change.op) {
    case 'replace':
      return made({ op: 'replace', node, value: spell(change.to) });
    case 'add': {
      const key = change.key === undefined ? undefined : speller.key(change.key);
      return made({ op: 'add', container: node, key, value: spell(change.to) });
    }
    case 'remove': {
      const member = memberIn(node, change);
      if (member === undefined) return 'it comes from elsewhere, by defaults or a merge key';
      return made({ op: 'remove', container: node, member });
    }
  }
}

function memberIn({ members }: SourceNode, { index, entry }: ValueChange): SourceMember | undefined {
  if (index !== undefined) return members[index];
  return members.find(({ key }) => key?.start === entry?.at.offset);
}
