import type { Json } from '../../../contract/entity.js';
import { isList, isObject } from '../../../contract/json.js';
import type { ContainerEdit } from './container-edit.js';
import { columnOf, conventionsOf, indentationAt } from './conventions.js';
import { blockScalar } from './block-scalar.js';
import { editBlock } from './edit-block.js';
import { editFlow } from './edit-flow.js';
import { editOnly } from './edit-only.js';
import type { SourceFile, SourceMember, SourceNode, Style } from './source-nodes.js';
import { applySplices, hasComment, keepAnchors, NotEditableError, type Splice } from './splices.js';
import { ValueWriter } from './write-value.js';

/** A change of one value of a file. */
export type SourceEdit =
  | { readonly op: 'replace'; readonly node: SourceNode; readonly value: Json }
  | { readonly op: 'remove'; readonly container: SourceNode; readonly member: SourceMember }
  | { readonly op: 'rename'; readonly container: SourceNode; readonly member: SourceMember; readonly value: string }
  | { readonly op: 'add'; readonly container: SourceNode; readonly key?: string | undefined; readonly value: Json };

/** A text with its changes, and the changes that it could not take. */
export interface EditedText<Edit extends SourceEdit> {
  readonly text: string;
  readonly failed: ReadonlyMap<Edit, string>;
}

/** Makes changes in a text. Everything else stays as it is written, byte for byte. */
export function editSource<Edit extends SourceEdit>(file: SourceFile, edits: readonly Edit[]): EditedText<Edit> {
  const writer = new ValueWriter(file.format, conventionsOf(file));
  const failed = new Map<Edit, string>();
  const splices: Splice[] = [];
  const attempt = (group: readonly Edit[], make: () => readonly Splice[]): void => {
    try {
      splices.push(...make());
    } catch (error) {
      if (!(error instanceof NotEditableError)) throw error;
      for (const edit of group) failed.set(edit, error.message);
    }
  };
  for (const edit of edits) {
    if (edit.op === 'replace') attempt([edit], () => replaceNode(file, writer, edit.node, edit.value));
    if (edit.op === 'rename') attempt([edit], () => renameKey(file, writer, edit));
  }
  for (const [container, group] of byContainer(edits)) {
    attempt(group, () => editContainer(file, writer, container, group));
  }
  const text = applySplices(file.text, splices);
  // A removed last line leaves the line break before it.
  const keepsEnd = file.format === 'text' || file.text.endsWith('\n');
  return { text: keepsEnd ? text : text.replace(/\r?\n$/, ''), failed };
}

function byContainer<Edit extends SourceEdit>(edits: readonly Edit[]): ReadonlyMap<SourceNode, Edit[]> {
  const groups = new Map<SourceNode, Edit[]>();
  for (const edit of edits) {
    if (edit.op === 'replace' || edit.op === 'rename') continue;
    groups.set(edit.container, [...(groups.get(edit.container) ?? []), edit]);
  }
  return groups;
}

/** @throws NotEditableError where members cannot go from a map, or come to it, without an effect elsewhere */
function keepMerges({ merged }: SourceFile, container: SourceNode, gone: readonly SourceMember[]): void {
  if (gone.some(({ isRare }) => isRare)) throw new NotEditableError('it is written in a rare form');
  if (container.merges && gone.length > 0) throw new NotEditableError('a merge key, <<, may bring it back');
  if (merged.has(container.start)) throw new NotEditableError('a merge key, <<, repeats the map that it is in');
}

function renameKey(
  file: SourceFile,
  writer: ValueWriter,
  { container, member, value }: SourceEdit & { readonly op: 'rename' },
): readonly Splice[] {
  keepMerges(file, container, [member]);
  const { start, end } = member.key ?? member;
  keepAnchors(file, start, end);
  return [{ start, end, text: writer.key(value), order: start }];
}

function editContainer(
  file: SourceFile,
  writer: ValueWriter,
  container: SourceNode,
  edits: readonly SourceEdit[],
): readonly Splice[] {
  const gone = edits.flatMap((edit) => (edit.op === 'remove' ? [edit.member] : []));
  keepMerges(file, container, gone);
  const edit: ContainerEdit = {
    container,
    removed: new Set(gone.map((member) => container.members.indexOf(member))),
    added: edits.flatMap((one) =>
      one.op === 'add' ? [{ key: one.key, value: one.value, style: styleBeside(container, writer) }] : [],
    ),
  };
  if (container.type === 'map' && edit.added.some(({ key }) => key === undefined)) return editOnly(file, writer, edit);
  return container.style === 'flow' ? editFlow(file, writer, edit) : editBlock(file, writer, edit);
}

/** Returns the style of the last text of a list, and that which all texts of a map have. */
function styleBeside({ type, members }: SourceNode, { conventions }: ValueWriter): Style {
  const styles = members
    .filter(({ value }) => value.type === 'scalar' && value.style !== 'literal' && /[a-z]/i.test(value.text))
    .map(({ value }) => value.style);
  const isUniform = type === 'list' || new Set(styles).size === 1;
  return (isUniform ? styles.at(-1) : undefined) ?? conventions.text;
}

function replaceNode(file: SourceFile, writer: ValueWriter, node: SourceNode, value: Json): readonly Splice[] {
  const { text } = file;
  const { start, end } = node;
  const splice = (from: number, to: number, written: string): readonly Splice[] => [
    { start: from, end: to, text: written, order: start },
  ];
  keepAnchors(file, start + 1, end);
  if (node.type !== 'scalar' && hasComment(file, node)) throw new NotEditableError('comments stand in it');
  if (file.format === 'text') return splice(0, text.length, writer.flow(value));
  if (file.format === 'json') return splice(start, end, writer.json(value, indentationAt(text, start)));
  if (node.type === 'alias') throw new NotEditableError('it is an alias');
  if (start === end) return splice(...emptyPlace(node), ` ${writer.flow(value)}`);
  if (node.style === 'literal') return splice(start, end, blockScalar(text, writer, node, value));
  if (node.style !== 'block') return splice(start, end, writer.flow(value, styleFor(node, writer)));
  return [{ ...replaceBlock(text, writer, node, value), order: start }];
}

function replaceBlock(text: string, writer: ValueWriter, node: SourceNode, value: Json): Omit<Splice, 'order'> {
  const { start, end, indicatorEnd } = node;
  const isSameType = node.type === (isList(value) ? 'list' : isObject(value) ? 'map' : 'scalar');
  const last = text[end - 1] === '\n' ? (text[end - 2] === '\r' ? end - 2 : end - 1) : end;
  if (isSameType && !isEmpty(value)) {
    return { start, end: last, text: writer.lines(value, columnOf(text, start)).trimStart() };
  }
  if (indicatorEnd === undefined) return { start, end: last, text: writer.flow(value) };
  if (text.slice(indicatorEnd, start).trim() !== '') throw new NotEditableError('comments stand before it');
  return { start: indicatorEnd, end: last, text: ` ${writer.flow(value)}` };
}

function emptyPlace({ start, indicatorEnd = start }: SourceNode): [from: number, to: number] {
  return [indicatorEnd, indicatorEnd];
}

function isEmpty(value: Json): boolean {
  return isList(value) ? value.length === 0 : isObject(value) && Object.keys(value).length === 0;
}

function styleFor({ type, style }: SourceNode, { conventions }: ValueWriter): Style {
  return type === 'scalar' && style !== 'flow' ? style : conventions.text;
}
