import { normalizeName, type Json } from '../contract/entity.js';
import type { Guardrails } from './parse.js';
import { accessOf } from './rules/account.js';
import { BOUNDARY, isPolicyNamed, requiredBoundary } from './rules/boundary.js';
import { checkMember, MEMBERS } from './rules/entities.js';
import { checkAttachment, checkDocument } from './rules/grants.js';
import { checkTrust } from './rules/trust.js';
import type { Scope } from './template.js';
import { contextsOf, Violations, type RuleContext, type Violation } from './violation.js';

/** One call that changes something in AWS. */
export interface WriteToEvaluate {
  /** The operation, as AWS spells it: `PutRolePolicy`. */
  readonly operation: string;
  readonly input: Readonly<Record<string, unknown>>;
  /** ARNs of managed policies whose documents the same request declares. */
  readonly declaredPolicies: ReadonlySet<string>;
}

/** Returns what one call to AWS may not do. It is judged by its input alone, whatever the request declares. */
export function evaluateWrite(guardrails: Guardrails, scope: Scope, write: WriteToEvaluate): readonly Violation[] {
  const violations = new Violations(guardrails);
  checkOperatorRoles(guardrails, scope, write, violations);
  for (const context of contextsOf(guardrails, scope, violations)) {
    checkDocuments(context, write);
    checkBoundary(context, write);
    for (const { input, memberKind } of MEMBERS.filter(({ operation }) => operation === write.operation)) {
      checkMember(context, `${write.operation} would add`, memberKind, String(write.input[input]));
    }
    const { PolicyArn } = write.input;
    if (write.operation.startsWith('Attach')) {
      checkAttachment(context, write.operation, String(PolicyArn), write.declaredPolicies);
    }
  }
  return violations.found;
}

/** Operations whose `PolicyDocument` is a trust policy. */
const TRUST_OPERATIONS = ['UpdateAssumeRolePolicy'];

function checkDocuments(context: RuleContext, { operation, input }: WriteToEvaluate): void {
  for (const [member, value] of Object.entries(input)) {
    if (value === undefined) continue;
    if (member === 'AssumeRolePolicyDocument') checkTrust(context, operation, documentOf(value));
    if (member !== 'PolicyDocument') continue;
    const check = TRUST_OPERATIONS.includes(operation) ? checkTrust : checkDocument;
    check(context, operation, documentOf(value));
  }
}

/** Reads a document as it is sent. What is no JSON is no document, and is refused as such. */
function documentOf(text: unknown): Json {
  try {
    return typeof text === 'string' ? (JSON.parse(text) as Json) : null;
  } catch {
    return null;
  }
}

function checkBoundary(context: RuleContext, { operation, input }: WriteToEvaluate): void {
  const required = requiredBoundary(context);
  if (required === undefined) return;
  const { refuse } = context;
  if (/^Delete(Role|User)PermissionsBoundary$/.test(operation)) {
    refuse(BOUNDARY, `${operation} would take the permissions boundary off`);
  }
  if (/^(Create(Role|User)|Put(Role|User)PermissionsBoundary)$/.test(operation)) {
    const { PermissionsBoundary: given } = input;
    const has = typeof given === 'string' ? `the permissions boundary ${given}` : 'no permissions boundary';
    if (required === null || given !== required) refuse(BOUNDARY, `${operation} would set ${has}`);
  }
  const { PolicyArn, PolicyName } = input;
  const name = typeof PolicyArn === 'string' ? PolicyArn.slice(PolicyArn.lastIndexOf('/') + 1) : PolicyName;
  const changesPolicy = /^(Create|Delete|SetDefault|Tag|Untag)Policy/.test(operation);
  if (changesPolicy && required !== null && typeof name === 'string' && isPolicyNamed(required, name)) {
    refuse(BOUNDARY, `${operation} would change the required permissions boundary itself`);
  }
}

/** Refuses changes of the roles by which the worker itself enters the account, and their use by others. */
function checkOperatorRoles(
  guardrails: Guardrails,
  scope: Scope,
  { operation, input: { RoleName } }: WriteToEvaluate,
  violations: Violations,
): void {
  if (typeof RoleName !== 'string') return;
  const { key, assumeRole, planRole } = accessOf(guardrails, scope);
  if (key === undefined) return;
  for (const [rule, arn] of Object.entries({ assumeRole, planRole })) {
    if (arn === undefined) continue;
    if (normalizeName(arn.slice(arn.lastIndexOf('/') + 1)) !== normalizeName(RoleName)) continue;
    violations.below(['accounts', key])([rule], `${operation} would change ${RoleName}, a role of the worker itself`);
  }
}
