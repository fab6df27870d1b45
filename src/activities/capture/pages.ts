import { gzipSync } from 'node:zlib';
import type { CapturedEntity, CapturedItem, CapturedPage, EntityKey, LeftOutEntity } from '../../contract/capture.js';
import { inBatches } from './batches.js';
import type { ReadAccount } from './read-account.js';

/** Entities of one page. */
const MAX_PAGE_ITEMS = 1_000;

/** Bytes of the entities of one page, in JSON. A larger one has a page of its own. */
const MAX_PAGE_BYTES = 800_000;

/** Bytes of an entity, compressed, that still fit into one payload of Temporal: its limit is two million. */
const MAX_COMPRESSED_BYTES = 1_500_000;

/** An entity in JSON, which takes less memory than the object. */
interface Entry extends EntityKey {
  readonly json: string;
  readonly bytes: number;
}

/** The entities of an account in the order of pages. */
export interface PagedAccount {
  readonly entries: readonly Entry[];
  readonly unread: ReadAccount['unread'];
  /** The size of all entries. */
  readonly bytes: number;
}

/** Sorts the entities of an account for pages. */
export async function toPages({ items, unread }: ReadAccount): Promise<PagedAccount> {
  const entries: Entry[] = [];
  for await (const batch of inBatches(items)) entries.push(...batch.map(entryOf));
  entries.sort(compareKeys);
  return { entries, unread, bytes: entries.reduce((sum, { bytes }) => sum + bytes, 0) };
}

function entryOf(item: CapturedItem): Entry {
  const json = JSON.stringify(item);
  const bytes = Buffer.byteLength(json);
  const isCarried = bytes <= MAX_COMPRESSED_BYTES || gzipSync(json).length <= MAX_COMPRESSED_BYTES;
  return isCarried ? { kind: item.kind, name: item.name, json, bytes } : entryOf(tooLarge(item, bytes));
}

function tooLarge({ kind, name, arn }: CapturedItem, bytes: number): LeftOutEntity {
  const megabytes = (bytes / 1_000_000).toFixed(1);
  return { kind, name, arn, leftOut: `its ${megabytes} MB are more than Temporal carries, even compressed` };
}

/** Compares keys by their characters, so that all workers agree on the order, whatever their language is. */
export function compareKeys(a: EntityKey, b: EntityKey): number {
  if (a.kind !== b.kind) return a.kind < b.kind ? -1 : 1;
  if (a.name === b.name) return 0;
  return a.name < b.name ? -1 : 1;
}

/** Returns the page after an entity, which may have gone since; null for the first page. */
export function pageAfter({ entries, unread }: PagedAccount, after: EntityKey | null): Omit<CapturedPage, 'calls'> {
  const start = after === null ? 0 : firstAfter(entries, after);
  let end = start;
  let bytes = 0;
  for (; end < entries.length && end - start < MAX_PAGE_ITEMS; end += 1) {
    bytes += entries[end]?.bytes ?? 0;
    if (bytes > MAX_PAGE_BYTES && end > start) break;
  }
  const items = entries.slice(start, end).map(({ json }) => JSON.parse(json) as CapturedEntity | LeftOutEntity);
  const last = items.at(-1);
  const isLast = end >= entries.length || last === undefined;
  return isLast ? { items, next: null, unread } : { items, next: { kind: last.kind, name: last.name }, unread: [] };
}

function firstAfter(entries: readonly Entry[], after: EntityKey): number {
  const index = entries.findIndex((entry) => compareKeys(entry, after) > 0);
  return index === -1 ? entries.length : index;
}
