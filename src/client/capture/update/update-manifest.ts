import type { CapturedEntity, CapturedItem, EntityKey, LeftOutEntity, UnreadPart } from '../../../contract/capture.js';
import type { CaptureWarning } from '../../../contract/capture-report.js';
import type { CaptureUpdateReport, Difference, UntouchedEntity } from '../../../contract/capture-update.js';
import { entityId, entityKey, type DesiredEntity } from '../../../contract/entity.js';
import { pathIn, type Draft } from '../../../engine/manifest/drafts.js';
import { pathText } from '../../../engine/manifest/problem.js';
import type { Problem } from '../../../engine/manifest/resolve.js';
import { traceManifest, type TracedManifest } from '../../../engine/manifest/resolve.js';
import { positionOf } from '../../../engine/manifest/tree.js';
import { findKind } from '../../../kinds/index.js';
import { administratorAccess } from '../find-warnings.js';
import { applyPlan } from './apply-plan.js';
import { arnsOf, changesOf, differingParts, type Arns, type Subject } from './entity-changes.js';
import { declareAbsent, type Gone } from './gone-entities.js';
import { literalGuard, variableMask } from './literal-guard.js';
import { partsOf, planUpdate, type PlannedEdit, type PlannedPatch, type SubjectChange } from './plan-update.js';
import { SourceFiles } from './source-files.js';
import { namedOf, Speller } from './spell.js';
import type { ChangedFile, UpdateInput } from './update-input.js';
import { Uses } from './uses.js';
import { otherViews } from './views.js';

/** The differences between a manifest and an account, with the files that take them over. */
export interface ManifestUpdate extends Pick<
  CaptureUpdateReport,
  'changes' | 'warnings' | 'patches' | 'gone' | 'untouched' | 'notDeclared' | 'unread'
> {
  readonly ok: true;
  /** The account and the environment that the manifests were compared with. */
  readonly of: Pick<TracedManifest['request'], 'target' | 'namespace' | 'environment'>;
  readonly files: readonly ChangedFile[];
}

/** Manifests that are invalid already. */
export interface RefusedUpdate {
  readonly ok: false;
  readonly problems: readonly Problem[];
}

/**
 * Brings the differences between an account and its manifest back as code. Values that differ change in place, and content
 * that the manifest does not manage is added. All else stays byte for byte. A change that would have an effect elsewhere,
 * or that stands behind a template, is a patch to make by hand.
 */
export function updateManifest(input: UpdateInput): ManifestUpdate | RefusedUpdate {
  const { sources, options } = input;
  const traced = traceManifest(sources, options);
  if (!traced.ok) return { ok: false, problems: traced.problems };
  const { subjects, gone, untouched, notDeclared } = match(traced, input);
  const { target, environment } = traced.request;
  const view = { label: `environment ${environment}`, traced };
  const others = otherViews(sources, options, traced.request);
  const files = new SourceFiles(sources, input.identify);
  const uses = new Uses(view, others, files, input.everywhere === true);
  const declared = declaredIn(traced);
  const captured = new Map(subjects.map((subject) => [entityKey(subject.entity), subject.captured]));
  const arns = arnsOf(
    declared.map((one) => ({ ...one, captured: captured.get(entityKey(one.entity)) })),
    target,
  );
  const names = declared
    .filter(({ entity }) => entity.state === 'present')
    .map((one) => [arns.get(entityKey(one.entity)) ?? '', namedOf(one, files.node)] as const);
  const texts = sources.flatMap((source) => ('text' in source ? [source.text] : []));
  const speller = new Speller(new Map(names), texts, target);
  const found = subjects.flatMap((subject) =>
    changesOf(subject, arns, target.partition).map((change) => ({ subject, change })),
  );
  const reasonAgainst = literalGuard(traced.request, options.variables);
  const plan = planUpdate(found, { uses, files, speller, reasonAgainst });
  const wasApplied = ({ entity }: Pick<Gone, 'entity'>): boolean =>
    input.applied === undefined || input.applied.has(entityKey(entity));
  const absent = input.removed === true ? gone.filter(wasApplied).map((one) => declareAbsent(one, uses, files)) : [];
  const removals = absent.flatMap((one): PlannedEdit[] => ('edit' in one ? [one.edit] : []));
  const result = applyPlan(
    {
      edits: [...plan.edits, ...removals],
      patches: [
        ...plan.patches,
        ...absent.flatMap((one): PlannedPatch[] => ('patch' in one ? [one.patch] : [])),
        ...unexplained(subjects, found, arns, target.partition),
      ],
    },
    { input, files, view, others, subjects },
  );
  const taken = new Set(result.changes.filter(({ to }) => to === 'absent').flatMap(({ entities }) => entities));
  return {
    ok: true,
    of: { target, namespace: traced.request.namespace, environment },
    ...result,
    warnings: administratorsAmong(subjects, [...result.changes, ...result.patches]),
    patches: result.patches.map(variableMask(options.variables)),
    gone: gone.map((one) => ({
      ...keyOf(one.entity),
      isDeclaredAbsent: taken.has(entityId(one.entity)),
      wasApplied: input.removed === true ? wasApplied(one) : null,
    })),
    untouched,
    notDeclared,
    unread: input.unread,
  };
}

/** Warns of administrator access of the entities that differ, whether it is what differs or not. */
function administratorsAmong(
  subjects: readonly Subject[],
  differences: readonly Difference[],
): readonly CaptureWarning[] {
  const differing = new Set(differences.flatMap(({ entities }) => entities));
  return subjects
    .filter(({ entity }) => differing.has(entityId(entity)))
    .flatMap(({ captured }) => administratorAccess(captured));
}

/** Returns the differences that no change was found for. */
function unexplained(
  subjects: readonly Subject[],
  found: readonly SubjectChange[],
  arns: Arns,
  partition: string,
): readonly PlannedPatch[] {
  const explained = new Set(found.flatMap((one) => partsOf(one).map(({ entity, part }) => `${entity} ${part}`)));
  return subjects.flatMap((subject) => {
    const { entity, draft } = subject;
    const id = entityId(entity);
    const parts = [...differingParts(subject, arns, partition)].filter(
      (part) => !explained.has(`${id} ${part}`) && !explained.has(`${id} ${part.split('.')[0] ?? ''}`),
    );
    return parts.map((part): PlannedPatch => ({
      patch: {
        ...positionOf(draft.at),
        entities: [id],
        path: pathText(pathIn(draft, [...draft.path, part])),
        action: 'change',
        reason: 'its values could not be told apart',
      },
      parts: [{ entity: id, part }],
    }));
  });
}

function keyOf({ kind, name }: EntityKey): EntityKey {
  return { kind, name };
}

/** Returns the declared entities with their kinds and drafts. */
function declaredIn({ request, drafts }: TracedManifest): Gone[] {
  return request.entities.flatMap((entity, index) => {
    const kind = findKind(entity.kind);
    const draft: Draft | undefined = drafts[index];
    return kind === undefined || draft === undefined ? [] : [{ kind, entity, draft }];
  });
}

interface Matched {
  readonly subjects: readonly Subject[];
  readonly gone: readonly Gone[];
  readonly untouched: readonly UntouchedEntity[];
  readonly notDeclared: readonly EntityKey[];
}

/** Finds the declared entities among those of the account. */
function match(traced: TracedManifest, { items, unread }: UpdateInput): Matched {
  const found = new Map(items.map((item) => [entityKey(item), item]));
  const subjects: Subject[] = [];
  const gone: Gone[] = [];
  const untouched: UntouchedEntity[] = [];
  for (const one of declaredIn(traced)) {
    const { entity } = one;
    const item = found.get(entityKey(entity));
    found.delete(entityKey(entity));
    const reason = reasonToLeave(one, item, { found, unread });
    if (reason !== undefined) {
      // A kind that nobody can capture says nothing of what the account has.
      const isDifferent = reason !== one.kind.leftOut?.reason && !isReleased(entity, item);
      untouched.push({ ...keyOf(entity), reason, isDifferent });
      continue;
    }
    if (isCaptured(item)) subjects.push({ ...one, captured: item });
    else if (entity.state === 'present') gone.push(one);
  }
  const notDeclared = [...found.values()].filter(isCaptured).map(keyOf);
  return { subjects, gone, untouched, notDeclared };
}

/** Reports whether an entity that is declared released exists without being ours, as it should. */
function isReleased({ state }: DesiredEntity, item: CapturedItem | undefined): boolean {
  return state === 'released' && item !== undefined && !(isCaptured(item) && item.isOurs);
}

function isCaptured(item: CapturedItem | undefined): item is CapturedEntity {
  return item !== undefined && 'spec' in item;
}

/** Returns why an entity is not compared. */
function reasonToLeave(
  { entity, kind }: Gone,
  item: CapturedItem | undefined,
  { found, unread }: { readonly found: ReadonlyMap<string, CapturedItem>; readonly unread: readonly UnreadPart[] },
): string | undefined {
  if (item !== undefined && !isCaptured(item)) return item.leftOut;
  if (item !== undefined && entity.state !== 'present')
    return `it exists, and the manifest declares it ${entity.state}`;
  if (item !== undefined) return item.name === entity.name ? undefined : `the account has it as ${item.name}`;
  const refused = unread.find(
    (part) =>
      part.kind === kind.name &&
      (part.name === null || entityKey({ kind: kind.name, name: part.name }) === entityKey(entity)),
  );
  if (refused !== undefined) return `it was not read: ${refused.message}`;
  if (kind.leftOut !== undefined && kind.leftOut.unlessNamed !== true) return kind.leftOut.reason;
  const old = entity.renamedFrom === undefined ? undefined : { kind: kind.name, name: entity.renamedFrom };
  if (old !== undefined && found.has(entityKey(old))) return `it still has its old name, ${old.name}`;
  const unnamed = [...found.values()].find(
    (other): other is LeftOutEntity => !isCaptured(other) && mayBeSame(other, entity),
  );
  return unnamed === undefined ? undefined : `${entityId(unnamed)} may be it: ${unnamed.leftOut}`;
}

/** Reports whether two belong to one user. A capture gives an ID to what it cannot name by its content. */
function mayBeSame(other: EntityKey, { kind, name }: EntityKey): boolean {
  const [, user = ''] = entityKey({ kind, name }).split('/', 2);
  return entityKey(other).startsWith(`${kind}/${user}/`);
}
