import type { Json, JsonObject } from '../../contract/entity.js';
import { asList } from '../../contract/json.js';
import { isObject, objectOrEmpty, ownValue } from '../../engine/json.js';
import { namesOwner, parsePrincipalArn, sharedIssuer } from '../../engine/policy/index.js';
import { truncate } from '../../engine/text.js';
import { foldCase, literalOf, overlap } from '../patterns.js';
import { isListed, renderPatterns, type RuleContext } from '../violation.js';
import { allowingStatements, textsOf, UnreadableDocumentError } from './documents.js';

const PRINCIPAL_TYPES = ['AWS', 'Service', 'Federated'];

/** Refuses principals that a role may not trust. */
export function checkTrust(context: RuleContext, subject: string, document: Json): void {
  if (context.rules.trust === undefined) return;
  try {
    for (const statement of allowingStatements(document)) checkStatement(context, subject, statement);
  } catch (error) {
    if (!(error instanceof UnreadableDocumentError)) throw error;
    context.refuse(['trust'], `${subject} cannot be judged: ${error.message}`);
  }
}

function checkStatement(context: RuleContext, subject: string, statement: JsonObject): void {
  if (ownValue(statement, 'NotPrincipal') !== undefined) {
    refuseAnyone(context, `${subject} trusts everyone but the principals that it names`);
    return;
  }
  const principal = ownValue(statement, 'Principal');
  if (principal === undefined) throw new UnreadableDocumentError('a statement has no Principal');
  if (!isObject(principal)) {
    if (principal !== '*') throw new UnreadableDocumentError('a Principal is neither an object nor "*"');
    refuseAnyone(context, `${subject} trusts everyone (principal "*")`);
    return;
  }
  const other = Object.keys(principal).find((type) => !PRINCIPAL_TYPES.includes(type));
  if (other !== undefined) throw new UnreadableDocumentError(`a trust policy has no principals of type ${other}`);
  for (const member of textsOf(principal, 'AWS') ?? []) checkAwsPrincipal(context, subject, member);
  for (const member of textsOf(principal, 'Service') ?? []) {
    if (/[*?]/.test(member)) refuseAnyone(context, `${subject} trusts every service (${shown(member)})`);
  }
  for (const member of textsOf(principal, 'Federated') ?? []) checkProvider(context, subject, member, statement);
}

/** Refuses what nobody is left out of. No rule about certain principals allows it either. */
function refuseAnyone({ rules: { trust }, refuse }: RuleContext, message: string): void {
  for (const rule of ['denyAnyone', 'accounts', 'providers'] as const) {
    const value = trust?.[rule];
    if (value === undefined || value === false) continue;
    refuse(['trust', rule], message);
    return;
  }
}

function checkAwsPrincipal(context: RuleContext, subject: string, member: string): void {
  if (/[*?]/.test(member)) {
    refuseAnyone(context, `${subject} trusts everyone (AWS principal ${shown(member)})`);
    return;
  }
  const { rules, scope, refuse } = context;
  const accounts = rules.trust?.accounts;
  if (accounts === undefined) return;
  const account = /^\d{12}$/.test(member) ? member : parsePrincipalArn(member)?.account;
  if (account === scope.target.account || (account !== undefined && accounts.includes(account))) return;
  refuse(['trust', 'accounts'], `${subject} trusts ${shown(member)}, which is of no account that may be trusted`);
}

function checkProvider(context: RuleContext, subject: string, member: string, statement: JsonObject): void {
  if (/[*?]/.test(member)) {
    refuseAnyone(context, `${subject} trusts every identity provider (${shown(member)})`);
    return;
  }
  const arn = parsePrincipalArn(member);
  const issuer = arn === undefined ? member : arn.path;
  checkListed(context, subject, member, issuer);
  // A company's SAML provider signs in the company's own people.
  if (arn?.type === 'saml-provider') return;
  checkSubject(context, subject, issuer, statement);
  const claims = ['sub', sharedIssuer(issuer)?.trustClaim ?? 'sub'];
  if (context.rules.trust?.denyAnyone !== true || isLimited(statement, issuer, claims)) return;
  const message = `${subject} trusts every token of ${shown(issuer)}: no condition limits ${shown(issuer)}:${claims.at(-1) ?? 'sub'}`;
  context.refuse(['trust', 'denyAnyone'], message);
}

function checkListed({ rules, scope, refuse }: RuleContext, subject: string, member: string, issuer: string): void {
  const { providers, accounts } = rules.trust ?? {};
  if (providers !== undefined && ![member, issuer].some((text) => isListed(providers, text, scope))) {
    refuse(['trust', 'providers'], `${subject} trusts the identity provider ${shown(member)}, which is not listed`);
  }
  const account = parsePrincipalArn(member)?.account ?? scope.target.account;
  if (accounts !== undefined && account !== scope.target.account && !accounts.includes(account)) {
    refuse(['trust', 'accounts'], `${subject} trusts ${shown(member)}, which is of no account that may be trusted`);
  }
}

function checkSubject(
  { rules, scope, refuse }: RuleContext,
  subject: string,
  issuer: string,
  statement: JsonObject,
): void {
  for (const [index, text] of (rules.trust?.requireSubject ?? []).entries()) {
    const { patterns, isComplete } = renderPatterns([text], scope, foldCase);
    const isRequired = !isComplete || patterns.some((pattern) => overlap(pattern, literalOf(foldCase(issuer))));
    if (!isRequired || isLimited(statement, issuer, ['sub'])) continue;
    const message = `${subject} trusts tokens of ${shown(issuer)} whatever their subject: no condition limits ${shown(issuer)}:sub`;
    refuse(['trust', 'requireSubject', index], message);
  }
}

/** Operators that require a value. With IfExists or ForAllValues, a token without the claim would pass. */
const REQUIRING = /^(?:ForAnyValue:)?String(?:Equals|EqualsIgnoreCase|Like)$/;

/** Reports whether conditions allow certain values of one of the claims only. */
function isLimited(statement: JsonObject, issuer: string, claims: readonly string[]): boolean {
  const keys = claims.map((claim) => foldCase(`${issuer}:${claim}`));
  const found = Object.entries(objectOrEmpty(ownValue(statement, 'Condition'))).flatMap(([operator, block]) =>
    Object.entries(objectOrEmpty(block)).flatMap(([key, values]) =>
      REQUIRING.test(operator) && keys.includes(foldCase(key)) ? [{ operator, values: asList(values) }] : [],
    ),
  );
  return (
    found.length > 0 &&
    found.every(({ operator, values }) => values.length > 0 && values.every((value) => isCertain(operator, value)))
  );
}

/** A policy variable, which could be the claim itself. `${*}` and the like are characters. */
const VARIABLE = /\$\{(?![*?$]\})/;

/** Reports whether a value is met by certain subjects only. */
function isCertain(operator: string, value: Json): boolean {
  if (typeof value !== 'string' || value === '' || VARIABLE.test(value)) return false;
  return !operator.endsWith('Like') || namesOwner(value);
}

function shown(text: string): string {
  return truncate(text, 200);
}
