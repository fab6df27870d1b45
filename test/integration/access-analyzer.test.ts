import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsonObject } from '../../src/contract/entity.js';
import type { EntityReport, Report } from '../../src/contract/report.js';
import { allowing, role, trusting } from '../support/manifests-of.js';
import { entityOf, outcomesOf, writesIn, type RunParts } from '../support/runs.js';
import { iam, runCommand, runs, useWorld, world } from '../support/use-world.js';
import { ACCOUNT } from '../support/world.js';

/** Checks of policies by AWS IAM Access Analyzer, which the sandbox makes as far as it knows AWS's rules. */

const ID = 'Role/ci-deploy';
const PASSING = allowing('iam:PassRole');
const PASS_ROLE = 'PASS_ROLE_WITH_STAR_IN_RESOURCE';
const CHECKS = /^(ValidatePolicy|CheckNoNewAccess)$/;

let file: string;

useWorld({ worker: false });

beforeAll(async () => {
  file = join(world.directory, 'guardrails.yaml');
  await writeFile(file, '');
  await setRules('');
  await world.startWorker({
    IAM_BOOTSTRAP_GUARDRAILS: file,
    IAM_BOOTSTRAP_PERMIT_KEY: 'a key of at least thirty-two characters',
  });
});

/** Has the worker's guardrails ask for checks: the content of `accessAnalyzer`, or nothing. */
async function setRules(checks: string, ofAccount = ''): Promise<void> {
  const own = ofAccount === '' ? '' : ` accessAnalyzer: { ${ofAccount} } `;
  const rule = checks === '' ? '' : `accessAnalyzer: { ${checks} }\n`;
  await writeFile(file, `version: 1\naccounts: { "${ACCOUNT}": {${own}} }\n${rule}`);
}

async function authorise(...denied: readonly string[]): Promise<void> {
  const Statement = [
    { Effect: 'Allow', Action: '*', Resource: '*' },
    ...(denied.length === 0 ? [] : [{ Effect: 'Deny', Action: denied, Resource: '*' }]),
  ];
  const body = JSON.stringify({ account: ACCOUNT, policyDocument: { Version: '2012-10-17', Statement } });
  expect((await fetch(`${world.sandbox.url}/sandbox/authorise`, { method: 'POST', body })).ok).toBe(true);
}

function deploy(inlinePolicies: JsonObject = { pass: PASSING }, more: JsonObject = {}): JsonObject {
  return role('ci-deploy', { inlinePolicies, ...more });
}

async function planned(entity: JsonObject, parts: RunParts = {}): Promise<EntityReport> {
  return entityOf(await runs.plan([entity], parts), ID);
}

/** Returns the calls of Access Analyzer that arrived at AWS, by operation. */
function checksMade(): Record<string, number> {
  return Object.fromEntries(Object.entries(world.proxy.countBy()).filter(([action]) => CHECKS.test(action)));
}

function checksIn({ apiCalls: { byOperation } }: Report): Record<string, number> {
  return Object.fromEntries(Object.entries(byOperation).filter(([action]) => CHECKS.test(action)));
}

test('without the rule, no plan and no run asks Access Analyzer, whatever a manifest suppresses', async () => {
  await setRules('validatePolicy: off, checkNoNewAccess: off');
  const entity = deploy({ pass: PASSING }, { suppressFindings: [{ code: PASS_ROLE, reason: 'known' }] });
  expect(await planned(entity)).toMatchObject({ decision: 'create' });
  expect(outcomesOf(await runs.apply([entity]))).toEqual({ [ID]: 'created' });
  expect(checksMade()).toEqual({});
});

test('warn shows the findings about each policy with code and place, and writes', async () => {
  await setRules('validatePolicy: warn');
  const trust = {
    ...trusting(),
    Statement: [{ Effect: 'Allow', NotPrincipal: { AWS: ACCOUNT }, Action: 'sts:AssumeRole' }],
  };
  const entities = [
    deploy({ pass: PASSING, read: allowing('s3:GetObject') }),
    role('ci-open', { assumeRolePolicyDocument: trust }),
  ];
  const report = await runs.apply(entities);
  expect(outcomesOf(report)).toEqual({ [ID]: 'created', 'Role/ci-open': 'created' });
  expect(entityOf(report, ID).warnings).toContain(
    `inlinePolicies.pass.Statement[0].Resource: ${PASS_ROLE}: Using the iam:PassRole action with wildcards (*) can be overly permissive. Specify resource ARNs instead`,
  );
  expect(entityOf(report, 'Role/ci-open').warnings.join('\n')).toContain(
    'assumeRolePolicyDocument.Statement[0].NotPrincipal: ALLOW_WITH_NOTPRINCIPAL: ',
  );
  // The trust policies of both roles, and two inline policies.
  expect(checksMade()).toEqual({ ValidatePolicy: 4 });
  expect(checksIn(report)).toEqual({ ValidatePolicy: 4 });
});

test('equal policies are checked once, a second run with nothing to do checks none, and all pages are read', async () => {
  await setRules('validatePolicy: warn, checkNoNewAccess: warn');
  const unknown = Array.from({ length: 60 }, (_, index) => `iam:NoAction${String(index)}`);
  const policy = (policyName: string): JsonObject => ({
    kind: 'Policy',
    policyName,
    policyDocument: { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: unknown, Resource: '*' }] },
  });
  const entities = [policy('ci-a'), policy('ci-b')];
  const report = await runs.plan(entities);
  expect(
    report.entities.map(({ warnings }) => warnings.filter((line) => line.includes('INVALID_ACTION')).length),
  ).toEqual([60, 60]);
  // Two pages of one document; nothing is compared, since nothing is live.
  expect(checksMade()).toEqual({ ValidatePolicy: 2 });
  await runs.apply(entities);
  world.proxy.clear();
  expect(outcomesOf(await runs.apply(entities))).toEqual({ 'Policy/ci-a': 'unchanged', 'Policy/ci-b': 'unchanged' });
  expect(checksMade()).toEqual({});
});

test('error refuses errors and security warnings with rule, place and AWS’s page, and AWS sees no write', async () => {
  await setRules('validatePolicy: error');
  const slr = allowing('iam:CreateServiceLinkedRole');
  const { decision, reason, remedy, warnings } = await planned(deploy({ pass: PASSING, link: slr }));
  expect(decision).toBe('refuse');
  expect(reason).toMatch(
    new RegExp(
      `^inlinePolicies\\.pass\\.Statement\\[0\\]\\.Resource of ${ID}: ${PASS_ROLE}: .* \\(guardrails: accessAnalyzer\\.validatePolicy at .*guardrails\\.yaml:3:35\\)$`,
    ),
  );
  expect(remedy).toMatch(
    /^correct the policies \(https:\/\/docs\.aws\.amazon\.com\/.*pass-role-with-star-in-resource\), or ask/,
  );
  // AWS's class of this one is a warning.
  expect(warnings.join('\n')).toContain('CREATE_SLR_WITH_STAR_IN_RESOURCE');

  const report = await runs.apply([deploy()]);
  expect([report.result, outcomesOf(report)]).toEqual(['refused', { [ID]: 'refused' }]);
  expect(writesIn(world)).toEqual([]);
  expect(outcomesOf(await runs.apply([deploy({ read: allowing('s3:GetObject') })]))).toEqual({ [ID]: 'created' });
});

describe('access that the live policy does not allow', () => {
  beforeEach(async () => {
    await setRules('');
    await runs.apply([deploy({ s3: allowing('s3:GetObject') })]);
    world.proxy.clear();
    await setRules('checkNoNewAccess: error');
  });

  test('is refused, and less access is not', async () => {
    const wider = await planned(deploy({ s3: allowing('s3:*') }));
    expect(wider.reason).toContain(
      `inlinePolicies.s3.Statement[0] of ${ID}: NEW_ACCESS: allows what the live policy does not (guardrails: accessAnalyzer.checkNoNewAccess at `,
    );
    expect(checksMade()).toEqual({ CheckNoNewAccess: 1 });
    const narrower = {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::b/*' }],
    };
    expect(outcomesOf(await runs.apply([deploy({ s3: narrower })]))).toEqual({ [ID]: 'updated' });
  });

  test('is found in a further policy, in a trust policy, and in what is replaced', async () => {
    const s3 = allowing('s3:GetObject');
    expect((await planned(deploy({ s3, more: allowing('sqs:SendMessage') }))).reason).toContain(
      'inlinePolicies.more.Statement[0]',
    );
    const trust = { assumeRolePolicyDocument: trusting({ AWS: '*' }) };
    expect((await planned(deploy({ s3 }, trust))).reason).toContain('assumeRolePolicyDocument.Statement[0]');
    const elsewhere = { path: '/other/', replace: true, unmanaged: 'remove' };
    expect((await planned(deploy({ s3: allowing('s3:*') }, elsewhere))).reason).toContain('NEW_ACCESS');
    expect((await planned(deploy({ s3 }, elsewhere))).decision).toBe('replace');
  });

  test('is adopted only as far as it is live', async () => {
    await iam.createRole({ RoleName: 'ci-other', AssumeRolePolicyDocument: JSON.stringify(trusting()) });
    const report = await runs.plan([role('ci-other', { inlinePolicies: { s3: allowing('s3:GetObject') } })], {
      namespace: 'other',
    });
    expect(entityOf(report, 'Role/ci-other')).toMatchObject({
      decision: 'refuse',
      reason: expect.stringContaining('NEW_ACCESS') as string,
    });
  });
});

describe('a suppression', () => {
  const REASON = 'deploys any service of the team';
  const suppressing = (...codes: readonly string[]): JsonObject =>
    deploy({ pass: PASSING }, { suppressFindings: codes.map((code) => ({ code, reason: REASON })) });

  test('shows the finding with its reason in place of a warning, on the terminal too', async () => {
    await setRules('validatePolicy: warn');
    const result = await runCommand('plan', [suppressing(PASS_ROLE)]);
    expect(result.code).toBe(0);
    expect(result.stdout.replace(/\s+/g, ' ')).toContain(
      `suppressed finding: inline policy pass › Statement[0] › Resource: ${PASS_ROLE}: ${REASON}`,
    );
    const report = await runs.apply([suppressing(PASS_ROLE)]);
    expect(entityOf(report, ID)).toMatchObject({
      outcome: 'created',
      suppressed: [`inlinePolicies.pass.Statement[0].Resource: ${PASS_ROLE}: ${REASON}`],
    });
    expect(entityOf(report, ID).warnings.join()).not.toContain(PASS_ROLE);
  });

  test('that matches nothing is a warning', async () => {
    await setRules('validatePolicy: warn');
    const { warnings } = await planned(suppressing(PASS_ROLE, 'INVALID_ACTION', 'NEW_ACCESS'));
    // New access is found in policies only that exist.
    expect(warnings.filter((line) => line.startsWith('suppressFindings'))).toEqual([
      'suppressFindings: INVALID_ACTION matches no finding: remove it',
    ]);
  });

  test('does not lift a refusal unless the guardrails list its code, those of the account included', async () => {
    await setRules('validatePolicy: error');
    const refused = await planned(suppressing(PASS_ROLE));
    expect(refused).toMatchObject({ decision: 'refuse' });
    expect(refused.reason).toContain('allowSuppressions does not list this code');
    await setRules(`validatePolicy: error, allowSuppressions: [${PASS_ROLE}]`);
    expect(await planned(suppressing(PASS_ROLE))).toMatchObject({ decision: 'create' });
    expect(await planned(deploy())).toMatchObject({ decision: 'refuse' });
    await setRules(`validatePolicy: error, allowSuppressions: [${PASS_ROLE}]`, 'validatePolicy: error');
    const { reason } = await planned(suppressing(PASS_ROLE));
    expect(reason).toContain(`accounts.${ACCOUNT}.accessAnalyzer.validatePolicy`);
    expect(writesIn(world)).toEqual([]);
  });
});

describe('a check that the worker may not make', () => {
  afterEach(() => fetch(`${world.sandbox.url}/sandbox/reset`, { method: 'POST' }));

  test('refuses where the check does, and is not tried for every policy', async () => {
    await setRules('validatePolicy: error');
    await authorise('access-analyzer:*');
    const report = await runs.apply([deploy({ a: allowing('s3:GetObject'), b: allowing('sqs:SendMessage') })]);
    expect(entityOf(report, ID).reason).toContain(
      'inlinePolicies.a: not checked by Access Analyzer: access-analyzer:ValidatePolicy is denied: grant it to the role that plans',
    );
    expect(report.result).toBe('refused');
    expect(writesIn(world)).toEqual([]);
    expect(checksMade()).toEqual({ ValidatePolicy: 1 });
  });

  test('is a warning where the check or `unavailable` says so', async () => {
    await authorise('access-analyzer:*');
    const warning =
      'inlinePolicies.pass: not checked by Access Analyzer: access-analyzer:ValidatePolicy is denied: grant it to the role that plans';
    for (const rules of ['validatePolicy: warn', 'validatePolicy: error, unavailable: warn']) {
      await setRules(rules);
      const { decision, warnings } = await planned(deploy());
      expect(decision).toBe('create');
      expect(warnings).toContain(warning);
    }
    await setRules('validatePolicy: warn, unavailable: error');
    expect((await planned(deploy())).reason).toContain('(guardrails: accessAnalyzer.unavailable at ');
  });
});

test('a throttled check is repeated, and a policy that AWS cannot check counts as a finding, whatever `unavailable` says', async () => {
  await setRules('validatePolicy: error, checkNoNewAccess: warn');
  await runs.apply([deploy({ s3: allowing('s3:GetObject') })]);
  world.proxy.clear();
  world.proxy.on({ action: 'ValidatePolicy' }, { kind: 'error', status: 429, code: 'ThrottlingException', times: 2 });
  world.proxy.on(
    { action: 'CheckNoNewAccess' },
    { kind: 'error', status: 400, code: 'InvalidParameterException', times: 1 },
  );
  const { decision, warnings } = await planned(deploy({ s3: allowing('s3:PutObject') }));
  expect(decision).toBe('update');
  expect(warnings).toContain(
    'inlinePolicies.s3: NOT_CHECKABLE: CheckNoNewAccess answered InvalidParameter: InvalidParameterException',
  );
  expect(checksMade()).toEqual({ ValidatePolicy: 3, CheckNoNewAccess: 1 });
});
