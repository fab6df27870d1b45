import type { Json } from '../../contract/entity.js';
import { isList, isObject, jsonFrom, ownValue, sortKeys } from '../json.js';
import { truncate, truncateWithDigest } from '../text.js';
import {
  asList,
  canonicalStatement,
  documentFields,
  equivalentDocuments,
  statementsOf,
  type DocumentContext,
  type PolicyDocument,
} from './canonical.js';

/** One difference between two documents. Values are cut at 4096 characters, and null if absent. */
export interface DocumentChange {
  /** `Version`, `Statement[Sid=Deploy].Action`, `Statement[2].Condition.StringLike[aws:PrincipalArn]`. */
  readonly path: string;
  readonly observed: Json;
  readonly desired: Json;
  /** A line for people: `Statement "Deploy": Action + s3:PutObject`. */
  readonly summary: string;
}

/**
 * Lists what differs in meaning; empty exactly if the documents are equivalent. Statements are matched by Sid, then by
 * similarity; one without a match is reported in one line. An ID that a deleted principal left behind is pointed out.
 *
 * @throws TypeError if a value cannot be JSON: a cycle, a BigInt
 */
export function documentDrift(desired: unknown, observed: unknown, context: DocumentContext): DocumentChange[] {
  const [wanted, found] = [jsonFrom(desired), jsonFrom(observed)];
  // The usual case: IAM returns a document as it was sent.
  if (JSON.stringify(wanted) === JSON.stringify(found)) return [];
  if (!isObject(wanted) || !isObject(found)) {
    if (equivalentDocuments(wanted, found, context)) return [];
    return [change('Document', found, wanted, `Document ${showValue(found)} -> ${showValue(wanted)}`)];
  }
  const spelling = new Map<string, string>();
  const foundStatements = viewStatements(found, context, spelling);
  const wantedStatements = viewStatements(wanted, context, spelling);
  const added = wantedStatements.filter(({ text }) => !foundStatements.some((other) => other.text === text));
  const removed = foundStatements.filter(({ text }) => !wantedStatements.some((other) => other.text === text));
  const pairs = pairStatements(added, removed);
  const paired = new Set(pairs.values());
  return [
    ...leafChanges(leavesOf(documentFields(wanted)), leavesOf(documentFields(found)), '', '', spelling),
    ...added.flatMap((view) => {
      const other = pairs.get(view);
      if (other === undefined) return [change(view.path, undefined, view.written, `+ ${view.name}`)];
      return leafChanges(view.leaves, other.leaves, `${view.path}.`, `${view.name}: `, spelling);
    }),
    ...removed
      .filter((view) => !paired.has(view))
      .map((view) => change(view.path, view.written, undefined, `- ${view.name}`)),
  ];
}

const MAX_VALUE_LENGTH = 4096;

const MAX_SUMMARY_LENGTH = 300;

function change(path: string, observed: Json | undefined, desired: Json | undefined, summary: string): DocumentChange {
  const shorten = (value: Json = null): Json => {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    return JSON.stringify(value).length <= MAX_VALUE_LENGTH ? value : truncateWithDigest(text);
  };
  return {
    path,
    observed: shorten(observed),
    desired: shorten(desired),
    summary: truncate(summary, MAX_SUMMARY_LENGTH),
  };
}

/** Returns a value as messages show it. */
export function showValue(value: Json | undefined, maxLength = 80): string {
  if (value === undefined) return 'absent';
  return truncate(typeof value === 'string' ? value : JSON.stringify(value), maxLength);
}

/** The smallest parts of a canonical statement, by the JSON of their path: `["Condition","StringLike","aws:x"]`. */
type Leaves = ReadonlyMap<string, { readonly path: readonly string[]; readonly value: Json }>;

interface StatementView {
  readonly written: Json;
  readonly text: string;
  /** Empty for a statement that is no object. */
  readonly leaves: Leaves;
  /** Undefined if it is missing or repeated. */
  readonly sid: string | undefined;
  readonly path: string;
  /** `Statement "Deploy"`, or `Statement[2] (Allow s3:GetObject on arn:…)`. */
  readonly name: string;
}

/** Returns a document's distinct statements. */
function viewStatements(
  document: PolicyDocument,
  context: DocumentContext,
  spelling: Map<string, string>,
): StatementView[] {
  const statements = statementsOf(document);
  const sids = statements.map((statement) => (isObject(statement) ? ownValue(statement, 'Sid') : undefined));
  const views = statements.map((written, index): [string, StatementView] => {
    const canonical = canonicalStatement(written, context, spelling);
    const text = JSON.stringify(canonical);
    const leaves = leavesOf(isObject(canonical) ? Object.entries(canonical) : []);
    const sid = sids[index];
    if (typeof sid === 'string' && sid !== '' && sids.indexOf(sid) === sids.lastIndexOf(sid)) {
      const [path, name] = [`Statement[Sid=${truncate(sid, 64)}]`, `Statement "${truncate(sid, 64)}"`];
      return [text, { written, text, leaves, sid, path, name }];
    }
    const path = `Statement[${String(index)}]`;
    return [text, { written, text, leaves, sid: undefined, path, name: `${path} (${outline(written)})` }];
  });
  return [...new Map(views).values()];
}

function outline(statement: Json): string {
  if (!isObject(statement)) return showValue(statement);
  const first = (field: string, prefix = ''): string[] => {
    const [value, ...more] = asList(ownValue(statement, field) ?? []);
    if (value === undefined) return [];
    return [prefix + showValue(value) + (more.length === 0 ? '' : ` and ${String(more.length)} more`)];
  };
  const parts = [
    ...first('Effect'),
    ...first('Action'),
    ...first('NotAction', 'all but '),
    ...first('Resource', 'on '),
    ...first('NotResource', 'on all but '),
    ...first('Principal', 'to '),
    ...first('NotPrincipal', 'to all but '),
  ];
  return truncate(parts.join(' '), 140);
}

/** Pairs statements by Sid, then the most similar first, as long as a third of their content is common. */
function pairStatements(
  wanted: readonly StatementView[],
  found: readonly StatementView[],
): Map<StatementView, StatementView> {
  const tokensOf = ({ leaves }: StatementView): Set<string> =>
    new Set([...leaves].flatMap(([key, { value }]) => asList(value).map((member) => key + JSON.stringify(member))));
  const others = found.map((other) => ({ other, theirs: tokensOf(other) }));
  const candidates = wanted.flatMap((view) => {
    const ours = tokensOf(view);
    return others.map(({ other, theirs }) => {
      const common = [...ours].filter((token) => theirs.has(token)).length;
      const sameSid = view.sid !== undefined && view.sid === other.sid;
      return { view, other, score: sameSid ? 2 : common / Math.max(1, ours.size + theirs.size - common) };
    });
  });
  const pairs = new Map<StatementView, StatementView>();
  const paired = new Set<StatementView>();
  for (const { view, other, score } of candidates.sort((a, b) => b.score - a.score)) {
    if (score < 1 / 3 || pairs.has(view) || paired.has(other)) continue;
    pairs.set(view, other);
    paired.add(other);
  }
  return pairs;
}

/** Levels below a field that are compared part by part. */
const FIELD_DEPTH: ReadonlyMap<string, number> = new Map([
  ['Principal', 1],
  ['NotPrincipal', 1],
  ['Condition', 2],
]);

function leavesOf(fields: readonly [string, Json][]): Leaves {
  const leaves = new Map<string, { path: readonly string[]; value: Json }>();
  const visit = (path: readonly string[], value: Json, depth: number): void => {
    if (depth === 0 || !isObject(value) || Object.keys(value).length === 0) {
      leaves.set(JSON.stringify(path), { path, value: sortKeys(value) });
    } else for (const [key, inner] of Object.entries(value)) visit([...path, key], inner, depth - 1);
  };
  for (const [field, value] of fields) visit([field], value, FIELD_DEPTH.get(field) ?? 0);
  return leaves;
}

/** Compares two statements part by part; `spelling` restores how actions and condition keys were written. */
function leafChanges(
  desired: Leaves,
  observed: Leaves,
  pathPrefix: string,
  label: string,
  spelling: ReadonlyMap<string, string>,
): DocumentChange[] {
  const spell = (name: Json): Json => (typeof name === 'string' ? (spelling.get(name) ?? name) : name);
  const changes: DocumentChange[] = [];
  for (const [id, { path }] of new Map([...observed, ...desired])) {
    const [field = '', part, key] = path;
    const [before, after] = [observed.get(id)?.value, desired.get(id)?.value];
    if (JSON.stringify(before) === JSON.stringify(after)) continue;
    const spelled = (value: Json | undefined): Json | undefined =>
      field.endsWith('Action') && isList(value) ? value.map(spell) : value;
    const inside =
      (part === undefined ? '' : `.${part}`) + (key === undefined ? '' : `[${showValue(spell(key), 200)}]`);
    const difference = showDifference(spelled(before), spelled(after), field.endsWith('Principal'));
    const summary = `${label}${field}${inside} ${difference}`;
    changes.push(change(pathPrefix + field + inside, spelled(before), spelled(after), summary));
  }
  return changes;
}

function showDifference(before: Json | undefined, after: Json | undefined, principals: boolean): string {
  const fallback = `${showValue(before)} -> ${showValue(after)}`;
  if ([before, after].some((value) => value !== undefined && !isList(value))) return fallback;
  const without = (sign: string, list: Json = [], others: Json = []): string[] => {
    const known = new Set(asList(others).map((member) => JSON.stringify(member)));
    const texts = asList(list)
      .filter((member) => !known.has(JSON.stringify(member)))
      .map((member) => showValue(member) + (principals && isUniqueId(member) ? ' (a deleted principal)' : ''));
    return texts.length === 0 ? [] : [`${sign} ${texts.join(', ')}`];
  };
  return [...without('+', after, before), ...without('-', before, after)].join(' ') || fallback;
}

/** Reports whether a principal is an ID, which IAM shows in place of the ARN of a deleted user or role. */
function isUniqueId(value: Json): value is string {
  return typeof value === 'string' && /^A(?:ROA|IDA)[A-Z0-9]{12,}(?::.*)?$/.test(value);
}

/**
 * Lists the unique IDs (`AROA…`, `AIDA…`) among the AWS principals. IAM shows them in place of the ARN once the role or
 * user is deleted. They do not match a new role or user of the same name: the document has to be written again.
 */
export function danglingPrincipals(observed: unknown): string[] {
  const document = jsonFrom(observed);
  const principals = (isObject(document) ? statementsOf(document) : [])
    .filter(isObject)
    .flatMap((statement) => [ownValue(statement, 'Principal'), ownValue(statement, 'NotPrincipal')])
    .filter(isObject)
    .flatMap((principal) => asList(ownValue(principal, 'AWS') ?? []));
  return [...new Set(principals.filter(isUniqueId))];
}
