import { z } from 'zod';
import { entityId, entityKey, normalizeName, type DesiredEntity } from '../../contract/entity.js';
import type { Draft, EntitiesOptions } from './drafts.js';
import { shapeOf, type ManifestKind } from './manifest-kind.js';
import { positionText, quoted } from './problem.js';
import { positionOf, problemAt } from './tree.js';

/** A problem of an old name, and its remedy. */
type Wrong = readonly [message: string, remedy: string];

const REMOVE = 'remove renamedFrom';

/** Reports old names that an entity cannot have had, and those that other entities have or had. */
export function reportRenames(
  drafts: readonly Draft[],
  declared: ReadonlyMap<string, Draft>,
  { report }: EntitiesOptions,
): void {
  const renamed = new Map<string, Draft>();
  for (const draft of drafts) {
    const { kind, common, path, at, renamedFromAt = at } = draft;
    const { renamedFrom } = common;
    if (kind === null || renamedFrom === undefined) continue;
    const old = { kind: kind.name, name: renamedFrom };
    const key = entityKey(old);
    const wrong =
      wrongByItself(kind, draft, renamedFrom) ?? wrongBeside(entityId(old), declared.get(key), renamed.get(key));
    if (wrong === undefined) renamed.set(key, draft);
    else report(problemAt(renamedFromAt, [...path, 'renamedFrom'], ...wrong));
  }
}

function wrongByItself(kind: ManifestKind, { state, name }: Draft, renamedFrom: string): Wrong | undefined {
  if (kind.renaming === undefined) return [`an entity of kind ${kind.name} cannot be renamed`, REMOVE];
  if (state !== 'present') return [`an entity that is ${state} is not renamed`, REMOVE];
  const field = shapeOf(kind)[kind.keyProperties[0] ?? ''];
  const issue = field === undefined ? undefined : z.safeParse(field, renamedFrom).error?.issues[0];
  if (issue !== undefined) return [`${quoted(renamedFrom)} is no name of one of kind ${kind.name}`, issue.message];
  if (name === null || normalizeName(name) !== normalizeName(renamedFrom)) return undefined;
  if (name === renamedFrom) return [`${quoted(name)} is its name already`, REMOVE];
  return [
    `${quoted(renamedFrom)} and ${quoted(name)} differ in case only, which IAM takes for one name`,
    'keep the name as it exists, or rename it to another one first, in an apply of its own',
  ];
}

function wrongBeside(id: string, declared: Draft | undefined, renamed: Draft | undefined): Wrong | undefined {
  if (declared !== undefined) {
    const place = positionText(positionOf(declared.at));
    return [`${id} is declared at ${place}, so that nothing can be renamed from it`, `${REMOVE}, or that declaration`];
  }
  if (renamed === undefined) return undefined;
  const place = positionText(positionOf(renamed.renamedFromAt ?? renamed.at));
  return [`another entity is renamed from ${id}, at ${place}`, `${REMOVE} from one of them`];
}

/** Returns the entities with the old names of those that they refer to and that are made anew. */
export function withFormerReferences(
  entities: readonly DesiredEntity[],
  kinds: readonly ManifestKind[],
): readonly DesiredEntity[] {
  const anew = new Set(kinds.filter(({ renaming }) => renaming === 'anew').map(({ name }) => name));
  const former = new Map(
    entities.flatMap(({ kind, name, renamedFrom }) =>
      renamedFrom === undefined || !anew.has(kind)
        ? []
        : [[entityId({ kind, name }), entityId({ kind, name: renamedFrom })] as const],
    ),
  );
  if (former.size === 0) return entities;
  return entities.map((entity) => {
    const formerReferences = entity.dependsOn.flatMap((id) => former.get(id) ?? []);
    return formerReferences.length === 0 ? entity : { ...entity, formerReferences };
  });
}
