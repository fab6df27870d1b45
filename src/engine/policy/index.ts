import type { Json, JsonObject } from '../../contract/entity.js';

/**
 * Policy documents: decode, compare by meaning, tell the differences, check offline.
 *
 * Source of the rules: the "IAM JSON policy elements" and "Grammar" pages of the IAM User Guide. Where AWS does not say
 * that two spellings mean the same, they are different: a needless write is cheap, an unseen change is not.
 */

/** A policy document as JSON: Version, Statement, Id. Nothing about it is checked yet. */
export type PolicyDocument = JsonObject;

/** What the meaning of a document depends on: an account ID as principal stands for an ARN in this partition. */
export interface DocumentContext {
  readonly partition: string;
}

/** The form that all equivalent documents share, itself a document that means the same. What is no object stays so. */
export type CanonicalDocument = Json;

/** One difference between two documents. Values are cut at 300 characters and null where absent. */
export interface DocumentChange {
  /** `Version`, `Statement[Sid=Deploy].Action`, `Statement[2].Condition.StringLike[aws:PrincipalArn]`. */
  readonly path: string;
  readonly observed: Json;
  readonly desired: Json;
  /** A line for people: `Statement "Deploy": Action + s3:PutObject`. */
  readonly summary: string;
}

/** `boundary` is checked as `identity`: a permissions boundary is a managed policy. */
export type DocumentType = 'identity' | 'trust' | 'boundary';

/** One thing that IAM would refuse. `path` is empty where the whole document is meant. */
export interface DocumentProblem {
  readonly path: string;
  readonly message: string;
  readonly remedy: string;
}

const isList = (value: Json | undefined): value is readonly Json[] => Array.isArray(value);
const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !isList(value);
const own = (object: JsonObject, key: string): Json | undefined =>
  Object.hasOwn(object, key) ? object[key] : undefined;
const listOf = (value: Json): readonly Json[] => (isList(value) ? value : [value]);

/** The value as JSON would carry it to IAM: undefined left out, keys such as `__proto__` mere keys. */
function toJson(value: unknown): Json {
  const text = JSON.stringify(value) as string | undefined;
  return text === undefined ? null : (JSON.parse(text) as Json);
}

/** Text of at most so many characters, which says where it was cut. */
export function cut(text: string, longest: number): string {
  return text.length <= longest ? text : `${text.slice(0, longest - 1)}…`;
}

function show(value: Json | undefined, longest = 80): string {
  return value === undefined ? 'absent' : cut(typeof value === 'string' ? value : JSON.stringify(value), longest);
}

// Decoding

/**
 * Reads a document as IAM returns it, URL-encoded by RFC 3986, or as raw JSON, where a `%` stays what it is. A number
 * that JavaScript would round or respell comes back as the string of its digits, so that no two become one.
 *
 * @throws Error if the text is neither; its message tells length and beginning, never the document
 */
export function decodeDocument(text: string): Json {
  const found = parse(text) ?? parse(urlDecoded(text));
  if (found !== undefined) return found.value;
  const head = cut(text, Math.min(20, Math.floor(text.length / 2)));
  const length = `${String(text.length)} characters, beginning with ${JSON.stringify(head)}`;
  throw new Error(`policy document is not JSON, neither as it stands nor URL-decoded (${length})`);
}

function urlDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function parse(text: string): { readonly value: Json } | undefined {
  try {
    JSON.parse(text);
  } catch {
    // The parser's message quotes the document.
    return undefined;
  }
  const exact = text.replace(/"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g, (token) =>
    token.startsWith('"') || String(Number(token)) === token ? token : `"${token}"`,
  );
  return { value: JSON.parse(exact) as Json };
}

// Canonical form

/**
 * Brings a document to the form that all equivalent documents share. Idempotent.
 *
 * Made alike: order of keys and statements; repeated statements; one value and a list of it; order and repetition in
 * lists of actions, resources, principals and condition values; case of actions and of condition keys (but not of the
 * path in an OIDC provider's key); booleans and numbers as condition values and their strings; an account ID and its
 * root ARN as AWS principal; in Allow statements, Principal "*" and {"AWS": "*"}; a missing Version and 2008-10-17.
 * Left out: Sid and Id, which have no effect on evaluation: a difference there is cosmetic, and not drift.
 * Kept apart: everything else, condition operators in another case (IAM refuses them) and unknown fields included.
 *
 * @throws TypeError if the value cannot be JSON: a cycle, a BigInt
 */
export function canonicalDocument(doc: unknown, context: DocumentContext): CanonicalDocument {
  const document = toJson(doc);
  if (!isObject(document)) return sorted(document);
  const statements = statementsOf(document).map((statement) => canonicalStatement(statement, context));
  return sorted(Object.fromEntries([...headOf(document), ['Statement', setOf(statements)]]));
}

/** Whether two documents mean the same to IAM, by the rules of {@link canonicalDocument}. */
export function equivalentDocuments(a: unknown, b: unknown, context: DocumentContext): boolean {
  return JSON.stringify(canonicalDocument(a, context)) === JSON.stringify(canonicalDocument(b, context));
}

const DEFAULT_VERSION = '2008-10-17';

/** What a document says beside its statements. */
function headOf(document: PolicyDocument): [string, Json][] {
  const head = Object.entries(document).filter(([field]) => field !== 'Statement' && field !== 'Id');
  return Object.hasOwn(document, 'Version') ? head : [['Version', DEFAULT_VERSION], ...head];
}

function statementsOf(document: PolicyDocument): readonly Json[] {
  const statements = own(document, 'Statement');
  return statements === undefined ? [] : listOf(statements);
}

/** @param spelling - takes how folded actions and condition keys were written */
function canonicalStatement(statement: Json, context: DocumentContext, spelling = new Map<string, string>()): Json {
  if (!isObject(statement)) return sorted(statement);
  const allows = own(statement, 'Effect') === 'Allow';
  const fields = Object.entries(statement).filter(([field]) => field !== 'Sid');
  return sorted(
    mapped(fields, (value, field) => {
      switch (field) {
        case 'Action':
        case 'NotAction':
          return setOf(listOf(value).map((action) => (typeof action === 'string' ? folded(action, spelling) : action)));
        case 'Resource':
        case 'NotResource':
          return setOf(listOf(value));
        case 'Principal':
          return canonicalPrincipal(allows && value === '*' ? { AWS: '*' } : value, context);
        case 'NotPrincipal':
          return canonicalPrincipal(value, context);
        case 'Condition':
          return canonicalCondition(value, spelling);
        default:
          return value;
      }
    }),
  );
}

function canonicalPrincipal(principal: Json, { partition }: DocumentContext): Json {
  if (!isObject(principal)) return principal;
  const account = (value: Json): Json =>
    typeof value === 'string' && /^\d{12}$/.test(value) ? `arn:${partition}:iam::${value}:root` : value;
  return mapped(Object.entries(principal), (value, type) =>
    setOf(type === 'AWS' ? listOf(value).map(account) : listOf(value)),
  );
}

function canonicalCondition(condition: Json, spelling: Map<string, string>): Json {
  if (!isObject(condition)) return condition;
  return mapped(Object.entries(condition), (block) => {
    if (!isObject(block)) return block;
    const keys = Object.keys(block).map((key) => folded(key));
    return Object.fromEntries(
      Object.entries(block).map(([key, values], index) => {
        // Two keys that differ in case only: what IAM makes of them is not documented, so they stay as written.
        const repeated = keys.some((other, at) => at !== index && other === keys[index]);
        return [repeated ? key : folded(key, spelling), setOf(listOf(values).map(conditionValue))];
      }),
    );
  });
}

function conditionValue(value: Json): Json {
  return typeof value === 'boolean' || typeof value === 'number' ? String(value) : value;
}

/** ASCII only: Unicode folding would take the Kelvin sign for a k. An OIDC provider's path keeps its case. */
function folded(name: string, spelling?: Map<string, string>): string {
  const path = /^[^:/]+(\/[^:]*):/.exec(name)?.[1] ?? '';
  const fold = (text: string): string => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
  const result = path === '' ? fold(name) : name.split(path).map(fold).join(path);
  spelling?.set(result, name);
  return result;
}

function setOf(members: readonly Json[]): Json {
  return [...new Set(members.map((member) => JSON.stringify(sorted(member))))]
    .sort()
    .map((text) => JSON.parse(text) as Json);
}

/** The same with the keys of each object in one order. */
function sorted(value: Json): Json {
  if (isList(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  return mapped(
    Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)),
    sorted,
  );
}

/** `Object.fromEntries` defines properties, so a key named `__proto__` is a key. */
function mapped(entries: readonly [string, Json][], change: (value: Json, key: string) => Json): JsonObject {
  return Object.fromEntries(entries.map(([key, value]) => [key, change(value, key)]));
}

// Differences

/**
 * Tells what differs in meaning; empty exactly where the documents are equivalent. Statements are matched by Sid, then
 * by likeness; one without a match is reported as a whole. An ID that a deleted principal left behind is named as such.
 *
 * @throws TypeError as {@link canonicalDocument}
 */
export function documentDrift(desired: unknown, observed: unknown, context: DocumentContext): DocumentChange[] {
  const [wanted, seen] = [toJson(desired), toJson(observed)];
  // The usual case: IAM returns a document as it was sent.
  if (JSON.stringify(wanted) === JSON.stringify(seen)) return [];
  if (!isObject(wanted) || !isObject(seen)) {
    if (equivalentDocuments(wanted, seen, context)) return [];
    return [change('Document', seen, wanted, `Document ${show(seen)} -> ${show(wanted)}`)];
  }
  const spelling = new Map<string, string>();
  const right = viewsOf(seen, context, spelling);
  const left = viewsOf(wanted, context, spelling);
  const open = left.filter(({ text }) => !right.some((other) => other.text === text));
  const rest = right.filter(({ text }) => !left.some((other) => other.text === text));
  const pairs = matched(open, rest);
  const taken = new Set(pairs.values());
  return [
    ...leafChanges(leavesOf(headOf(wanted)), leavesOf(headOf(seen)), '', '', spelling),
    ...open.flatMap((view) => {
      const other = pairs.get(view);
      if (other === undefined) return [change(view.path, undefined, view.written, `${view.name} is missing`)];
      return leafChanges(view.leaves, other.leaves, `${view.path}.`, `${view.name}: `, spelling);
    }),
    ...rest
      .filter((view) => !taken.has(view))
      .map((view) => change(view.path, view.written, undefined, `${view.name} is not declared`)),
  ];
}

const LONGEST = 300;

function change(path: string, observed: Json | undefined, desired: Json | undefined, summary: string): DocumentChange {
  const brief = (value: Json = null): Json => (JSON.stringify(value).length <= LONGEST ? value : show(value, LONGEST));
  return { path, observed: brief(observed), desired: brief(desired), summary: cut(summary, LONGEST) };
}

/** A canonical statement in its smallest parts: by the JSON of their path, as in `["Condition","StringLike","aws:x"]`. */
type Leaves = ReadonlyMap<string, { readonly path: readonly string[]; readonly value: Json }>;

interface StatementView {
  readonly written: Json;
  /** The canonical statement. */
  readonly text: string;
  /** None for what is no object. */
  readonly leaves: Leaves;
  /** Undefined where it does not tell the statement from its neighbours. */
  readonly sid: string | undefined;
  readonly path: string;
  /** `Statement "Deploy"`, or `Statement[2] (Allow s3:GetObject on arn:…)`. */
  readonly name: string;
}

/** A document's distinct statements. */
function viewsOf(document: PolicyDocument, context: DocumentContext, spelling: Map<string, string>): StatementView[] {
  const statements = statementsOf(document);
  const sids = statements.map((statement) => (isObject(statement) ? own(statement, 'Sid') : undefined));
  const views = statements.map((written, index): [string, StatementView] => {
    const canonical = canonicalStatement(written, context, spelling);
    const text = JSON.stringify(canonical);
    const leaves = leavesOf(isObject(canonical) ? Object.entries(canonical) : []);
    const found = sids[index];
    const unique = typeof found === 'string' && found !== '' && sids.indexOf(found) === sids.lastIndexOf(found);
    if (unique) {
      const [path, name] = [`Statement[Sid=${cut(found, 64)}]`, `Statement "${cut(found, 64)}"`];
      return [text, { written, text, leaves, sid: found, path, name }];
    }
    const path = `Statement[${String(index)}]`;
    return [text, { written, text, leaves, sid: undefined, path, name: `${path} (${outlineOf(written)})` }];
  });
  return [...new Map(views).values()];
}

function outlineOf(statement: Json): string {
  if (!isObject(statement)) return show(statement);
  const first = (field: string, before = ''): string[] => {
    const [value, ...more] = listOf(own(statement, field) ?? []);
    if (value === undefined) return [];
    return [before + show(value) + (more.length === 0 ? '' : ` and ${String(more.length)} more`)];
  };
  const what = [...first('Effect'), ...first('Action'), ...first('NotAction', 'all but ')];
  const where = [...first('Resource', 'on '), ...first('NotResource', 'on all but ')];
  return cut([...what, ...where, ...first('Principal', 'to '), ...first('NotPrincipal', 'to all but ')].join(' '), 140);
}

/** Pairs statements by Sid, then the most alike first, as long as a third of what they say is common. */
function matched(wanted: readonly StatementView[], seen: readonly StatementView[]): Map<StatementView, StatementView> {
  const tokens = ({ leaves }: StatementView): Set<string> =>
    new Set([...leaves].flatMap(([key, { value }]) => listOf(value).map((one) => key + JSON.stringify(one))));
  const others = seen.map((other) => ({ other, theirs: tokens(other) }));
  const candidates = wanted.flatMap((view) => {
    const ours = tokens(view);
    return others.map(({ other, theirs }) => {
      const common = [...ours].filter((token) => theirs.has(token)).length;
      const sameSid = view.sid !== undefined && view.sid === other.sid;
      return { view, other, score: sameSid ? 2 : common / Math.max(1, ours.size + theirs.size - common) };
    });
  });
  const pairs = new Map<StatementView, StatementView>();
  const taken = new Set<StatementView>();
  for (const { view, other, score } of candidates.sort((a, b) => b.score - a.score)) {
    if (score < 1 / 3 || pairs.has(view) || taken.has(other)) continue;
    pairs.set(view, other);
    taken.add(other);
  }
  return pairs;
}

function leavesOf(fields: readonly [string, Json][]): Leaves {
  const leaves = new Map<string, { path: readonly string[]; value: Json }>();
  const visit = (path: readonly string[], value: Json, depth: number): void => {
    if (depth === 0 || !isObject(value) || Object.keys(value).length === 0) {
      leaves.set(JSON.stringify(path), { path, value: sorted(value) });
    } else for (const [key, inner] of Object.entries(value)) visit([...path, key], inner, depth - 1);
  };
  for (const [field, value] of fields) visit([field], value, DEPTH.get(field) ?? 0);
  return leaves;
}

/** How far down a field is compared part by part. */
const DEPTH: ReadonlyMap<string, number> = new Map([
  ['Principal', 1],
  ['NotPrincipal', 1],
  ['Condition', 2],
]);

/** @param spelling - how folded actions and condition keys are written */
function leafChanges(
  desired: Leaves,
  observed: Leaves,
  at: string,
  label: string,
  spelling: ReadonlyMap<string, string>,
): DocumentChange[] {
  const spell = (name: Json): Json => (typeof name === 'string' ? (spelling.get(name) ?? name) : name);
  const changes: DocumentChange[] = [];
  for (const [id, { path }] of new Map([...observed, ...desired])) {
    const [field = '', part, key] = path;
    const [before, after] = [observed.get(id)?.value, desired.get(id)?.value];
    if (JSON.stringify(before) === JSON.stringify(after)) continue;
    const shown = (value: Json | undefined): Json | undefined =>
      field.endsWith('Action') && isList(value) ? value.map(spell) : value;
    const inside = (part === undefined ? '' : `.${part}`) + (key === undefined ? '' : `[${show(spell(key), 200)}]`);
    const what = difference(shown(before), shown(after), field.endsWith('Principal'));
    changes.push(change(at + field + inside, shown(before), shown(after), `${label}${field}${inside} ${what}`));
  }
  return changes;
}

function difference(before: Json | undefined, after: Json | undefined, principals: boolean): string {
  const fallback = `${show(before)} -> ${show(after)}`;
  if ([before, after].some((value) => value !== undefined && !isList(value))) return fallback;
  const less = (sign: string, from: Json = [], what: Json = []): string[] => {
    const known = new Set(listOf(what).map((one) => JSON.stringify(one)));
    const left = listOf(from).filter((one) => !known.has(JSON.stringify(one)));
    const texts = left.map((one) => show(one) + (principals && isUniqueId(one) ? ' (a deleted principal)' : ''));
    return texts.length === 0 ? [] : [`${sign} ${texts.join(', ')}`];
  };
  return [...less('+', after, before), ...less('-', before, after)].join(' ') || fallback;
}

/** Whether it is what IAM shows in place of the ARN of a user or role that is gone. */
function isUniqueId(value: Json): value is string {
  return typeof value === 'string' && /^A(?:ROA|IDA)[A-Z0-9]{12,}(?::.*)?$/.test(value);
}

/**
 * Lists the unique IDs (`AROA…`, `AIDA…`) among the AWS principals: IAM shows them in place of the ARN once the role or
 * user is deleted. One with the same name, made anew, is not meant by them; the document has to be written again.
 */
export function danglingPrincipals(observed: unknown): string[] {
  const document = toJson(observed);
  const principals = (isObject(document) ? statementsOf(document) : [])
    .filter(isObject)
    .flatMap((statement) => [own(statement, 'Principal'), own(statement, 'NotPrincipal')])
    .filter(isObject)
    .flatMap((principal) => listOf(own(principal, 'AWS') ?? []));
  return [...new Set(principals.filter(isUniqueId))];
}

// Offline checks

/** Characters that count against IAM's quotas: white space outside of strings does not. */
export function documentSize(doc: unknown): number {
  return JSON.stringify(toJson(doc)).length;
}

/**
 * Finds what IAM would refuse as MalformedPolicyDocument, as far as the document alone shows it; whether principals,
 * actions and condition keys exist is not looked at, nor is the size. A string that holds a `{{…}}` reference passes
 * every check of its form. `path` points into the document as written: `Statement[0].Action[1]`.
 *
 * @throws TypeError as {@link canonicalDocument}
 */
export function validateDocument(doc: unknown, type: DocumentType): DocumentProblem[] {
  const problems: DocumentProblem[] = [];
  const refuse: Refuse = (path, message, remedy) => void problems.push({ path, message, remedy });
  const document = toJson(doc);
  if (!isObject(document)) {
    refuse('', `policy document ${quote(document)} is not an object`, 'write an object with Version and Statement');
    return problems;
  }
  const strange = /[\u0100-\u{10ffff}]/u.exec(JSON.stringify(document))?.[0];
  if (strange !== undefined) refuse('', `character "${strange}" is refused by IAM`, 'use characters up to U+00FF');
  checkFields(document, ['Version', 'Id', 'Statement'], '', refuse);
  checkChoice(own(document, 'Version'), ['2012-10-17', DEFAULT_VERSION], 'Version', refuse);
  const statements = statementsOf(document);
  if (statements.length === 0) refuse('Statement', 'policy document has no statement', 'write at least one statement');
  const sids = new Set<Json>(['']);
  for (const [index, statement] of statements.entries()) {
    const at = isList(own(document, 'Statement')) ? `Statement[${String(index)}]` : 'Statement';
    if (!isObject(statement)) {
      refuse(at, `statement ${quote(statement)} is not an object`, 'write an object with Effect and Action');
      continue;
    }
    checkStatement(statement, at, type === 'trust', refuse);
    const sid = own(statement, 'Sid') ?? '';
    if (sid !== '' && sids.has(sid)) refuse(`${at}.Sid`, `Sid ${quote(sid)} is used twice`, 'write a Sid of its own');
    sids.add(sid);
  }
  return problems;
}

type Refuse = (path: string, message: string, remedy: string) => void;

/** What a string has to look like. */
interface Form {
  readonly pattern: RegExp;
  readonly fault: string;
  readonly remedy: string;
}
const SID: Form = {
  pattern: /^[A-Za-z0-9]*$/,
  fault: 'has other than letters and digits',
  remedy: 'write A-Z, a-z, 0-9',
};
const ACTION: Form = {
  pattern: /^(?:\*|(?:[\w-]+|\*):[\w*?-]+)$/,
  fault: 'does not have the form service:Name',
  remedy: 'write it as in "s3:GetObject", or "*"',
};
const TRUST_ACTION: Form = {
  pattern: /^(?:\*|(?:sts|\*):[\w*?-]+)$/i,
  fault: 'is not an action of STS',
  remedy: 'write an action of STS, as in "sts:AssumeRole"',
};
const RESOURCE: Form = { pattern: /^(?:\*$|arn:)/, fault: 'is not an ARN', remedy: 'write an ARN ("arn:…"), or "*"' };
const AWS_PRINCIPAL: Form = {
  pattern: /^(?:\*$|\d{12}$|arn:|A(?:ROA|IDA)[A-Z0-9]{12,})/,
  fault: 'is neither an ARN nor an account ID',
  remedy: 'write an ARN, an account ID of 12 digits, or "*"',
};
const ANY: Form = { pattern: /^/, fault: '', remedy: '' };

const EXCLUSIVE = [
  ['Action', 'NotAction'],
  ['Resource', 'NotResource'],
  ['Principal', 'NotPrincipal'],
] as const;
const STATEMENT_FIELDS = ['Sid', 'Effect', ...EXCLUSIVE.flat(), 'Condition'];
const PRINCIPAL_TYPES = ['AWS', 'Service', 'Federated', 'CanonicalUser'];
const ORDERS = ['Equals', 'NotEquals', 'LessThan', 'LessThanEquals', 'GreaterThan', 'GreaterThanEquals'];
const OPERATORS = [
  ...['Equals', 'NotEquals', 'EqualsIgnoreCase', 'NotEqualsIgnoreCase', 'Like', 'NotLike'].map(
    (name) => `String${name}`,
  ),
  ...['Equals', 'NotEquals', 'Like', 'NotLike'].map((name) => `Arn${name}`),
  ...ORDERS.flatMap((name) => [`Numeric${name}`, `Date${name}`]),
  ...['IpAddress', 'NotIpAddress', 'Bool', 'Null', 'BinaryEquals'],
];

const quote = (value: Json): string => (typeof value === 'string' ? `"${show(value)}"` : show(value));
const isOpen = (value: Json): boolean => typeof value === 'string' && /\{\{[^]*\}\}/.test(value);

function checkStatement(statement: JsonObject, at: string, trust: boolean, refuse: Refuse): void {
  checkFields(statement, STATEMENT_FIELDS, `${at}.`, refuse);
  if (isList(own(statement, 'Sid'))) refuse(`${at}.Sid`, 'Sid is a list', 'write one Sid');
  checkStrings(own(statement, 'Sid'), `${at}.Sid`, trust ? ANY : SID, refuse);
  if (!Object.hasOwn(statement, 'Effect')) refuse(at, 'statement has no Effect', 'write Effect "Allow" or "Deny"');
  checkChoice(own(statement, 'Effect'), ['Allow', 'Deny'], `${at}.Effect`, refuse);
  const unwanted = trust ? 'Resource' : 'Principal';
  for (const [field, opposite] of EXCLUSIVE) {
    const present = [field, opposite].filter((name) => Object.hasOwn(statement, name));
    if (field === unwanted) {
      const policy = trust ? 'a trust policy' : 'an identity policy';
      for (const name of present) refuse(`${at}.${name}`, `${name} has no place in ${policy}`, `remove ${name}`);
      continue;
    }
    const either = `${field} or ${opposite}`;
    if (present.length === 0) refuse(at, `statement has neither ${field} nor ${opposite}`, `write ${either}`);
    if (present.length === 2) refuse(at, `statement has both ${field} and ${opposite}`, `keep either ${either}`);
    for (const name of present) {
      const value = own(statement, name) ?? null;
      if (field === 'Principal') checkPrincipal(value, `${at}.${name}`, refuse);
      else
        checkStrings(value, `${at}.${name}`, field === 'Resource' ? RESOURCE : trust ? TRUST_ACTION : ACTION, refuse);
    }
  }
  checkCondition(own(statement, 'Condition'), `${at}.Condition`, refuse);
}

function checkPrincipal(principal: Json, at: string, refuse: Refuse): void {
  if (principal === '*' || isOpen(principal)) return;
  if (!isObject(principal) || Object.keys(principal).length === 0) {
    refuse(at, `principal ${quote(principal)} names nobody`, 'write "*" or an object such as { "AWS": "arn:…" }');
    return;
  }
  checkFields(principal, PRINCIPAL_TYPES, `${at}.`, refuse);
  for (const [type, value] of Object.entries(principal)) {
    checkStrings(value, `${at}.${type}`, type === 'AWS' ? AWS_PRINCIPAL : ANY, refuse);
  }
}

function checkCondition(condition: Json = {}, at: string, refuse: Refuse): void {
  const remedy = 'write { "StringEquals": { "aws:PrincipalTag/team": "platform" } }';
  if (!isObject(condition)) {
    refuse(at, `condition ${quote(condition)} is not an object`, remedy);
    return;
  }
  for (const [operator, block] of Object.entries(condition)) {
    const path = `${at}.${operator}`;
    const name = operator.replace(/^For(?:AllValues|AnyValue):/, '').replace(/IfExists$/, '');
    const likely = OPERATORS.includes(name) ? undefined : nearest(name, OPERATORS);
    if (likely !== undefined) {
      refuse(path, `unknown condition operator "${show(operator)}"`, `write "${operator.replace(name, likely)}"`);
    }
    if (!isObject(block)) refuse(path, `condition ${quote(block)} is not an object`, remedy);
    for (const [key, values] of Object.entries(isObject(block) ? block : {})) {
      const wrong = listOf(values).find((value) => typeof value === 'object');
      if (wrong === undefined) continue;
      refuse(
        path,
        `condition value ${quote(wrong)} of "${show(key)}" is not a string`,
        'write a string or a list of them',
      );
    }
  }
}

function checkChoice(value: Json | undefined, choices: readonly string[], at: string, refuse: Refuse): void {
  if (value === undefined || isOpen(value) || choices.some((choice) => choice === value)) return;
  refuse(at, `${fieldOf(at)} ${quote(value)} does not exist`, `write ${choices.map((one) => `"${one}"`).join(' or ')}`);
}

function checkStrings(value: Json | undefined, at: string, form: Form, refuse: Refuse): void {
  if (value === undefined) return;
  if (isList(value) && value.length === 0) refuse(at, `${fieldOf(at)} is an empty list`, 'write at least one value');
  for (const [index, member] of listOf(value).entries()) {
    const path = isList(value) ? `${at}[${String(index)}]` : at;
    const said = `${fieldOf(at)} ${quote(member)}`;
    if (typeof member !== 'string') refuse(path, `${said} is not a string`, 'write it in quotes');
    else if (!isOpen(member) && !form.pattern.test(member)) refuse(path, `${said} ${form.fault}`, form.remedy);
  }
}

const fieldOf = (path: string): string => path.slice(path.lastIndexOf('.') + 1);

function checkFields(object: JsonObject, known: readonly string[], at: string, refuse: Refuse): void {
  for (const field of Object.keys(object).filter((name) => !known.includes(name))) {
    const likely = nearest(field, known);
    const remedy = likely === undefined ? `use ${known.join(', ')} only` : `write "${likely}"`;
    refuse(at + field, `unknown field "${show(field)}"`, remedy);
  }
}

/** The known name that is one typing error away, case aside. */
function nearest(name: string, known: readonly string[]): string | undefined {
  if (name.length > 40) return undefined;
  const shorter = (text: string): string[] => [
    text,
    ...Array.from(text, (_, i) => text.slice(0, i) + text.slice(i + 1)),
  ];
  const ours = new Set(shorter(name.toLowerCase()));
  const near = known.filter((one) => shorter(one.toLowerCase()).some((text) => ours.has(text)));
  return near.find((one) => one.toLowerCase() === name.toLowerCase()) ?? near[0];
}
