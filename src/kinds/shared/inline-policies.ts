import type { Json } from '../../contract/entity.js';
import { objectOrEmpty, ownValue } from '../../engine/json.js';
import { commonGrants, compareDenials, compareGrants, sizeOf, stageDocuments } from '../../engine/policy/index.js';
import type { DocumentChange, DocumentContext, DocumentStep } from '../../engine/policy/index.js';
import { orderByEffect, peakUsage } from '../../engine/write-order.js';
import type { Room, WriteEffect } from '../../engine/write-order.js';
import type { Changes, Desired, Observed, Write } from '../kind.js';
import { boundaryWrites, principalKey, type Principal } from './principals.js';
import { serializeDocument } from './spec.js';
import { removal } from './writes.js';

/** The total length of an entity's inline policies, in characters without white space. AWS does not raise it. */
export const MAX_INLINE_LENGTH: Readonly<Record<Principal, number>> = { Role: 10_240, User: 2_048, Group: 5_120 };

/** An entity with inline policies, and their total size before the first write. */
interface Holder {
  readonly principal: Principal;
  readonly name: string;
  readonly used: number;
}

function holderOf(principal: Principal, { name, state }: Observed): Holder {
  const documents = Object.values(objectOrEmpty(state['inlinePolicies']));
  return { principal, name, used: documents.reduce<number>((sum, document) => sum + sizeOf(document), 0) };
}

/** Returns the quota of inline policies, with its unit for people. */
export function inlineQuota(principal: Principal): Pick<Room, 'quota' | 'label'> {
  return { quota: `${principal}PolicySizeQuota`, label: 'characters of inline policies' };
}

/**
 * Returns the writes that bring inline policies to the declared state. Where old and new ones do not fit together in the
 * order of their effects, what frees room comes first: by another order of the same writes if that is enough, else by
 * reducing documents before others are written.
 */
export function inlineWrites(principal: Principal, desired: Desired, observed: Observed, changes: Changes): Write[] {
  const holder = holderOf(principal, observed);
  const due = inlineChanges(desired, observed, changes);
  const sizeAfter = due.reduce((sum, { before, after }) => sum + sizeOf(after) - sizeOf(before), holder.used);
  const limit = Math.max(MAX_INLINE_LENGTH[principal], holder.used, sizeAfter);
  // An exchanged boundary adds writes that reduce documents.
  const boundary = principal === 'Group' ? [] : boundaryWrites(principal, desired, observed, changes);
  const fits = (writes: readonly Write[]): boolean =>
    peakUsage(orderByEffect([...boundary, ...writes])).every(({ peak }) => peak <= limit);

  const inTurn = due.map((change) => inlineWrite(holder, change, desired.target));
  if (fits(inTurn)) return inTurn;
  const shrinkingFirst = [...inTurn].sort((a, b) => growthOf(a) - growthOf(b));
  if (fits(shrinkingFirst)) return shrinkingFirst;
  // As few as needed lose for a moment what their old and new documents do not have in common.
  const reducible = shrinkingFirst.filter((write) => freedByReduction(write) > 0);
  reducible.sort((a, b) => freedByReduction(b) - freedByReduction(a));
  for (let count = 1; count <= reducible.length; count += 1) {
    const first = new Set(reducible.slice(0, count));
    const reducing = shrinkingFirst.map((write) => (first.has(write) ? { ...write, isReducedFirst: true } : write));
    if (fits(reducing)) return reducing;
  }
  const unchanged = due.reduce((sum, { before }) => sum - sizeOf(before), holder.used);
  return stagedWrites(holder, due, limit - unchanged, desired.target) ?? shrinkingFirst;
}

/** Returns the writes that reduce documents, and those that write them anew once all are. */
function stagedWrites(
  holder: Holder,
  due: readonly DocumentChange[],
  room: number,
  context: DocumentContext,
): Write[] | undefined {
  const stages = stageDocuments(due, room, context);
  const writesOf = (steps: readonly DocumentStep[], effect: WriteEffect): Write[] =>
    steps.map(({ change, document }) => ({ ...writeOf(holder, change, document), effect }));
  return stages && [...writesOf(stages.narrowing, 'narrows'), ...writesOf(stages.widening, 'grants')];
}

function growthOf({ room }: Write): number {
  return room === undefined ? 0 : room.after - room.before;
}

function freedByReduction({ narrowing }: Write): number {
  return narrowing === undefined ? 0 : -growthOf(narrowing);
}

function inlineChanges({ spec }: Desired, { state }: Observed, { inlinePolicies }: Changes): readonly DocumentChange[] {
  const declared = objectOrEmpty(spec['inlinePolicies']);
  const existing = objectOrEmpty(state['inlinePolicies']);
  const { put = [], remove = [] } = inlinePolicies ?? {};
  return [...put, ...remove].map((name) => ({
    name,
    before: ownValue(existing, name) ?? null,
    after: put.includes(name) ? (ownValue(declared, name) ?? null) : null,
  }));
}

/** Returns the writes that delete all inline policies. */
export function inlineRemovals(principal: Principal, observed: Observed, context: DocumentContext): Write[] {
  const holder = holderOf(principal, observed);
  return Object.entries(objectOrEmpty(observed.state['inlinePolicies'])).map(([name, before]) =>
    inlineWrite(holder, { name, before, after: null }, context),
  );
}

/** Returns the write that replaces one inline policy by another document, or that deletes it where there is none. */
function inlineWrite(holder: Holder, change: DocumentChange, context: DocumentContext): Write {
  const { before, after } = change;
  const write = writeOf(holder, change, after);
  switch (compareGrants(before, after, context)) {
    case 'narrower':
      return write;
    case 'wider':
      return { ...write, effect: 'grants' };
    case 'mixed':
      return {
        ...write,
        effect: 'changes',
        narrowing: writeOf(holder, change, commonGrants(before, after, context)),
        denials: compareDenials(before, after, context),
      };
  }
}

/** Returns the write of one inline policy, as one that only takes away. */
function writeOf({ principal, name, used }: Holder, change: DocumentChange, document: Json): Write {
  const input = { ...principalKey(principal, name), PolicyName: change.name };
  const room = {
    ...inlineQuota(principal),
    item: change.name,
    used,
    before: sizeOf(change.before),
    after: sizeOf(document),
  };
  return document === null
    ? { ...removal(`Delete${principal}Policy`, input), room }
    : {
        operation: `Put${principal}Policy`,
        input: { ...input, PolicyDocument: serializeDocument(document) },
        effect: 'narrows',
        room,
      };
}
