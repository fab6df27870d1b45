import {
  identityText,
  principalText,
  type Identity,
  type Principal,
  type ProofQuestion,
  type ProofTerms,
} from '../../contract/identity.js';
import { isOfPrincipals, type Matcher, type Requesters } from '../identity-schema.js';
import { issuersOf, PERSON_CLAIMS } from '../issuers.js';
import type { Guardrails } from '../parse.js';
import type { Scope } from '../template.js';
import { contextsOf, isListed, Violations, type RuleContext, type Violation } from '../violation.js';

/** Identities that a message names. */
const MAX_NAMED = 5;

/** The proofs that the guardrails ask for. */
export interface ProofDemand {
  /** The requester has to be proven. */
  readonly requester: boolean;
  /** A token can prove it. */
  readonly token: boolean;
  /** Temporal's principal can prove it, for one rule at least. */
  readonly principal: boolean;
  /** A rule can be satisfied by a token only. */
  readonly onlyToken: boolean;
  /** The highest number of approvals that a rule needs; 0 where none is needed. */
  readonly approvals: number;
  /** The requester cannot approve. */
  readonly notRequester: boolean;
  /** The identities whose approval counts, for people. */
  readonly approvers: string;
}

/** Returns what the guardrails ask for where a request is applied. */
export function demandOf(guardrails: Guardrails, scope: Scope): ProofDemand {
  const contexts = contextsOf(guardrails, scope, new Violations(guardrails));
  const rules = contexts.flatMap(({ rules: { apply } }) => apply?.approval ?? []);
  const notRequester = rules.some(({ not }) => not !== undefined);
  const lists = contexts.flatMap(({ rules: { apply } }) => (apply?.only === undefined ? [] : [apply.only]));
  return {
    requester: notRequester || lists.length > 0,
    token: notRequester || lists.some((only) => !only.every(isOfPrincipals)),
    principal: lists.some((only) => only.some(isOfPrincipals)),
    onlyToken: notRequester || lists.some((only) => !only.some(isOfPrincipals)),
    approvals: Math.max(0, ...rules.map(({ count = 1 }) => count)),
    notRequester,
    approvers: [...new Set(rules.map(({ by }) => whoText(by)))].join('; and '),
  };
}

/** Returns what a client needs to prove who it is. The key to seal tokens for is the worker's. */
export function termsOf(guardrails: Guardrails, question: ProofQuestion, partition: string): Omit<ProofTerms, 'key'> {
  const { account, namespace, environment } = question;
  const accounts = account === null ? Object.keys(guardrails.rules.accounts) : [account];
  const demands = accounts.map((id) =>
    demandOf(guardrails, { target: { account: id, partition }, namespace, environment }),
  );
  return {
    issuers: issuersOf(guardrails.rules).map(({ name, issuer, audience }) => ({
      name,
      issuer,
      ...(audience === undefined ? {} : { audience }),
    })),
    requests: demands.some(({ token }) => token),
    ...(demands.some(({ onlyToken }) => onlyToken) ? {} : { principals: true }),
    approvals: demands.some(({ approvals }) => approvals > 0),
  };
}

/** Returns the rules that a decision without a proof does not satisfy. */
export function unprovenDecision(guardrails: Guardrails, scope: Scope): readonly Violation[] {
  const violations = new Violations(guardrails);
  for (const context of contextsOf(guardrails, scope, violations)) {
    const { approval } = context.rules.apply ?? {};
    if (approval === undefined) continue;
    const message = `the decision has no OIDC token: only that of ${whoText(approval.by)} counts`;
    context.refuse(['apply', 'approval'], message);
  }
  return violations.found;
}

/** Returns the rules that a request without a token does not satisfy. Temporal's principal may satisfy some. */
export function unprovenRequest(guardrails: Guardrails, scope: Scope, principal?: Principal): readonly Violation[] {
  const violations = new Violations(guardrails);
  for (const context of contextsOf(guardrails, scope, violations)) {
    const { only, approval } = context.rules.apply ?? {};
    if (only !== undefined && !isPrincipalOf(only, principal, context)) {
      context.refuse(['apply', 'only'], unprovenText(only, principal));
    } else if (approval?.not !== undefined) {
      const who = only === undefined ? 'proven identities' : whoText(only);
      context.refuse(['apply', 'approval', 'not'], `the request has no OIDC token: only ${who} may apply`);
    }
  }
  return violations.found;
}

function unprovenText(only: readonly Requesters[], principal: Principal | undefined): string {
  if (!only.some(isOfPrincipals)) return `the request has no OIDC token: only ${whoText(only)} may apply`;
  const token = only.every(isOfPrincipals) ? '' : 'the request has no OIDC token, and ';
  const recorded =
    principal === undefined
      ? 'Temporal has recorded no principal for the start of this run: only'
      : `${principalText(principal)} may not apply: only`;
  return `${token}${recorded} ${whoText(only)}${principal === undefined ? ' may apply' : ''}`;
}

/** Returns why an identity, with Temporal's principal beside it, may not have a manifest applied. */
export function evaluateRequester(
  guardrails: Guardrails,
  scope: Scope,
  requester: Identity,
  principal?: Principal,
): readonly Violation[] {
  const violations = new Violations(guardrails);
  for (const context of contextsOf(guardrails, scope, violations)) {
    const { only } = context.rules.apply ?? {};
    if (only === undefined || isOneOf(only, requester, guardrails, context)) continue;
    if (isPrincipalOf(only, principal, context)) {
      // The token only has to tell the requester from those who approve. One of an issuer of theirs does.
      refuseIncomparable(guardrails, contextsOf(guardrails, scope, violations), requester);
      continue;
    }
    context.refuse(['apply', 'only'], `${identityText(requester)} may not apply: only ${whoText(only)}`);
  }
  return violations.found;
}

/** Refuses a requester whose token is of another issuer than those of the approvers that it must be none of. */
function refuseIncomparable(
  { rules }: Guardrails,
  contexts: readonly RuleContext[],
  { issuer, subject }: Identity,
): void {
  for (const { rules: own, refuse } of contexts) {
    const { by, not } = own.apply?.approval ?? {};
    if (by === undefined || not === undefined) continue;
    const issuers = matchersOf(by, rules).map((matcher) => matcher.issuer);
    if (issuers.includes(issuer)) continue;
    const message = `${subject} (${issuer}) can be compared with no approver: the requester needs a token of ${[...new Set(issuers)].join(' or ')}`;
    refuse(['apply', 'approval', 'not'], message);
  }
}

/**
 * Returns why the decision of an identity about a plan does not count. It has to count for one of the rules. The requester
 * may reject a plan in any case.
 */
export function evaluateApprover(
  guardrails: Guardrails,
  scope: Scope,
  requester: Identity | undefined,
  approver: Identity,
  verdict: 'approved' | 'rejected' = 'approved',
): readonly Violation[] {
  const violations = new Violations(guardrails);
  const contexts = contextsOf(guardrails, scope, violations).filter(({ rules }) => rules.apply?.approval !== undefined);
  const isWanted = contexts.some((context) => isOneOf(whoOf(context), approver, guardrails, context));
  for (const context of contexts) {
    const { not } = context.rules.apply?.approval ?? {};
    if (!isWanted) {
      const message = `the decision of ${identityText(approver)} does not count: only that of ${whoText(whoOf(context))}`;
      context.refuse(['apply', 'approval', 'by'], message);
    } else if (
      verdict === 'approved' &&
      not !== undefined &&
      (requester === undefined || isSamePerson(requester, approver))
    ) {
      context.refuse(
        ['apply', 'approval', 'not'],
        `${identityText(approver)} has asked for the run, and cannot approve it`,
      );
    }
  }
  return violations.found;
}

/** Returns the rules that a plan's approvals do not satisfy yet. */
export function missingApprovals(
  guardrails: Guardrails,
  scope: Scope,
  requester: Identity | undefined,
  approvers: readonly Identity[],
): readonly Violation[] {
  const violations = new Violations(guardrails);
  const distinct = approvers.filter(
    (approver, index) => !approvers.slice(0, index).some((earlier) => isSamePerson(earlier, approver)),
  );
  for (const context of contextsOf(guardrails, scope, violations)) {
    const { approval } = context.rules.apply ?? {};
    if (approval === undefined) continue;
    const { by, not, count = 1 } = approval;
    const counted = distinct.filter(
      (approver) =>
        isOneOf(by, approver, guardrails, context) &&
        (not === undefined || (requester !== undefined && !isSamePerson(requester, approver))),
    );
    if (counted.length >= count) continue;
    const message = `${String(counted.length)} of ${String(count)} approvals by ${whoText(by)}`;
    context.refuse(['apply', 'approval'], message);
  }
  return violations.found;
}

function whoOf({ rules }: RuleContext): readonly Requesters[] {
  return rules.apply?.approval?.by ?? [];
}

function isOneOf(
  who: readonly Requesters[],
  identity: Identity,
  { rules }: Guardrails,
  { scope }: RuleContext,
): boolean {
  return matchersOf(who, rules).some((matcher) => matches(matcher, identity, scope));
}

/** Returns the matchers of tokens in a list, those of its groups included. */
function matchersOf(who: readonly Requesters[], rules: Guardrails['rules']): readonly Matcher[] {
  const groups = rules.identity?.groups ?? {};
  return who.flatMap((one) => {
    if (typeof one !== 'string') return isOfPrincipals(one) ? [] : one;
    return Object.hasOwn(groups, one) ? (groups[one] ?? []) : [];
  });
}

/** Reports whether a rule names Temporal's principal. One that was not recorded is nobody. */
function isPrincipalOf(only: readonly Requesters[], principal: Principal | undefined, { scope }: RuleContext): boolean {
  if (principal === undefined) return false;
  return only.some((one) => {
    if (!isOfPrincipals(one)) return false;
    const { principal: name, type = '*' } = one;
    return isListed([name], principal.name, scope) && isListed([type], principal.type, scope);
  });
}

function matches({ issuer, ...claims }: Matcher, identity: Identity, scope: Scope): boolean {
  if (identity.by !== 'oidc' || identity.issuer !== issuer) return false;
  return Object.entries(claims).every(([name, pattern]) =>
    valuesOf(identity, name).some((value) => isListed([pattern], value, scope)),
  );
}

function valuesOf({ subject, claims }: Identity, name: string): readonly string[] {
  if (name === 'sub') return [subject];
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
  return value === undefined ? [] : typeof value === 'string' ? [value] : value;
}

/** Reports whether two identities are, or may be, one person: people have different subjects in the jobs that they start. */
export function isSamePerson(a: Identity, b: Identity): boolean {
  if (a.by !== b.by || a.issuer !== b.issuer) return false;
  if (a.subject === b.subject) return true;
  return PERSON_CLAIMS.some((name) => {
    const values = valuesOf(b, name);
    return valuesOf(a, name).some((value) => value !== '' && values.includes(value));
  });
}

function whoText(who: readonly Requesters[]): string {
  const shown = who.slice(0, MAX_NAMED).map((one) => {
    if (typeof one === 'string') return `group ${one}`;
    return Object.entries(one)
      .map(([name, value = '']) => `${name} ${value}`)
      .join(', ');
  });
  const more = who.length - shown.length;
  return [...shown, ...(more === 0 ? [] : [`${String(more)} more`])].join(' or ');
}
