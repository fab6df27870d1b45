import { awsError, failureTypeOf } from '../../aws/errors.js';
import { UnverifiedError, WrongAccountError } from '../../aws/guard.js';
import { entityId, type Json } from '../../contract/entity.js';
import type { FailureType } from '../../contract/failures.js';
import { NOT_CHECKABLE, type PolicyType } from '../../contract/policy-findings.js';
import type { DecisionAction } from '../../contract/report.js';
import type { BootstrapRequest } from '../../contract/request.js';
import { objectOrEmpty, ownValue, sortedJson } from '../../engine/json.js';
import { truncate } from '../../engine/text.js';
import {
  isCheckRequired,
  judgeFindings,
  policyChecksOf,
  type FindingsVerdict,
  type PolicyCheck,
  type PolicyCheckResult,
} from '../../guardrails/rules/access-analyzer.js';
import type { Account } from '../runtime/accounts.js';
import type { Enforcement } from '../runtime/enforcement.js';
import { withDecision, type AssessedEntity } from './assessed-entity.js';

/** Checks that are under way at a time. AWS allows few calls a second. */
const MAX_CHECKS_AT_A_TIME = 4;

/** The actions that write policies. */
const WRITING: ReadonlySet<DecisionAction> = new Set(['create', 'replace', 'adopt', 'update']);

/** A policy that allows nothing: the live one of an entity that has none of the name. An empty one is no policy. */
const NOTHING_ALLOWED: Readonly<Record<PolicyType, Json>> = {
  identity: { Version: '2012-10-17', Statement: [{ Effect: 'Deny', Action: '*', Resource: '*' }] },
  trust: { Version: '2012-10-17', Statement: [{ Effect: 'Deny', Principal: '*', Action: '*' }] },
};

/** A policy that a run would write. */
interface WrittenPolicy {
  /** The property that holds it: `inlinePolicies.state`. */
  readonly property: string;
  readonly type: PolicyType;
  readonly document: Json;
  /** The live policy that it replaces. Undefined where its entity is created: there is nothing to compare it with. */
  readonly existing: Json | undefined;
}

/**
 * Has AWS IAM Access Analyzer check the policies that the plan would write, as far as the guardrails ask for it, and
 * refuses entities that they do not allow then. Without such rules, and for entities that are as declared, no call is made.
 *
 * @throws the SDK's error for what passes, so that the activity is repeated: a throttled call, and, where a policy has to
 * be checked, a service that does not answer
 */
export async function checkPolicies(
  account: Account,
  entities: readonly AssessedEntity[],
  request: BootstrapRequest,
  enforcement: Enforcement,
): Promise<readonly AssessedEntity[]> {
  const { guardrails } = enforcement;
  const checks = guardrails === null ? [] : policyChecksOf(guardrails, request);
  if (guardrails === null || checks.length === 0) return entities;
  const asked = entities.map((assessed) =>
    writtenPolicies(assessed).flatMap((policy) =>
      checks.filter((check) => isMade(check, policy)).map((check): Job => ({ check, policy })),
    ),
  );
  const findings = await makeChecks(account, asked.flat(), (check) => isCheckRequired(guardrails, request, check));
  return entities.map((assessed, index) => {
    const jobs = asked[index] ?? [];
    if (jobs.length === 0) return assessed;
    const results = jobs.map((job) => ({
      check: job.check,
      property: job.policy.property,
      findings: findings.get(keyOf(job)) ?? [],
    }));
    const declared = declaredPolicies(assessed).length;
    const { violations, ...verdict } = judgeFindings(guardrails, request, {
      id: entityId(assessed.entity),
      suppressions: assessed.entity.suppressFindings ?? [],
      results,
      complete: checks.filter((check) => isComplete(check, results, declared)),
    });
    return withVerdict(assessed, verdict, enforcement.refusalFor(violations));
  });
}

/** Returns the entity with the findings, and refused where they say so. */
function withVerdict(
  assessed: AssessedEntity,
  { warnings, suppressed, link }: Omit<FindingsVerdict, 'violations'>,
  refusal: string | null,
): AssessedEntity {
  const noted: AssessedEntity = { ...assessed, findings: { warnings, ...(suppressed.length > 0 && { suppressed }) } };
  if (refusal === null) return noted;
  const page = link === null ? '' : ` (${link})`;
  const remedy = `correct the policies${page}, or ask the operator of the worker to change its guardrails`;
  return withDecision(noted, { action: 'refuse', reason: refusal, remedy });
}

function isMade(check: PolicyCheck, { existing }: WrittenPolicy): boolean {
  return check === 'validatePolicy' || existing !== undefined;
}

/** Reports whether a check was made of all policies that an entity declares. */
function isComplete(check: PolicyCheck, results: readonly PolicyCheckResult[], declared: number): boolean {
  const made = results.filter((result) => result.check === check && !('unavailable' in result.findings));
  return made.length === declared;
}

/** Returns the policies of an entity that its plan would write. */
function writtenPolicies(assessed: AssessedEntity): readonly WrittenPolicy[] {
  const { action } = assessed.planned.decision;
  if (!WRITING.has(action)) return [];
  const declared = declaredPolicies(assessed);
  if (action === 'create' || action === 'replace') return declared;
  const { changes } = assessed.assessment;
  return declared.filter(({ property }) => {
    const [name = '', ...rest] = property.split('.');
    const change = changes[name];
    return change !== undefined && (rest.length === 0 || change.put.includes(rest.join('.')));
  });
}

/** Returns all policies that an entity declares. */
function declaredPolicies({ kind, spec, observed, planned }: AssessedEntity): readonly WrittenPolicy[] {
  const isNew = planned.decision.action === 'create';
  const policyOf = (property: string, document: Json, live: Json | undefined): WrittenPolicy => {
    const type = typeOf(document);
    return { property, type, document, existing: isNew ? undefined : (live ?? NOTHING_ALLOWED[type]) };
  };
  return Object.entries(kind.properties).flatMap(([property, rule]) => {
    const [declared, live] = [spec[property], observed?.state[property]];
    if (declared === undefined || declared === null) return [];
    if (rule.type === 'document') return [policyOf(property, declared, live ?? undefined)];
    if (rule.type !== 'documents') return [];
    return Object.entries(objectOrEmpty(declared)).map(([name, document]) =>
      policyOf(`${property}.${name}`, document, ownValue(objectOrEmpty(live), name)),
    );
  });
}

/** Returns the type of a policy by its form: only one that says who is trusted names principals. */
function typeOf(document: Json): PolicyType {
  const statements = [ownValue(objectOrEmpty(document), 'Statement') ?? []].flat();
  const isTrust = statements.some((one) => /^(Not)?Principal$/m.test(Object.keys(objectOrEmpty(one)).join('\n')));
  return isTrust ? 'trust' : 'identity';
}

/** One check of one policy. Equal ones are made once. */
interface Job {
  readonly check: PolicyCheck;
  readonly policy: WrittenPolicy;
}

type Findings =
  | Exclude<PolicyCheckResult['findings'], { readonly unavailable: string }>
  | {
      readonly unavailable: string;
      /** The reason is not the policy but the permission or the service. */
      readonly isForAll: boolean;
    };

/** Returns the key that equal jobs share. */
function keyOf({ check, policy: { type, document, existing } }: Job): string {
  return sortedJson([check, type, document, check === 'checkNoNewAccess' ? existing : null]);
}

/** Makes the checks, some at a time, and returns their findings by {@link keyOf}. */
async function makeChecks(
  account: Account,
  jobs: readonly Job[],
  isRequired: (check: PolicyCheck) => boolean,
): Promise<ReadonlyMap<string, Findings>> {
  const findings = new Map<string, Findings>();
  /** Checks that cannot be made now: the answer to one counts for all, which would each wait as long for theirs. */
  const unavailable = new Map<PolicyCheck, Findings>();
  const unique = [...new Map(jobs.map((job) => [keyOf(job), job])).values()];
  const make = async (job: Job): Promise<void> => {
    const { check } = job;
    const found = unavailable.get(check) ?? (await findingsOf(account, job, isRequired(check)));
    if ('unavailable' in found && found.isForAll) unavailable.set(check, found);
    findings.set(keyOf(job), found);
  };
  // The first of each check is made alone: where it cannot be made, the others need no call.
  const isFirst = (job: Job): boolean => unique.find(({ check }) => check === job.check) === job;
  for (const job of unique.filter(isFirst)) await make(job);
  const queue = unique.filter((job) => !isFirst(job)).values();
  let hasFailed = false;
  const lane = async (): Promise<void> => {
    for (const job of queue) {
      if (hasFailed) return;
      await make(job).catch((error: unknown) => {
        hasFailed = true;
        throw error;
      });
    }
  };
  await Promise.all(Array.from({ length: MAX_CHECKS_AT_A_TIME }, lane));
  return findings;
}

const deniedBecause = (action: string): Findings => ({
  unavailable: `${action} is denied: grant it to the role that plans`,
  isForAll: true,
});

/** The results of checks that the worker may not make. */
const DENIED: Readonly<Record<PolicyCheck, Findings>> = {
  validatePolicy: deniedBecause('access-analyzer:ValidatePolicy'),
  checkNoNewAccess: deniedBecause('access-analyzer:CheckNoNewAccess'),
};

async function findingsOf(
  { clients: { policyAnalyzer } }: Account,
  { check, policy: { type, document, existing = null } }: Job,
  isRequired: boolean,
): Promise<Findings> {
  try {
    return check === 'validatePolicy'
      ? await policyAnalyzer.validate(type, document)
      : await policyAnalyzer.compare(type, document, existing);
  } catch (error) {
    const answer = awsError(error);
    const failure = failureTypeOf(answer);
    if (failure === 'AccessDenied') return DENIED[check];
    if (isAboutTheAccount(error) || REPEATED.has(failure) || (isRequired && PASSING.has(failure))) throw error;
    const text = `${answer.operation ?? check} answered ${answer.code}: ${truncate(answer.message, 200)}`;
    // Not a check that is unavailable: its author could write a policy so that the check does not count.
    if (ABOUT_THE_DOCUMENT.has(answer.code)) {
      return [{ code: NOT_CHECKABLE, type: 'ERROR', message: text, path: '', link: null }];
    }
    return { unavailable: text, isForAll: PASSING.has(failure) };
  }
}

/** Failures for which the plan is made again, whatever the rules say. */
const REPEATED: ReadonlySet<FailureType> = new Set(['Throttled', 'CredentialsInvalid', 'Unexpected']);

/** Failures that may pass. Where the rules do without a check, a plan does not wait for it. */
const PASSING: ReadonlySet<FailureType> = new Set(['ServiceUnavailable', 'ForeignReply']);

/** Codes by which Access Analyzer refuses a document, though IAM may take it. */
const ABOUT_THE_DOCUMENT: ReadonlySet<string> = new Set(['Validation', 'UnprocessableEntity', 'InvalidParameter']);

function isAboutTheAccount(error: unknown): boolean {
  return error instanceof WrongAccountError || error instanceof UnverifiedError;
}
