import type { Json, JsonObject } from '../../contract/entity.js';
import { isList, isObject, jsonFrom, ownValue } from '../json.js';
import { nearest } from '../text.js';
import { asList, DEFAULT_VERSION, statementsOf } from './canonical.js';
import { showValue } from './diff.js';
import { hasReference, quote, type DocumentProblem, type Refuse } from './problem.js';
import { checkCondition } from './validate-condition.js';
import { awsPrincipalFlaw, CANONICAL_USER_FLAW, federatedFlaw, type Flaw } from './principals.js';

/** The use of a document. `boundary` is checked as `identity`: a permissions boundary is a managed policy. */
export type DocumentType = 'identity' | 'trust' | 'boundary';

/**
 * Counts the characters of a document as IAM counts them against its quotas: all but white space, inside of strings as
 * between them. White space is what JSON and IAM's own list of allowed characters have: space, tab, CR and LF.
 */
export function documentSize(doc: unknown): number {
  return JSON.stringify(jsonFrom(doc)).replace(/[ \t\r\n]/g, '').length;
}

/**
 * Finds what IAM would refuse as MalformedPolicyDocument, as far as the document alone shows it. It does not check the
 * size, nor that principals, actions and condition keys exist. A string with a `{{…}}` reference passes every check of
 * its form. `path` points into the document as written: `Statement[0].Action[1]`.
 *
 * @throws TypeError if the value cannot be JSON: a cycle, a BigInt
 */
export function validateDocument(doc: unknown, type: DocumentType): DocumentProblem[] {
  const problems: DocumentProblem[] = [];
  const refuse: Refuse = (path, message, remedy) => void problems.push({ path, message, remedy });
  const document = jsonFrom(doc);
  if (!isObject(document)) {
    refuse('', `policy document ${quote(document)} is not an object`, 'write an object with Version and Statement');
    return problems;
  }
  const unsupported = /[\u0100-\u{10ffff}]/u.exec(JSON.stringify(document))?.[0];
  if (unsupported !== undefined)
    refuse('', `IAM refuses the character "${unsupported}"`, 'use characters up to U+00FF');
  checkFields(document, ['Version', 'Id', 'Statement'], '', refuse);
  checkChoice(ownValue(document, 'Version'), ['2012-10-17', DEFAULT_VERSION], 'Version', refuse);
  const statements = statementsOf(document);
  if (statements.length === 0) refuse('Statement', 'policy document has no statement', 'write at least one statement');
  const sids = new Set<Json>(['']);
  for (const [index, statement] of statements.entries()) {
    const path = isList(ownValue(document, 'Statement')) ? `Statement[${String(index)}]` : 'Statement';
    if (!isObject(statement)) {
      refuse(path, `statement ${quote(statement)} is not an object`, 'write an object with Effect and Action');
      continue;
    }
    checkStatement(statement, path, type === 'trust', refuse);
    const sid = ownValue(statement, 'Sid') ?? '';
    if (sid !== '' && sids.has(sid)) refuse(`${path}.Sid`, `Sid ${quote(sid)} is used twice`, 'write a unique Sid');
    sids.add(sid);
  }
  return problems;
}

/** Finds what is wrong with a string; undefined for nothing. */
type Form = (text: string) => Flaw | undefined;

function form(pattern: RegExp, problem: string, remedy: string): Form {
  return (text) => (pattern.test(text) ? undefined : { problem, remedy });
}

const SID = form(/^[A-Za-z0-9]*$/, 'has characters other than letters and digits', 'write A-Z, a-z, 0-9');
const ACTION = form(
  /^(?:\*|(?:[\w-]+|\*):[\w*?-]+)$/,
  'does not have the form service:Name',
  'write it as in "s3:GetObject", or "*"',
);
const TRUST_ACTION = form(
  /^(?:\*|(?:sts|\*):[\w*?-]+)$/i,
  'is not an action of STS',
  'write an action of STS, as in "sts:AssumeRole"',
);
const RESOURCE = form(/^(?:\*$|arn:)/, 'is not an ARN', 'write an ARN ("arn:…"), or "*"');
const ANY: Form = () => undefined;

/** Pairs of fields that exclude each other. */
const EXCLUSIVE = [
  ['Action', 'NotAction'],
  ['Resource', 'NotResource'],
  ['Principal', 'NotPrincipal'],
] as const;
type ExclusiveField = (typeof EXCLUSIVE)[number][0];
const STATEMENT_FIELDS = ['Sid', 'Effect', ...EXCLUSIVE.flat(), 'Condition'];
const PRINCIPALS: ReadonlyMap<string, Form> = new Map([
  ['AWS', awsPrincipalFlaw],
  ['Service', ANY],
  ['Federated', federatedFlaw],
  ['CanonicalUser', () => CANONICAL_USER_FLAW],
]);

function checkStatement(statement: JsonObject, path: string, trust: boolean, refuse: Refuse): void {
  checkFields(statement, STATEMENT_FIELDS, `${path}.`, refuse);
  if (isList(ownValue(statement, 'Sid'))) refuse(`${path}.Sid`, 'Sid is a list', 'write one Sid');
  checkStrings(ownValue(statement, 'Sid'), `${path}.Sid`, trust ? ANY : SID, refuse);
  if (!Object.hasOwn(statement, 'Effect')) refuse(path, 'statement has no Effect', 'write Effect "Allow" or "Deny"');
  checkChoice(ownValue(statement, 'Effect'), ['Allow', 'Deny'], `${path}.Effect`, refuse);
  for (const [field, opposite] of EXCLUSIVE) {
    const present = [field, opposite].filter((name) => Object.hasOwn(statement, name));
    if (field === (trust ? 'Resource' : 'Principal')) {
      const policy = trust ? 'a trust policy' : 'an identity policy';
      for (const name of present) refuse(`${path}.${name}`, `${name} is not allowed in ${policy}`, `remove ${name}`);
      continue;
    }
    const either = `${field} or ${opposite}`;
    if (present.length === 0) refuse(path, `statement has neither ${field} nor ${opposite}`, `write ${either}`);
    if (present.length === 2) refuse(path, `statement has both ${field} and ${opposite}`, `keep either ${either}`);
    for (const name of present) {
      checkExclusive(field, ownValue(statement, name) ?? null, `${path}.${name}`, trust, refuse);
    }
  }
  checkCondition(ownValue(statement, 'Condition'), `${path}.Condition`, refuse);
}

function checkExclusive(field: ExclusiveField, value: Json, path: string, trust: boolean, refuse: Refuse): void {
  if (field === 'Principal') checkPrincipal(value, path, refuse);
  else if (field === 'Resource') checkStrings(value, path, RESOURCE, refuse);
  else checkStrings(value, path, trust ? TRUST_ACTION : ACTION, refuse);
}

function checkPrincipal(principal: Json, path: string, refuse: Refuse): void {
  if (principal === '*' || hasReference(principal)) return;
  if (!isObject(principal) || Object.keys(principal).length === 0) {
    refuse(path, `principal ${quote(principal)} is not valid`, 'write "*" or an object such as { "AWS": "arn:…" }');
    return;
  }
  checkFields(principal, [...PRINCIPALS.keys()], `${path}.`, refuse);
  for (const [type, value] of Object.entries(principal)) {
    checkStrings(value, `${path}.${type}`, PRINCIPALS.get(type) ?? ANY, refuse);
  }
}

function checkChoice(value: Json | undefined, choices: readonly string[], path: string, refuse: Refuse): void {
  if (value === undefined || hasReference(value) || choices.some((choice) => choice === value)) return;
  const remedy = `write ${choices.map((choice) => `"${choice}"`).join(' or ')}`;
  refuse(path, `${lastField(path)} ${quote(value)} is not valid`, remedy);
}

function checkStrings(value: Json | undefined, path: string, flawOf: Form, refuse: Refuse): void {
  if (value === undefined) return;
  if (isList(value) && value.length === 0) {
    refuse(path, `${lastField(path)} is an empty list`, 'write at least one value');
  }
  for (const [index, member] of asList(value).entries()) {
    const memberPath = isList(value) ? `${path}[${String(index)}]` : path;
    const subject = `${lastField(path)} ${quote(member)}`;
    if (typeof member !== 'string') refuse(memberPath, `${subject} is not a string`, 'write it in quotes');
    const flaw = typeof member !== 'string' || hasReference(member) ? undefined : flawOf(member);
    if (flaw !== undefined) refuse(memberPath, `${subject} ${flaw.problem}`, flaw.remedy);
  }
}

function lastField(path: string): string {
  return path.slice(path.lastIndexOf('.') + 1);
}

function checkFields(object: JsonObject, known: readonly string[], pathPrefix: string, refuse: Refuse): void {
  for (const field of Object.keys(object).filter((name) => !known.includes(name))) {
    const meant = nearest(field, known, 1);
    const remedy = meant === undefined ? `use ${known.join(', ')} only` : `write "${meant}"`;
    refuse(pathPrefix + field, `unknown field "${showValue(field)}"`, remedy);
  }
}
