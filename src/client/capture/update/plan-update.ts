import type { Difference, Patch } from '../../../contract/capture-update.js';
import { entityId, type Json } from '../../../contract/entity.js';
import { isList, isObject } from '../../../contract/json.js';
import { pathIn } from '../../../engine/manifest/drafts.js';
import { pathText } from '../../../engine/manifest/problem.js';
import { positionOf, type Tree } from '../../../engine/manifest/tree.js';
import type { SourceEdit } from './edit-source.js';
import { partOf, type Subject } from './entity-changes.js';
import type { SourceFiles } from './source-files.js';
import type { SourceMember, SourceNode } from './source-nodes.js';
import { hasTemplates, hasVariables, type Speller } from './spell.js';
import { useOfChange, type Uses } from './uses.js';
import type { ValueChange } from './value-changes.js';

/** A change of a file, and the difference that it takes over. */
export interface PlannedEdit {
  /** The one name of the file. */
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

/** The means by which changes are planned. */
export interface PlanContext {
  readonly uses: Uses;
  readonly files: SourceFiles;
  readonly speller: Speller;
  /** Reports why a text must not be written that a value of the account holds. */
  readonly reasonAgainst: (text: string, isUsedElsewhere: boolean) => string | undefined;
}

/** Sorts changes: a written value is changed where that is right for all its uses. */
export function planUpdate(found: readonly SubjectChange[], context: PlanContext): UpdatePlan {
  const edits: PlannedEdit[] = [];
  const patches: PlannedPatch[] = [];
  for (const group of sameChanges(found, context.files)) {
    const [{ change, subject }] = group;
    const parts = group.flatMap((one) => partsOf(one));
    const difference = differenceOf(group, parts);
    const made = handReason(group, context) ?? editOf(change, subject, context);
    if (typeof made === 'string') patches.push({ patch: { ...difference, reason: made }, parts });
    else edits.push({ file: made.file, edits: [made.edit], difference, parts });
  }
  return { edits, patches };
}

/** Returns the parts that a change is of: a part that gets another name is two. */
export function partsOf({ subject, change: { op, path, key = '' } }: SubjectChange): readonly Part[] {
  const paths = op === 'rename' ? [path, [...path.slice(0, -1), key]] : [path];
  return paths.map((one) => ({ entity: entityId(subject.entity), part: partOf(one, subject.kind) }));
}

type Group = readonly [SubjectChange, ...SubjectChange[]];

/** Brings changes together that are one in the text. */
function sameChanges(found: readonly SubjectChange[], files: SourceFiles): readonly Group[] {
  const groups = new Map<string, [SubjectChange, ...SubjectChange[]]>();
  for (const one of found) {
    const { op, target, index, entry, key, to } = one.change;
    const member = [index ?? null, entry?.at.offset ?? null, key ?? null];
    // What a program made has no source positions that tell two values apart.
    const owner = target.at.offset < 0 ? [entityId(one.subject.entity), ...one.change.path] : [];
    const id = JSON.stringify([files.sourcePositionKey(target), op, member, to ?? null, owner.map(String)]);
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

const ACTIONS = { replace: 'change', rename: 'change', add: 'add', remove: 'remove' } as const;

function memberOf({ target, index }: ValueChange): Tree | undefined {
  return target.type === 'list' && index !== undefined ? target.items[index] : undefined;
}

/** Returns why a change is left to a person. Undefined where the text can be changed. */
function handReason(group: Group, { uses, files }: PlanContext): string | undefined {
  const [{ change }] = group;
  if (change.byHand !== undefined) return change.byHand;
  const maker = files.makerOf(change.target);
  if (maker !== undefined) return `${maker} makes it`;
  if (files.isOutside(change.target)) return 'it is written where it means something else, too';
  const ids = new Set(group.map((one) => useOfChange(one.subject.draft, one.change)));
  return (
    uses.reasonToKeep(change.target, ids) ?? (losesTemplates(change, files) ? 'a template stands there' : undefined)
  );
}

/** Reports whether templates would go that the new value does not get. */
function losesTemplates(change: ValueChange, files: SourceFiles): boolean {
  const { op, target, entry, isKept = false } = change;
  if (isKept) return false;
  const gone = memberOf(change) ?? entry?.value;
  if (op === 'replace') return [...files.textsIn(target)].some(hasTemplates);
  const key = writtenKey(change, files) ?? '';
  if (op === 'rename') return hasTemplates(key);
  if (op === 'add' || gone === undefined) return false;
  return [key, ...files.textsIn(gone)].some(hasVariables);
}

/** Returns the new value. Of a list that keeps what was the only value, that one stays as it is written. */
function spelledBeside(node: SourceNode, { to, isKept = false }: ValueChange, spell: (value?: Json) => Json): Json {
  return isKept && isList(to) ? [node.text, ...to.slice(1).map(spell)] : spell(to);
}

function writtenKey(change: ValueChange, files: SourceFiles): string | undefined {
  const node = files.node(change.target);
  return node === undefined ? undefined : memberIn(node, change)?.key?.text;
}

/** Returns the change of the text; the reason, where there is none. */
function editOf(
  change: ValueChange,
  { entity, kind }: Subject,
  { files, speller, uses, reasonAgainst }: PlanContext,
): { readonly file: string; readonly edit: SourceEdit } | string {
  const file = files.of(change.target);
  const node = files.node(change.target);
  if (file === undefined || node === undefined) return 'its place is not known';
  const isTrimmed = kind.properties[String(change.path[0])]?.type === 'text';
  const spell = (value: Json = null): Json =>
    file.format === 'text'
      ? plainText(value, isTrimmed ? file.text : '')
      : speller.spell(value, entityId(entity), file.text);
  const isUsedElsewhere = uses.isUsedElsewhere(change.target);
  const made = (edit: SourceEdit): { file: string; edit: SourceEdit } | string => {
    // As the account has it, too: the manifest's spelling may break a text up.
    const told = change.isKept === true && isList(change.to) ? change.to.slice(1) : change.to;
    const texts = edit.op === 'remove' ? [] : [told, edit.value, change.key].flatMap((value) => textsOf(value));
    const against = texts.map((text) => reasonAgainst(text, isUsedElsewhere)).find((reason) => reason !== undefined);
    return against ?? { file: files.identify(file.name), edit };
  };
  const member = memberIn(node, change);
  switch (change.op) {
    case 'replace':
      return made({ op: 'replace', node, value: spelledBeside(node, change, spell) });
    case 'add': {
      const key = change.key === undefined ? undefined : speller.key(change.key);
      return made({ op: 'add', container: node, key, value: spell(change.to) });
    }
    case 'rename':
      return member === undefined
        ? ELSEWHERE
        : made({ op: 'rename', container: node, member, value: speller.key(change.key ?? '') });
    case 'remove':
      return member === undefined ? ELSEWHERE : made({ op: 'remove', container: node, member });
  }
}

/** Returns the text of a file with the line breaks that it had, where they have no meaning. */
function plainText(value: Json, before: string): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const eol = before.includes('\r\n') ? '\r\n' : '\n';
  const lines = eol === '\n' ? text : text.replace(/\r?\n/g, eol);
  return before.endsWith('\n') && !lines.endsWith('\n') ? lines + eol : lines;
}

const ELSEWHERE = 'it comes from elsewhere, by defaults or a merge key';

/** Returns the texts of a value, its keys included. */
function textsOf(value: Json = null): readonly string[] {
  if (isList(value)) return value.flatMap((item) => textsOf(item));
  if (isObject(value)) return Object.entries(value).flatMap(([key, member]) => [key, ...textsOf(member)]);
  return value === null || typeof value === 'boolean' ? [] : [String(value)];
}

function memberIn({ members }: SourceNode, { index, entry }: ValueChange): SourceMember | undefined {
  if (index !== undefined) return members[index];
  return entry === undefined ? undefined : members.find(({ key }) => key?.start === entry.at.offset);
}
