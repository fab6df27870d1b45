import type { FindingSuppression, PolicyFinding } from '../../contract/policy-findings.js';
import { NEW_ACCESS } from '../../contract/policy-findings.js';
import type { Guardrails } from '../parse.js';
import type { RuleSet } from '../schema.js';
import type { Scope } from '../template.js';
import { contextsOf, Violations, type RuleContext, type Violation } from '../violation.js';

/** A check of AWS IAM Access Analyzer, as the rule that asks for it is named. */
export type PolicyCheck = 'validatePolicy' | 'checkNoNewAccess';

const POLICY_CHECKS: readonly PolicyCheck[] = ['validatePolicy', 'checkNoNewAccess'];

/** The result of one check of one policy: its findings, or the reason for which there are none. */
export interface PolicyCheckResult {
  readonly check: PolicyCheck;
  /** The property that holds the policy: `inlinePolicies.state`. */
  readonly property: string;
  readonly findings: readonly PolicyFinding[] | { readonly unavailable: string };
}

/** An entity whose policies were checked. */
export interface CheckedEntity {
  /** `Kind/name`, for messages. */
  readonly id: string;
  readonly suppressions: readonly FindingSuppression[];
  readonly results: readonly PolicyCheckResult[];
  /** Checks that were made of all policies that the entity declares: a suppression without a finding is out of date. */
  readonly complete: readonly PolicyCheck[];
}

/** The verdict of the guardrails about the findings of one entity. Lines are `PROPERTY: text`. */
export interface FindingsVerdict {
  readonly violations: readonly Violation[];
  readonly warnings: readonly string[];
  /** Findings that the manifest suppresses, with its reasons. */
  readonly suppressed: readonly string[];
  /** AWS's page about the first finding that is refused. Null where nothing is, or there is none. */
  readonly link: string | null;
}

type Level = NonNullable<NonNullable<RuleSet['accessAnalyzer']>[PolicyCheck]>;

/** The classes of findings that `error` refuses, as AWS's own tools do. Others are shown as warnings. */
const REFUSED_TYPES: ReadonlySet<PolicyFinding['type']> = new Set(['ERROR', 'SECURITY_WARNING']);

/** Returns the checks that the guardrails ask for in the account of a request. */
export function policyChecksOf(guardrails: Guardrails, scope: Scope): readonly PolicyCheck[] {
  const contexts = contextsOf(guardrails, scope, new Violations(guardrails));
  return POLICY_CHECKS.filter((check) => contexts.some((context) => levelOf(context, check) !== 'off'));
}

/** Returns the checks that the guardrails ask for in any account. */
export function configuredPolicyChecks({ rules }: Guardrails): readonly PolicyCheck[] {
  const sets = [rules, ...Object.values(rules.accounts)];
  return POLICY_CHECKS.filter((check) =>
    sets.some(({ accessAnalyzer }) => (accessAnalyzer?.[check] ?? 'off') !== 'off'),
  );
}

/** Reports whether a check that cannot be made refuses a policy. */
export function isCheckRequired(guardrails: Guardrails, scope: Scope, check: PolicyCheck): boolean {
  const contexts = contextsOf(guardrails, scope, new Violations(guardrails));
  return contexts.some((context) => levelWithout(context, check) === 'error');
}

/**
 * Judges the findings about one entity. The rules of the file and those of the account are judged each for itself, and the
 * stricter verdict counts. A suppression counts against a refusal only where the same rules allow its code.
 */
export function judgeFindings(guardrails: Guardrails, scope: Scope, entity: CheckedEntity): FindingsVerdict {
  const violations = new Violations(guardrails);
  const contexts = contextsOf(guardrails, scope, violations);
  const warnings: string[] = [];
  const suppressed: string[] = [];
  let link: string | null = null;
  for (const { check, property, findings } of entity.results) {
    if ('unavailable' in findings) {
      const text = `${property}: not checked by Access Analyzer: ${findings.unavailable}`;
      if (isRefused(contexts, (context) => refuseUnchecked(context, check, `${entity.id} ${text}`))) continue;
      warnings.push(text);
      continue;
    }
    for (const finding of findings) {
      const path = finding.path === '' ? property : `${property}.${finding.path}`;
      const suppression = entity.suppressions.find(({ code }) => code === finding.code);
      const refuse = (context: RuleContext): boolean =>
        refuseFinding(context, check, finding, { text: `${path} of ${entity.id}`, suppression });
      if (isRefused(contexts, refuse)) link ??= finding.link;
      else if (suppression !== undefined) suppressed.push(`${path}: ${finding.code}: ${suppression.reason}`);
      else warnings.push(`${path}: ${textOf(finding)}`);
    }
  }
  return {
    violations: violations.found,
    warnings: unique([...warnings, ...unmatched(entity)]),
    suppressed: unique(suppressed),
    link,
  };
}

/** Has all rules judge, so that each of them that refuses is named. */
function isRefused(contexts: readonly RuleContext[], refuse: (context: RuleContext) => boolean): boolean {
  return contexts.filter(refuse).length > 0;
}

function refuseFinding(
  context: RuleContext,
  check: PolicyCheck,
  finding: PolicyFinding,
  { text, suppression }: { readonly text: string; readonly suppression: FindingSuppression | undefined },
): boolean {
  if (levelOf(context, check) !== 'error' || !REFUSED_TYPES.has(finding.type)) return false;
  const { allowSuppressions = [] } = context.rules.accessAnalyzer ?? {};
  if (suppression !== undefined && allowSuppressions.includes(finding.code)) return false;
  const note = suppression === undefined ? '' : '; allowSuppressions does not list this code';
  context.refuse(['accessAnalyzer', check], `${text}: ${textOf(finding)}${note}`);
  return true;
}

function refuseUnchecked(context: RuleContext, check: PolicyCheck, text: string): boolean {
  if (levelWithout(context, check) !== 'error') return false;
  const isExplicit = context.rules.accessAnalyzer?.unavailable !== undefined;
  context.refuse(['accessAnalyzer', isExplicit ? 'unavailable' : check], text);
  return true;
}

function levelOf({ rules }: RuleContext, check: PolicyCheck): Level {
  return rules.accessAnalyzer?.[check] ?? 'off';
}

/** Returns what happens where a check cannot be made: by default as much as where it finds something. */
function levelWithout(context: RuleContext, check: PolicyCheck): Level {
  const level = levelOf(context, check);
  return level === 'off' ? 'off' : (context.rules.accessAnalyzer?.unavailable ?? level);
}

function textOf({ code, message }: PolicyFinding): string {
  return message === '' ? code : `${code}: ${message.replace(/\.$/, '')}`;
}

/** Warns of suppressions that match nothing: what they were for is gone, and they would hide what comes next. */
function unmatched({ suppressions, results, complete }: CheckedEntity): readonly string[] {
  const found = new Set(
    results.flatMap(({ findings }) => ('unavailable' in findings ? [] : findings.map(({ code }) => code))),
  );
  return suppressions
    .filter(({ code }) => complete.includes(code === NEW_ACCESS ? 'checkNoNewAccess' : 'validatePolicy'))
    .filter(({ code }) => !found.has(code))
    .map(({ code }) => `suppressFindings: ${code} matches no finding: remove it`);
}

function unique(lines: readonly string[]): readonly string[] {
  return [...new Set(lines)];
}
