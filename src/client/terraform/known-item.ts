import type { LookedUp } from '../../contract/look-up.js';
import type { Item } from './items.js';
import type { ResourceType, Subject } from './resource-forms.js';

/** The remedy where an import would give an entity two owners. */
export const LEAVE_IT = 'leave it to its owner, or take the entity over from it first';

/** An item whose name is known. */
export interface Known {
  readonly item: Item;
  readonly type: ResourceType;
  readonly subject: Subject;
  readonly found: LookedUp;
  /** The owner of the entity, or of the one that it belongs to. */
  readonly owner: string | null;
  readonly ownerNotes: readonly string[];
}

/** Returns the ID to import an entity with. Null where there is none, or the address has an object already. */
export function importIdOf({ item, type, subject, found }: Known): string | null {
  return item.isRename ? null : (type.importId?.(found, subject, item.values) ?? null);
}

/** Returns the facts about every create of a type. */
export function notesOf({ note }: ResourceType): readonly string[] {
  return note === undefined ? [] : [note];
}

/** Returns what an import needs beside its block, so that the next apply does not replace what was imported. */
export function importNotes({ unreadable }: ResourceType): readonly string[] {
  if (unreadable === undefined) return [];
  const ignored = `lifecycle { ignore_changes = [${unreadable.join(', ')}] }`;
  return [
    `an import alone would replace it, because AWS does not show its secret: add ${ignored} to the resource first`,
  ];
}
