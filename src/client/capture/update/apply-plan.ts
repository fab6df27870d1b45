import type { Difference, Patch } from '../../../contract/capture-update.js';
import { entityId, entityKey } from '../../../contract/entity.js';
import { besideManifest } from '../../../engine/manifest/expand.js';
import { sortedJson } from '../../../engine/json.js';
import { traceManifest, type ManifestSource, type TracedManifest } from '../../../engine/manifest/resolve.js';
import type { Problem } from '../../../engine/manifest/problem.js';
import { findKind } from '../../../kinds/index.js';
import { editSource, type SourceEdit } from './edit-source.js';
import { arnsOf, differingParts, type Subject } from './entity-changes.js';
import type { Part, PlannedEdit, PlannedPatch, SourceFiles, UpdatePlan } from './plan-update.js';
import type { ChangedFile, UpdateInput } from './update-input.js';
import { fileOf, type View } from './uses.js';
import { otherViews } from './views.js';

/** Everything that a plan is applied to, and checked against. */
interface Context {
  readonly input: UpdateInput;
  readonly files: SourceFiles;
  readonly view: View;
  /** The environments and fleets that must stay as they are. */
  readonly others: readonly View[];
  readonly subjects: readonly Subject[];
}

/** A plan that was applied. */
interface Applied {
  readonly files: readonly ChangedFile[];
  readonly changes: readonly Difference[];
  readonly patches: readonly Patch[];
}

type Texts = ReadonlyMap<string, string>;

/**
 * Makes the planned changes. Those that would make the manifest invalid become patches.
 *
 * @throws Error if the new texts do not mean what they should
 */
export function applyPlan(plan: UpdatePlan, context: Context): Applied {
  const { input } = context;
  const patches = [...plan.patches];
  let edits = withoutFailed(plan.edits, context, patches);
  let texts = textsOf(edits, context);
  let traced = trace(input, texts);
  if (!traced.ok) {
    edits = withoutInvalid(edits, context, patches);
    texts = textsOf(edits, context);
    traced = trace(input, texts);
  }
  if (!traced.ok) throw mistake(context.view.label, problemText(traced.problems));
  const remaining = remainingParts(traced, context);
  verify(traced, remaining, { edits, patches }, context);
  verifyOthers(texts, context);
  return {
    files: [...texts].map(([file, text]) => ({ file, before: context.files.get(file)?.text ?? '', text })),
    changes: edits.map(({ difference }) => difference),
    patches: patches
      .filter(({ parts }) => parts.some((part) => isGone(part) || remaining.some((one) => covers(part, one))))
      .map(({ patch }) => patch),
  };
}

function isGone({ part }: Part): boolean {
  return part === 'state';
}

/** Leaves out the changes that the text cannot take. */
function withoutFailed(
  edits: readonly PlannedEdit[],
  context: Context,
  patches: PlannedPatch[],
): readonly PlannedEdit[] {
  const { files } = context;
  const failed = new Map<SourceEdit, string>();
  for (const [name, group] of byFile(edits)) {
    const file = files.get(name);
    if (file !== undefined) editSource(file, group).failed.forEach((reason, edit) => failed.set(edit, reason));
  }
  const possible = edits.filter(({ edits: own, difference, parts }) => {
    const reason = own.map((edit) => failed.get(edit)).find((one) => one !== undefined);
    if (reason !== undefined) patches.push({ patch: { ...difference, reason }, parts });
    return reason === undefined;
  });
  // Fewer changes of one list or map may be impossible where more of them were not.
  return failed.size === 0 ? possible : withoutFailed(possible, context, patches);
}

/** Leaves out the changes that would make the manifest invalid. They are tried one after the other. */
function withoutInvalid(edits: readonly PlannedEdit[], context: Context, patches: PlannedPatch[]): PlannedEdit[] {
  const kept: PlannedEdit[] = [];
  for (const edit of edits) {
    const traced = trace(context.input, textsOf([...kept, edit], context));
    if (traced.ok) kept.push(edit);
    else {
      const reason = `the manifest would be invalid: ${problemText(traced.problems)}`;
      patches.push({ patch: { ...edit.difference, reason }, parts: edit.parts });
    }
  }
  return kept;
}

function problemText([problem]: readonly Problem[]): string {
  return problem?.message ?? '';
}

function byFile(edits: readonly PlannedEdit[]): ReadonlyMap<string, SourceEdit[]> {
  const groups = new Map<string, SourceEdit[]>();
  for (const { file, edits: own } of edits) groups.set(file, [...(groups.get(file) ?? []), ...own]);
  return groups;
}

/** Returns the texts of the files that change. */
function textsOf(edits: readonly PlannedEdit[], { files }: Context): Texts {
  const texts = new Map<string, string>();
  for (const [name, group] of byFile(edits)) {
    const file = files.get(name);
    if (file === undefined) continue;
    const { text } = editSource(file, group);
    if (text !== file.text) texts.set(name, text);
  }
  return texts;
}

function trace(input: UpdateInput, texts: Texts): ReturnType<typeof traceManifest> {
  return traceManifest(...withTexts(input, texts));
}

/** Returns manifests with other texts. */
function withTexts({ sources, options }: UpdateInput, texts: Texts): Parameters<typeof traceManifest> {
  return [
    sources.map((source): ManifestSource => {
      const text = texts.get(fileOf(source.file));
      return 'text' in source && text !== undefined ? { ...source, text } : source;
    }),
    {
      ...options,
      readFile: (path, from) => texts.get(fileOf(besideManifest(from, path))) ?? options.readFile(path, from),
    },
  ];
}

/** Returns the parts in which the new manifest still differs from the account. */
function remainingParts(traced: TracedManifest, { subjects, view }: Context): readonly Part[] {
  const { request, drafts } = traced;
  const { target } = view.traced.request;
  const captured = new Map(subjects.map((subject) => [entityKey(subject.entity), subject]));
  const now = request.entities.flatMap((entity, index) => {
    const subject = captured.get(entityKey(entity));
    const draft = drafts[index];
    return subject === undefined || draft === undefined ? [] : [{ ...subject, entity, draft }];
  });
  const all = view.traced.request.entities.flatMap((entity) => {
    const kind = findKind(entity.kind);
    return kind === undefined ? [] : [{ kind, entity, captured: captured.get(entityKey(entity))?.captured }];
  });
  const arns = arnsOf(all, target);
  return now.flatMap((subject) =>
    [...differingParts(subject, arns, target.partition)].map((part) => ({ entity: entityId(subject.entity), part })),
  );
}

/** @throws Error if a difference remains that no patch tells, or if an entity has changed that should not */
function verify(
  traced: TracedManifest,
  remaining: readonly Part[],
  { edits, patches }: UpdatePlan,
  { view }: Context,
): void {
  const told = patches.flatMap(({ parts }) => parts);
  const untold = remaining.find((part) => !told.some((one) => covers(one, part)));
  if (untold !== undefined) throw mistake(untold.entity, `${untold.part} would still differ from the account`);
  const changed = new Set(edits.flatMap(({ parts }) => parts.map(({ entity }) => entity)));
  const different = differentEntity(view.traced, traced, changed);
  if (different !== undefined) throw mistake(different, 'it would change, too');
}

/** @throws Error if another environment has changed */
function verifyOthers(texts: Texts, { input, others, view }: Context): void {
  if (others.length === 0) return;
  const now = new Map(
    otherViews(...withTexts(input, texts), view.traced.request.environment).map((other) => [other.label, other]),
  );
  for (const { label, traced } of others) {
    const other = now.get(label);
    if (other === undefined) throw mistake(label, 'its manifest would be invalid');
    const different = differentEntity(traced, other.traced, new Set());
    if (different !== undefined) throw mistake(different, `it would change in ${label}, too`);
  }
}

/** Returns an entity that is not the same in two manifests, except for some. */
function differentEntity(a: TracedManifest, b: TracedManifest, except: ReadonlySet<string>): string | undefined {
  const written = ({ request }: TracedManifest): Map<string, string> =>
    new Map(request.entities.map((entity) => [entityId(entity), sortedJson({ ...entity, source: null })]));
  const [before, after] = [written(a), written(b)];
  return [...new Set([...before.keys(), ...after.keys()])].find(
    (id) => !except.has(id) && before.get(id) !== after.get(id),
  );
}

/** Reports whether a part is the same as another one, or has it in it. */
function covers(whole: Part, part: Part): boolean {
  return whole.entity === part.entity && (whole.part === part.part || part.part.startsWith(`${whole.part}.`));
}

function mistake(what: string, why: string): Error {
  return new Error(`internal error, nothing was written: the update of ${what} is wrong: ${why}`);
}
