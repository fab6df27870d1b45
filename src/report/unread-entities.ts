import { entityId } from '../contract/entity.js';
import type { EntityReport } from '../contract/report.js';
import { counted, joinFirst } from './text.js';

/** Entities that a reason names. */
const MAX_NAMES = 3;

/** The entities of a report that could not be read, and what to do about it. */
export interface UnreadEntities {
  /** `Kind/name`. */
  readonly ids: readonly string[];
  /** Without request IDs: the same trouble has the same reason in each run. */
  readonly reason: string;
  readonly remedy: string | null;
}

/** Reports whether an entity itself could not be read. One that was read may wait for it, and fails as well. */
export function couldNotBeRead({ unread }: Pick<EntityReport, 'unread'>): boolean {
  return unread !== undefined && unread.waiting === undefined;
}

/** Returns the entities that could not be read themselves. Undefined where all were. */
export function unreadIn(entities: readonly EntityReport[]): UnreadEntities | undefined {
  const unread = entities.filter(couldNotBeRead);
  const [first] = unread;
  if (first?.unread === undefined) return undefined;
  const ids = unread.map(entityId);
  const { operation, code } = first.unread;
  const call = `${operation ?? 'a read of the account'} answered ${code}`;
  const reason = `${counted(ids.length, 'entity', 'entities')} could not be read (${joinFirst(ids, MAX_NAMES)}): ${call}`;
  return { ids, reason, remedy: first.remedy };
}
