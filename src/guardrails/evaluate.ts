import { entityId, normalizeName, type JsonObject } from '../contract/entity.js';
import { isObject, ownValue, strings } from '../engine/json.js';
import type { Guardrails } from './parse.js';
import { accessOf, checkAccount } from './rules/account.js';
import { checkBoundary } from './rules/boundary.js';
import { checkChange, checkEntity, checkSecrets, namesOf } from './rules/entities.js';
import { checkAttachment, checkDocument } from './rules/grants.js';
import { checkTrust } from './rules/trust.js';
import type { EntityToEvaluate } from './subject.js';
import type { Scope } from './template.js';
import { contextsOf, Violations, type RuleContext, type Violation } from './violation.js';

/** The property that holds the trust policy of a role. Every other document grants. */
const TRUST_POLICY = 'assumeRolePolicyDocument';

/** The property that lists attached managed policies. */
const ATTACHMENTS = 'managedPolicyArns';

/** Returns what a request may not name: its account and role, its environment, its namespace. */
export function evaluateRequest(guardrails: Guardrails, scope: Scope): readonly Violation[] {
  const violations = new Violations(guardrails);
  checkAccount(guardrails, scope, violations);
  return violations.found;
}

/**
 * Returns what a request may not declare of an entity. It counts whether or not anything is written now. An entity that is
 * only observed is never written.
 */
export function evaluateEntity(guardrails: Guardrails, scope: Scope, subject: EntityToEvaluate): readonly Violation[] {
  if (subject.entity.observe) return [];
  const violations = new Violations(guardrails);
  checkOperatorRoles(guardrails, scope, subject, violations);
  for (const context of contextsOf(guardrails, scope, violations)) {
    checkEntity(context, subject);
    checkChange(context, subject);
    checkSecrets(context, subject);
    checkBoundary(context, subject);
    if (subject.entity.state === 'present') checkPermissions(context, subject);
  }
  return violations.found;
}

function checkPermissions(context: RuleContext, { entity, spec, declaredPolicies }: EntityToEvaluate): void {
  const id = entityId(entity);
  for (const [property, value] of Object.entries(spec)) {
    if (property === TRUST_POLICY) checkTrust(context, `${property} of ${id}`, value);
    else if (property === ATTACHMENTS) {
      const arns = Array.isArray(value) ? (value as readonly unknown[]) : [value];
      for (const arn of arns) checkAttachment(context, id, String(arn), declaredPolicies);
    } else if (isObject(value)) {
      for (const [path, document] of documentsIn(property, value)) checkDocument(context, `${path} of ${id}`, document);
    }
  }
}

/** Finds documents by their form: those of a property, and those by name. */
function documentsIn(property: string, value: JsonObject): readonly (readonly [string, JsonObject])[] {
  if (Object.hasOwn(value, 'Statement')) return [[property, value]];
  return Object.entries(value).flatMap(([name, member]) =>
    isObject(member) ? documentsIn(`${property}.${name}`, member) : [],
  );
}

/** Refuses changes of the roles by which the worker itself enters the account. */
function checkOperatorRoles(
  guardrails: Guardrails,
  scope: Scope,
  { entity, spec }: EntityToEvaluate,
  violations: Violations,
): void {
  const names =
    entity.kind === 'Role'
      ? namesOf(entity)
      : entity.kind === 'InstanceProfile'
        ? strings(ownValue(spec, 'roles'))
        : [];
  if (names.length === 0) return;
  const { key, assumeRole, planRole } = accessOf(guardrails, scope);
  if (key === undefined) return;
  for (const [rule, arn] of Object.entries({ assumeRole, planRole })) {
    const role = normalizeName(arn?.slice(arn.lastIndexOf('/') + 1) ?? '');
    if (!names.some((name) => normalizeName(name) === role)) continue;
    const what = entity.kind === 'Role' ? 'is' : 'would hold';
    violations.below(['accounts', key])([rule], `${entityId(entity)} ${what} a role of the worker itself`);
  }
}
