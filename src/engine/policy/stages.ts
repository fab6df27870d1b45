import type { Json, JsonObject } from '../../contract/entity.js';
import { equalJson, isObject, ownValue } from '../json.js';
import { DEFAULT_VERSION, equivalentDocuments } from './canonical.js';
import type { DocumentContext } from './canonical.js';
import { allowsSomething, commonGrants, compareGrants, denialsOf, statementsWithoutCover } from './grants.js';
import { documentSize } from './validate.js';

/** The change of one of several documents whose total size is limited. Null stands for no document. */
export interface DocumentChange {
  readonly name: string;
  readonly before: Json;
  readonly after: Json;
}

/** One write of a document. Null deletes it. */
export interface DocumentStep {
  readonly change: DocumentChange;
  readonly document: Json;
}

/** Writes in two stages. Between them, nothing is allowed that is not allowed afterwards, and all is denied that was or will be. */
export interface Stages {
  /** Permits at no moment more than before. */
  readonly narrowing: readonly DocumentStep[];
  /** Permits at no moment more than afterwards. */
  readonly widening: readonly DocumentStep[];
}

/** A document between its two stages. */
interface Staged {
  readonly change: DocumentChange;
  readonly between: Json;
}

/** Returns the size of a document, none where there is no document. */
export function sizeOf(document: Json): number {
  return document === null ? 0 : documentSize(document);
}

/**
 * Finds writes that change documents without ever exceeding a total size, where old and new ones do not fit together:
 * each is first reduced, and written anew once all are. It loses as little as possible for that moment:
 *
 * 1. Each document keeps what old and new have in common.
 * 2. As many as needed keep only what they deny, or are deleted where they deny nothing.
 * 3. Where not even all denials fit together, those that stay are moved statement by statement.
 *
 * `room` is the total size that these documents may have. Returns undefined where no such writes are found.
 */
export function stageDocuments(
  changes: readonly DocumentChange[],
  room: number,
  context: DocumentContext,
): Stages | undefined {
  const reduced = (change: DocumentChange, between: Json): Staged => ({
    change,
    between: inOneSpelling(change, between, context),
  });
  const least = changes.map((change) => reduced(change, denialOnly(change, context)));
  let staged = changes.map((change) => reduced(change, commonOf(change, context)));
  while (totalSize(staged.map(({ between }) => between)) > room) {
    const savings = staged.map(({ between }, index) => sizeOf(between) - sizeOf(least[index]?.between ?? null));
    const largest = savings.indexOf(Math.max(...savings));
    if ((savings[largest] ?? 0) <= 0) return moveDenials(changes, room, context);
    staged = staged.map((one, index) => (index === largest ? (least[index] ?? one) : one));
  }
  return { narrowing: narrowingSteps(staged), widening: wideningSteps(staged) };
}

function totalSize(documents: readonly Json[]): number {
  return documents.reduce<number>((sum, document) => sum + sizeOf(document), 0);
}

/** Returns the first stage: what shrinks is written first, so that the total is never larger than at its ends. */
function narrowingSteps(staged: readonly Staged[]): readonly DocumentStep[] {
  return staged
    .filter(({ change, between }) => !equalJson(change.before, between))
    .sort((a, b) => growth(a.change.before, a.between) - growth(b.change.before, b.between))
    .map(({ change, between }) => ({ change, document: between }));
}

function wideningSteps(staged: readonly Staged[]): readonly DocumentStep[] {
  return staged
    .filter(({ change, between }) => !equalJson(between, change.after))
    .sort((a, b) => growth(a.between, a.change.after) - growth(b.between, b.change.after))
    .map(({ change }) => ({ change, document: change.after }));
}

function growth(from: Json, to: Json): number {
  return sizeOf(to) - sizeOf(from);
}

/** Returns what both documents of a change permit, with what either denies. */
function commonOf({ before, after }: DocumentChange, context: DocumentContext): Json {
  switch (compareGrants(before, after, context)) {
    case 'narrower':
      return after;
    case 'wider':
      return before;
    case 'mixed':
      return commonGrants(before, after, context);
  }
}

/** Returns what either document of a change denies, and nothing that it allows. */
function denialOnly({ before, after }: DocumentChange, context: DocumentContext): Json {
  const old = denialsOf(before, context);
  const added = statementsWithoutCover(denialsOf(after, context), old);
  return documentOf([...statementsWithoutCover(old, added), ...added], versionOf(after ?? before));
}

/** Keeps the spelling of a document that says the same, so that it is not written for its spelling alone. */
function inOneSpelling({ before, after }: DocumentChange, reduced: Json, context: DocumentContext): Json {
  const same = [before, after].find(
    (document) => document !== null && reduced !== null && equivalentDocuments(document, reduced, context),
  );
  return same ?? reduced;
}

function documentOf(Statement: readonly Json[], Version: Json): JsonObject | null {
  return Statement.length === 0 ? null : { Version, Statement };
}

function versionOf(document: Json): Json {
  return (isObject(document) ? ownValue(document, 'Version') : undefined) ?? DEFAULT_VERSION;
}

/** A document on the way of its denials. */
interface Moving {
  readonly change: DocumentChange;
  /** The denials that it is to have. */
  readonly wanted: readonly Json[];
  held: readonly Json[];
  document: Json;
}

/**
 * Moves denials where they do not fit twice: a document takes as many of its new ones as there is room for, and those
 * that these cover are taken out of the old ones, until all new ones are in place.
 */
function moveDenials(changes: readonly DocumentChange[], room: number, context: DocumentContext): Stages | undefined {
  if (!haveOneMeaning(changes)) return undefined;
  const moving = changes.map((change): Moving => ({
    change,
    wanted: denialsOf(change.after, context),
    held: denialsOf(change.before, context),
    document: change.before,
  }));
  const narrowing: DocumentStep[] = [];
  const write = ({ change, document }: Moving): void => void narrowing.push({ change, document });

  const allowing = moving.filter(({ document }) => allowsSomething(document));
  for (const one of allowing) hold(one, one.held);
  allowing.forEach(write);
  for (;;) {
    const grown = moving.filter((one) =>
      takeWanted(one, () => totalSize(moving.map(({ document }) => document)) <= room),
    );
    grown.forEach(write);
    if (moving.every(({ held, wanted }) => wanted.every((statement) => includes(held, statement)))) break;
    const shrunk = moving.filter((one) => dropCovered(one, moving));
    shrunk.forEach(write);
    if (grown.length + shrunk.length === 0) return undefined;
  }
  return {
    narrowing,
    widening: wideningSteps(moving.map(({ change, document }) => ({ change, between: document }))),
  };
}

function hold(one: Moving, denials: readonly Json[]): void {
  const { before, after } = one.change;
  one.held = denials;
  // In its own spelling where it is complete, so that it need not be written again.
  one.document =
    !allowsSomething(after) &&
    denials.length === one.wanted.length &&
    one.wanted.every((each) => includes(denials, each))
      ? after
      : documentOf(denials, versionOf(after ?? before));
}

/** Takes the new denials that fit; reports whether there was one. */
function takeWanted(one: Moving, fits: () => boolean): boolean {
  const count = one.held.length;
  for (const statement of one.wanted.filter((wanted) => !includes(one.held, wanted))) {
    const { held, document } = one;
    hold(one, [...held, statement]);
    if (!fits()) Object.assign(one, { held, document });
  }
  return one.held.length > count;
}

/** Drops the denials that a new one covers which is in place; reports whether there was one. */
function dropCovered(one: Moving, all: readonly Moving[]): boolean {
  const placed = all.flatMap(({ held, wanted }) => held.filter((statement) => includes(wanted, statement)));
  const old = one.held.filter((statement) => !includes(one.wanted, statement));
  const covered = old.filter((statement) => !includes(statementsWithoutCover(old, placed), statement));
  if (covered.length > 0)
    hold(
      one,
      one.held.filter((statement) => !includes(covered, statement)),
    );
  return covered.length > 0;
}

function includes(statements: readonly Json[], statement: Json): boolean {
  return statements.some((other) => equalJson(other, statement));
}

/** Reports whether text such as `${aws:username}` means the same in all documents: only the newer version has variables. */
function haveOneMeaning(changes: readonly DocumentChange[]): boolean {
  const documents = changes.flatMap(({ before, after }) => [before, after]).filter((document) => document !== null);
  return new Set(documents.map(versionOf)).size === 1 || !JSON.stringify(documents).includes('${');
}
