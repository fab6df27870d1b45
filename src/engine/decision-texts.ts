import { type DesiredEntity, entityId } from '../contract/entity.js';
import { isStack, type Ownership } from './ownership.js';

/** The end of a reason: a release keeps the entity. */
export const KEPT = 'its ownership tags are removed, and it is kept';

/** Returns the reason for which an orphan is released or deleted. */
export function leftReason({ orphan }: Pick<DesiredEntity, 'orphan'>): string {
  return orphan?.renamedTo === undefined ? 'is not declared any more' : `is renamed to ${orphan.renamedTo}`;
}

/** Returns how to delete an entity that is kept because nothing shows that it was created here. */
export function deletionOf({ orphan }: Pick<DesiredEntity, 'orphan'>): string {
  return orphan === undefined ? '--include-adopted deletes' : 'declare it with state: absent to delete';
}

/** Returns why an adopted entity is released and not deleted. */
export function adoptedHere({ share }: { readonly share?: object }): string {
  const removed = share === undefined ? KEPT : `this namespace's part and ${KEPT}`;
  return `was adopted, not created here: ${removed}`;
}

/** Names who owns or shares an entity that is not ours. */
export function ownerPhrase(ownership: OtherOwnership, others: readonly string[]): string {
  if (ownership.is === 'foreign') return `it is owned by ${ownership.owner}`;
  return others.length === 0 ? 'it has no owner' : `it is shared by ${listNamespaces(others)}`;
}

/** An ownership that is not ours. */
export type OtherOwnership = Exclude<Ownership, { readonly is: 'ours' }>;

/** Returns why nobody can tell who owns an entity of a kind. */
export function unprovable(kind: string): string {
  return `${withArticle(kind)} cannot have tags: ownership cannot be proven`;
}

/** Returns a kind with its article: `an AccessKey`. */
export function withArticle(kind: string): string {
  return `${/^[AEIO]/.test(kind) ? 'an' : 'a'} ${kind}`;
}

/** Lists namespaces for people. */
export function listNamespaces(namespaces: readonly string[]): string {
  return namespaces.map((namespace) => `namespace "${namespace}"`).join(', ');
}

/** Returns what a reviewer must know of an entity that is not ours yet and is written anyway. Null where it is. */
export function reasonToTake(ownership: Ownership): string | null {
  if (ownership.is === 'foreign') return `is taken over from ${ownership.owner}`;
  return ownership.is === 'unowned' ? 'exists and has no owner' : null;
}

/** Returns the reason and the remedy of a refusal because of an owner. */
export function ownerAndOverride(owner: string, entity: DesiredEntity): [reason: string, remedy: string] {
  const override = `--adopt foreign:${entityId(entity)}`;
  if (isStack(owner) && entity.state === 'present') {
    const retain =
      'deploy the stack with DeletionPolicy: Retain on it, then with a template without it (do not delete the stack)';
    return [`owned by ${owner}`, `choose another name, or ${retain}, and take it over with ${override}`];
  }
  const [elsewhere, here] = entity.state === 'absent' ? ['delete', 'delete it'] : ['release', 'take it over'];
  return [`owned by ${owner}`, `choose another name, have its owner ${elsewhere} it, or ${here} with ${override}`];
}
