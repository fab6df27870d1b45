import type { PolicyFinding } from '../../../src/contract/policy-findings.js';
import { parseGuardrails } from '../../../src/guardrails/parse.js';
import {
  configuredPolicyChecks,
  isCheckRequired,
  judgeFindings,
  policyChecksOf,
  type FindingsVerdict,
  type PolicyCheck,
  type PolicyCheckResult,
} from '../../../src/guardrails/rules/access-analyzer.js';
import { ACCOUNT, guardrailsOf, scopeOf } from '../../support/guardrails.js';

const ID = 'Role/deploy';
const LINK = 'https://docs.aws.amazon.com/IAM/latest/UserGuide/x.html';

function finding(code: string, type: PolicyFinding['type'] = 'SECURITY_WARNING'): PolicyFinding {
  return { code, type, message: 'It is too much.', path: 'Statement[0].Resource', link: LINK };
}

function found(...findings: readonly PolicyFinding[]): PolicyCheckResult {
  return { check: 'validatePolicy', property: 'policyDocument', findings };
}

function judge(
  rules: string,
  results: readonly PolicyCheckResult[],
  { suppressed = [], complete = [] }: { suppressed?: readonly string[]; complete?: readonly PolicyCheck[] } = {},
): FindingsVerdict {
  const suppressions = suppressed.map((code) => ({ code, reason: 'known' }));
  return judgeFindings(guardrailsOf(rules), scopeOf(), { id: ID, suppressions, results, complete });
}

const rulesIn = ({ violations }: FindingsVerdict): readonly string[] => violations.map(({ rule }) => rule);

test.each<[PolicyFinding['type'], boolean]>([
  ['ERROR', true],
  ['SECURITY_WARNING', true],
  ['WARNING', false],
  ['SUGGESTION', false],
])('error refuses findings of type %s: %s', (type, isRefused) => {
  const verdict = judge('accessAnalyzer: { validatePolicy: error }', [found(finding('A', type))]);
  const text = 'policyDocument.Statement[0].Resource: A: It is too much';
  expect(verdict.warnings).toEqual(isRefused ? [] : [text]);
  expect(verdict.link).toBe(isRefused ? LINK : null);
  expect(verdict.violations.map(({ message }) => message)).toEqual(
    isRefused ? [`policyDocument.Statement[0].Resource of ${ID}: A: It is too much`] : [],
  );
});

test('rules of the file and of the account are judged each for itself, and the stricter one counts', () => {
  const rules = (file: string, account: string): string =>
    `accounts:\n  "${ACCOUNT}": { accessAnalyzer: { ${account} } }\naccessAnalyzer: { ${file} }`;
  const own = `accounts.${ACCOUNT}.accessAnalyzer.validatePolicy`;
  const results = [found(finding('A'))];
  expect(rulesIn(judge(rules('validatePolicy: warn', 'validatePolicy: error'), results))).toEqual([own]);
  expect(rulesIn(judge(rules('validatePolicy: error', 'validatePolicy: off'), results))).toEqual([
    'accessAnalyzer.validatePolicy',
  ]);
  const lax = 'validatePolicy: error, allowSuppressions: [A]';
  const suppressed = { suppressed: ['A'] };
  expect(rulesIn(judge(rules(lax, 'validatePolicy: error'), results, suppressed))).toEqual([own]);
  expect(judge(rules(lax, lax), results, suppressed)).toMatchObject({
    violations: [],
    warnings: [],
    suppressed: ['policyDocument.Statement[0].Resource: A: known'],
  });
});

test('a suppression counts for its code alone, and lifts no refusal that is not listed', () => {
  const results = [found(finding('A'), finding('B'), finding('C', 'WARNING'))];
  const verdict = judge('accessAnalyzer: { validatePolicy: error, allowSuppressions: [A] }', results, {
    suppressed: ['A', 'B', 'C'],
  });
  expect(verdict.violations.map(({ message }) => message)).toEqual([
    `policyDocument.Statement[0].Resource of ${ID}: B: It is too much; allowSuppressions does not list this code`,
  ]);
  expect(verdict.suppressed).toEqual([
    'policyDocument.Statement[0].Resource: A: known',
    'policyDocument.Statement[0].Resource: C: known',
  ]);
});

test('a suppression without a finding is a warning once all policies of the entity were checked', () => {
  const rules = 'accessAnalyzer: { validatePolicy: warn, checkNoNewAccess: warn }';
  const suppressed = ['GONE', 'NEW_ACCESS'];
  const line = (code: string): string => `suppressFindings: ${code} matches no finding: remove it`;
  expect(judge(rules, [found()], { suppressed }).warnings).toEqual([]);
  expect(judge(rules, [found()], { suppressed, complete: ['validatePolicy'] }).warnings).toEqual([line('GONE')]);
  expect(judge(rules, [found()], { suppressed, complete: ['checkNoNewAccess'] }).warnings).toEqual([
    line('NEW_ACCESS'),
  ]);
});

test.each([
  ['validatePolicy: warn', []],
  ['validatePolicy: error', ['accessAnalyzer.validatePolicy']],
  ['validatePolicy: error, unavailable: warn', []],
  ['validatePolicy: warn, unavailable: error', ['accessAnalyzer.unavailable']],
])('with %s, a policy that cannot be checked violates %j', (rules, expected) => {
  const results = [{ ...found(), findings: { unavailable: 'denied' } }];
  const verdict = judge(`accessAnalyzer: { ${rules} }`, results, { suppressed: ['A'] });
  expect(rulesIn(verdict)).toEqual(expected);
  expect(verdict.warnings).toEqual(
    expected.length > 0 ? [] : ['policyDocument: not checked by Access Analyzer: denied'],
  );
  const guardrails = guardrailsOf(`accessAnalyzer: { ${rules} }`);
  expect(isCheckRequired(guardrails, scopeOf(), 'validatePolicy')).toBe(expected.length > 0);
});

test('a check is made where the file or the account asks for it', () => {
  const guardrails = guardrailsOf(`accounts:
  "${ACCOUNT}": { accessAnalyzer: { validatePolicy: warn } }
  "222222222222": {}
accessAnalyzer: { validatePolicy: off }`);
  expect(policyChecksOf(guardrails, scopeOf())).toEqual(['validatePolicy']);
  expect(policyChecksOf(guardrails, scopeOf({ target: { account: '222222222222' } }))).toEqual([]);
  expect(configuredPolicyChecks(guardrails)).toEqual(['validatePolicy']);
  expect(configuredPolicyChecks(guardrailsOf('destroy: deny'))).toEqual([]);
});

test.each([
  ['validatePolicy: no', 'accessAnalyzer.validatePolicy'],
  ['unavailable: off', 'accessAnalyzer.unavailable'],
  ['allowSuppressions: []', 'accessAnalyzer.allowSuppressions'],
  ['allowSuppressions: ["*"]', 'accessAnalyzer.allowSuppressions[0]'],
  ['validate: error', 'accessAnalyzer.validate'],
])('%s is a problem of the file', (rule, path) => {
  const text = `version: 1\naccounts: { "*": {} }\naccessAnalyzer: { ${rule} }\n`;
  const parsed = parseGuardrails('guardrails.yaml', text, { kinds: [] });
  expect(parsed).toMatchObject({ ok: false, problems: [{ path }] });
});
