import { createHash } from 'node:crypto';
import { isWrite } from '../contract/actions.js';
import type { JsonObject } from '../contract/entity.js';
import type { DecisionAction, Drift } from '../contract/report.js';
import type { PlannedChange } from '../contract/request.js';
import { shorten, unmanagedContent } from './compare.js';
import type { Observed, PropertyRules } from './comparison.js';
import type { Assessment } from './decide.js';
import { sortedJson } from './json.js';
import { OwnershipTag } from './ownership.js';

/** Characters of a line's digest. */
const DIGEST_LENGTH = 12;

/** Lines of a whole plan, above which each entity has one digest: digests do not compress. */
const MAX_PLAN_LINES = 60_000;

/** Marks the one digest of all lines of an entity. */
const ALL_LINES = 'all:';

/** The change of an entity, as it was found to be due. */
export interface FoundChange {
  readonly rules: PropertyRules;
  readonly spec: JsonObject;
  /** Undefined where the entity does not exist. */
  readonly observed: Observed | undefined;
  readonly assessment: Assessment;
  /** All lines of the drift, with what a deletion takes. */
  readonly drift: readonly Drift[];
}

/** The part that this run already has in the state of an entity. */
export interface OwnPart {
  /** This run created the entity. */
  readonly made: boolean;
  /** This run has sent writes for it, or may have. */
  readonly hasWritten: boolean;
}

/** The actions that do no more than a planned one. */
const WITHIN: Readonly<Record<DecisionAction, readonly DecisionAction[]>> = {
  create: ['create'],
  adopt: ['adopt', 'update'],
  update: ['update'],
  replace: ['replace', 'create', 'update'],
  release: ['release'],
  delete: ['delete'],
  'no-op': [],
  refuse: [],
};

/** Reports whether an action is the planned one, or does less. */
export function isWithinPlan({ action: planned }: PlannedChange, action: DecisionAction): boolean {
  return !isWrite(action) || WITHIN[planned].includes(action);
}

/** Returns the digests of the lines of each change, for the entities of one plan. */
export function digestChanges(changes: readonly (FoundChange | undefined)[]): readonly (readonly string[])[] {
  const digests = changes.map((change) => (change === undefined ? [] : digestsOf(change)));
  const count = digests.reduce((sum, { length }) => sum + length, 0);
  return count <= MAX_PLAN_LINES ? digests : digests.map((lines) => (lines.length > 1 ? [digestAll(lines)] : lines));
}

/**
 * Returns the lines of a change that its plan did not show. What this run created may get all that is declared, but lose
 * nothing. A document that this run has begun to write may differ in other lines than before.
 */
export function linesBeyondPlan(planned: PlannedChange, found: FoundChange, own: OwnPart): readonly Drift[] {
  const documents = documentKeys(found);
  const documentOf = ({ path }: Drift): string | undefined =>
    documents.find((key) => path === key || path.startsWith(`${key}.`));
  if (own.made) return found.drift.filter((line) => line.desired === null && documentOf(line) === undefined);
  const isOne = hasOneDigest(planned.lines);
  if (isOne && (own.hasWritten || planned.lines[0] === digestAll(digestsOf(found)))) return [];
  const shown = new Set(planned.lines);
  const identity = planned.action === 'create' ? [] : identityOf(found.observed);
  return [...linesOf(found), ...identity].filter((line) => {
    if (shown.has(digest(line))) return false;
    const document = own.hasWritten ? documentOf(line) : undefined;
    return document === undefined || !shown.has(digest(documentLine(document)));
  });
}

function digestsOf(change: FoundChange): readonly string[] {
  return [...linesOf(change), ...identityOf(change.observed), ...documentKeys(change).map(documentLine)].map(digest);
}

/** Returns the drift, the former owner, and what the entity has beyond its spec and an adoption or replacement takes over. */
function linesOf({ rules, spec, observed, assessment, drift }: FoundChange): readonly Drift[] {
  const { decision, tags } = assessment;
  if (observed === undefined || (decision.action !== 'adopt' && decision.action !== 'replace')) return drift;
  const kept = unmanagedContent(rules, spec, observed).map(({ line, content }): Drift => {
    const value = content === undefined ? line : shorten(content);
    return { path: '', observed: value, desired: value, summary: `unmanaged: ${line}` };
  });
  const owner = tags[OwnershipTag.PreviousOwner];
  const taken = { path: '', observed: owner ?? '', desired: null, summary: `is taken over from ${owner ?? ''}` };
  return [...drift, ...kept, ...(decision.action === 'adopt' && owner !== undefined ? [taken] : [])];
}

/** Returns the lines that tell the entity of a plan from another one of its name: under another path, or made since. */
function identityOf(observed: Observed | undefined): readonly Drift[] {
  if (observed === undefined) return [];
  const { arn, createdAt } = observed;
  const place = { path: 'arn', observed: arn, desired: arn, summary: `is ${arn}` };
  if (createdAt === null) return [place];
  return [
    place,
    { path: 'createdAt', observed: createdAt, desired: createdAt, summary: `was created at ${createdAt}` },
  ];
}

/** Reports whether an entity is the one that a plan showed, and not a later one of its name. */
export function isPlannedEntity(planned: PlannedChange, observed: Observed): boolean {
  return identityOf(observed).every((line) => isShown(planned, line));
}

/** Reports whether a plan showed a line. All lines of one digest count as shown. */
export function isShown({ lines }: PlannedChange, line: Drift): boolean {
  return hasOneDigest(lines) || lines.includes(digest(line));
}

/** Returns the paths of the documents that a change writes. */
function documentKeys({ rules, assessment: { changes } }: FoundChange): readonly string[] {
  return Object.entries(changes).flatMap(([property, { put, remove }]) => {
    const type = rules[property]?.type;
    if (type === 'document') return [property];
    // One that goes may be reduced first.
    return type === 'documents' ? [...put, ...remove].map((name) => `${property}.${name}`) : [];
  });
}

function documentLine(path: string): Drift {
  return { path, observed: null, desired: null, summary: `writes ${path}` };
}

/** Reports whether all lines of an entity have one digest, so that none can be told from another. */
function hasOneDigest([first = '']: readonly string[]): boolean {
  return first.startsWith(ALL_LINES);
}

function digest({ path, observed, desired, summary }: Drift): string {
  return hash(sortedJson([path, observed, desired, summary]));
}

function digestAll(digests: readonly string[]): string {
  return ALL_LINES + hash([...digests].sort().join());
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, DIGEST_LENGTH);
}
