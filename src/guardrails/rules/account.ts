import type { Target } from '../../contract/entity.js';
import type { Guardrails } from '../parse.js';
import { render, type Scope } from '../template.js';
import { accountKeyOf, contextsOf, isListed, listOf, Violations, type Refuse, type Violation } from '../violation.js';

/** The way into an account that the guardrails set. */
export interface AccountAccess {
  /** The key of the account in the file. Undefined where the file does not list it. */
  readonly key: string | undefined;
  readonly assumeRole: string | undefined;
  readonly planRole: string | undefined;
  readonly externalId: string | undefined;
}

/** Returns the roles of an account. All are undefined where the guardrails do not list it. */
export function accessOf(guardrails: Guardrails, scope: Scope): AccountAccess {
  const key = accountKeyOf(guardrails, scope.target.account);
  const account = key === undefined ? undefined : guardrails.rules.accounts[key];
  const rendered = (text: string | undefined): string | undefined =>
    text === undefined ? undefined : render(text, scope);
  return {
    key,
    assumeRole: rendered(account?.assumeRole),
    planRole: rendered(account?.planRole),
    externalId: account?.externalId,
  };
}

/** Returns what is wrong with an account and the way into it, for reads. A read may leave the choice of the role to us. */
export function evaluateAccess(guardrails: Guardrails, target: Target): readonly Violation[] {
  const violations = new Violations(guardrails);
  const scope = { target, namespace: '', environment: undefined };
  const { key, assumeRole } = accessOf(guardrails, scope);
  const account = key === undefined ? undefined : guardrails.rules.accounts[key];
  if (key === undefined || account === undefined) refuseAccount(scope, violations);
  else if (target.assumeRole !== undefined) {
    checkRole(account.assumeRole, assumeRole, scope, violations.below(['accounts', key]));
  }
  return violations.found;
}

function refuseAccount({ target }: Scope, violations: Violations): void {
  violations.below([])(['accounts'], `account ${target.account} is not allowed`);
}

/** Refuses accounts, roles, environments and namespaces that a request may not name. */
export function checkAccount(guardrails: Guardrails, scope: Scope, violations: Violations): void {
  const { key } = accessOf(guardrails, scope);
  const account = key === undefined ? undefined : guardrails.rules.accounts[key];
  if (key === undefined || account === undefined) {
    refuseAccount(scope, violations);
    return;
  }
  const refuse = violations.below(['accounts', key]);
  checkRole(account.assumeRole, accessOf(guardrails, scope).assumeRole, scope, refuse);
  checkEnvironment(account.environments, scope, refuse);
  for (const { rules, refuse: refuseRule } of contextsOf(guardrails, scope, violations)) {
    const { namespaces } = rules;
    if (namespaces === undefined || isListed(namespaces, scope.namespace, scope)) continue;
    refuseRule(['namespaces'], `namespace ${scope.namespace} is not allowed: ${listOf(namespaces, scope)}`);
  }
}

function checkRole(text: string | undefined, only: string | undefined, { target }: Scope, refuse: Refuse): void {
  const { account, assumeRole } = target;
  if (text === undefined) {
    if (assumeRole === undefined) return;
    refuse([], `role ${assumeRole} is not allowed: in account ${account} no role may be assumed`);
    return;
  }
  if (assumeRole !== undefined && assumeRole === only) return;
  const named = assumeRole === undefined ? 'the request names no role' : `role ${assumeRole} is not allowed`;
  refuse(['assumeRole'], `${named}: in account ${account} only ${only ?? text} may be assumed`);
}

function checkEnvironment(environments: readonly string[] | undefined, scope: Scope, refuse: Refuse): void {
  const { environment, target } = scope;
  if (environments === undefined || (environment !== undefined && isListed(environments, environment, scope))) return;
  const named =
    environment === undefined ? 'the request names no environment' : `environment ${environment} is not allowed`;
  refuse(['environments'], `${named} in account ${target.account}: ${listOf(environments, scope)}`);
}
