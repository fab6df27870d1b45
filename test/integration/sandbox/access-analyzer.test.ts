import {
  AccessAnalyzerClient,
  CheckNoNewAccessCommand,
  ValidatePolicyCommand,
  type ValidatePolicyCommandInput,
} from '@aws-sdk/client-accessanalyzer';
import { ACCOUNT, OTHER_ACCOUNT, outcomeOf, sandbox, trust, useSandbox } from '../../support/iam-sandbox.js';

useSandbox();

let client: AccessAnalyzerClient;

beforeAll(() => {
  client = clientOf('AKIATEST');
});

function clientOf(accessKeyId: string): AccessAnalyzerClient {
  const credentials = { accessKeyId, secretAccessKey: 'sandbox' };
  return new AccessAnalyzerClient({ endpoint: sandbox.url, region: 'us-east-1', credentials, maxAttempts: 1 });
}

/** Returns a policy with these statements, each `Allow` unless it says otherwise. */
function policy(...statements: readonly object[]): string {
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: statements.map((statement) => ({ Effect: 'Allow', ...statement })),
  });
}

async function codesOf(
  policyDocument: string,
  policyType: ValidatePolicyCommandInput['policyType'] = 'IDENTITY_POLICY',
): Promise<string[]> {
  const { findings = [] } = await client.send(new ValidatePolicyCommand({ policyDocument, policyType }));
  return findings.map(({ issueCode = '' }) => issueCode);
}

const READ = { Action: 's3:GetObject', Resource: 'arn:aws:s3:::b/*' };

test.each<[string, string, readonly string[]]>([
  ['a policy without a fault', policy(READ), []],
  ['text that is no JSON', '{', ['JSON_SYNTAX_ERROR']],
  ['a document without statements', '{"Version":"2012-10-17"}', ['MISSING_STATEMENT']],
  ['a statement that is no object', '{"Version":"2012-10-17","Statement":["x"]}', ['DATA_TYPE_MISMATCH']],
  ['a document without a version', JSON.stringify({ Statement: [{ Effect: 'Allow', ...READ }] }), ['MISSING_VERSION']],
  ['another effect', policy({ ...READ, Effect: 'allow' }), ['INVALID_EFFECT']],
  ['a statement without a resource', policy({ Action: 's3:GetObject' }), ['MISSING_RESOURCE']],
  ['a principal in an identity policy', policy({ ...READ, Principal: '*' }), ['UNSUPPORTED_PRINCIPAL']],
  ['two statements of one Sid', policy({ ...READ, Sid: 'A' }, { ...READ, Sid: 'A' }), ['UNIQUE_SIDS_REQUIRED']],
  ['an empty Sid', policy({ ...READ, Sid: '' }), ['EMPTY_SID_VALUE']],
  ['an action that IAM does not have', policy({ Action: 'iam:PasRole', Resource: '*' }), ['INVALID_ACTION']],
  ['a resource that is no ARN', policy({ Action: 's3:GetObject', Resource: 'b/*' }), ['INVALID_ARN_PREFIX']],
  [
    'an action that another one includes',
    policy({ ...READ, Action: ['s3:Get*', 's3:GetObject'] }),
    ['REDUNDANT_ACTION'],
  ],
  ['empty lists', policy({ Action: [], Resource: [] }), ['EMPTY_ARRAY_ACTION', 'EMPTY_ARRAY_RESOURCE']],
  ['an empty condition', policy({ ...READ, Condition: {} }), ['EMPTY_OBJECT_CONDITION']],
  ['passing any role', policy({ Action: 'iam:PassRole', Resource: '*' }), ['PASS_ROLE_WITH_STAR_IN_RESOURCE']],
  ['denying to pass any role', policy({ Effect: 'Deny', Action: 'iam:PassRole', Resource: '*' }), []],
  [
    'passing any role but one',
    policy({ Action: 'iam:PassRole', NotResource: 'arn:aws:iam::111111111111:role/r' }),
    ['PASS_ROLE_WITH_NOTRESOURCE'],
  ],
  [
    'everything',
    policy({ Action: '*', Resource: '*' }),
    ['PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE', 'CREATE_SLR_WITH_STAR_IN_ACTION_AND_RESOURCE'],
  ],
  [
    'making any service-linked role',
    policy({ Action: 'iam:CreateServiceLinkedRole', Resource: '*' }),
    ['CREATE_SLR_WITH_STAR_IN_RESOURCE'],
  ],
])('ValidatePolicy finds in %s what AWS documents', async (_what, document, codes) => {
  expect(await codesOf(document)).toEqual(codes);
});

test('ValidatePolicy judges trust policies as resource policies', async () => {
  expect(await codesOf(trust({ AWS: ACCOUNT }), 'RESOURCE_POLICY')).toEqual([]);
  expect(await codesOf(policy({ Action: 'sts:AssumeRole' }), 'RESOURCE_POLICY')).toEqual(['MISSING_PRINCIPAL']);
  const others = policy({ Action: 'sts:AssumeRole', NotPrincipal: { AWS: ACCOUNT } });
  expect(await codesOf(others, 'RESOURCE_POLICY')).toEqual(['ALLOW_WITH_NOTPRINCIPAL']);
});

test('a finding names its kind, its position and a page of AWS', async () => {
  const policyDocument = policy(READ, { Action: 'iam:PassRole', Resource: '*' });
  const { findings } = await client.send(new ValidatePolicyCommand({ policyDocument, policyType: 'IDENTITY_POLICY' }));
  expect(findings).toEqual([
    expect.objectContaining({
      findingType: 'SECURITY_WARNING',
      learnMoreLink: expect.stringMatching(
        /^https:\/\/docs\.aws\.amazon\.com\/.*#.*-security-warning-pass-role-with-star-in-resource$/,
      ) as string,
      locations: [
        expect.objectContaining({ path: [{ value: 'Statement' }, { index: 1 }, { value: 'Resource' }] }) as object,
      ],
    }),
  ]);
});

test('ValidatePolicy returns pages', async () => {
  const Action = Array.from({ length: 5 }, (_, index) => `iam:No${String(index)}`);
  const input = {
    policyDocument: policy({ Action, Resource: '*' }),
    policyType: 'IDENTITY_POLICY',
    maxResults: 2,
  } as const;
  const pages: number[] = [];
  let nextToken: string | undefined;
  do {
    const page = await client.send(new ValidatePolicyCommand({ ...input, nextToken }));
    pages.push(page.findings?.length ?? 0);
    ({ nextToken } = page);
  } while (nextToken !== undefined);
  expect(pages).toEqual([2, 2, 1]);
});

/** Returns the result of a comparison, with the indexes of statements that allow more. */
async function compare(
  existing: string,
  changed: string,
  policyType: 'IDENTITY_POLICY' | 'RESOURCE_POLICY' = 'IDENTITY_POLICY',
): Promise<readonly unknown[]> {
  const { result, reasons = [] } = await client.send(
    new CheckNoNewAccessCommand({ existingPolicyDocument: existing, newPolicyDocument: changed, policyType }),
  );
  return [result, ...reasons.map(({ statementIndex }) => statementIndex)];
}

const WIDE = { Action: 's3:*', Resource: 'arn:aws:s3:::b/*' };
const LIMITED = { ...READ, Condition: { Bool: { 'aws:SecureTransport': 'true' } } };
const DENY = { Effect: 'Deny', Action: '*', Resource: '*' };

test.each<[string, string, string, readonly unknown[]]>([
  ['the same policy', policy(READ), policy(READ), ['PASS']],
  ['fewer actions', policy(WIDE), policy(READ), ['PASS']],
  ['more actions', policy(READ), policy(WIDE), ['FAIL', 0]],
  ['another resource', policy(READ), policy(READ, { ...READ, Resource: '*' }), ['FAIL', 1]],
  ['a new condition', policy(READ), policy(LIMITED), ['PASS']],
  ['a condition that is dropped', policy(LIMITED), policy(READ), ['FAIL', 0]],
  ['a denial that is dropped', policy(READ, DENY), policy(READ), ['FAIL', 0]],
  ['only denials', policy(READ), policy(DENY), ['PASS']],
  ['an allowance where nothing was allowed', policy(DENY), policy(READ), ['FAIL', 0]],
  [
    'fewer exceptions',
    policy({ NotAction: ['iam:*', 's3:*'], Resource: '*' }),
    policy({ NotAction: 'iam:*', Resource: '*' }),
    ['FAIL', 0],
  ],
  [
    'more exceptions',
    policy({ NotAction: 'iam:*', Resource: '*' }),
    policy({ NotAction: ['iam:*', 's3:*'], Resource: '*' }),
    ['PASS'],
  ],
])('CheckNoNewAccess compares %s', async (_what, existing, changed, expected) => {
  expect(await compare(existing, changed)).toEqual(expected);
});

test('CheckNoNewAccess compares the principals of trust policies', async () => {
  const [own, role, other] = [trust({ AWS: ACCOUNT }), `arn:aws:iam::${ACCOUNT}:role/r`, trust({ AWS: OTHER_ACCOUNT })];
  expect(await compare(own, trust({ AWS: role }), 'RESOURCE_POLICY')).toEqual(['PASS']);
  expect(await compare(own, other, 'RESOURCE_POLICY')).toEqual(['FAIL', 0]);
  expect(await compare(own, trust({ Service: 'ec2.amazonaws.com' }), 'RESOURCE_POLICY')).toEqual(['FAIL', 0]);
  expect(await compare(trust('*'), trust({ Service: 'ec2.amazonaws.com' }), 'RESOURCE_POLICY')).toEqual(['PASS']);
});

test('what is no policy cannot be compared, and a denied caller is refused', async () => {
  for (const document of ['{', '{"Version":"2012-10-17","Statement":[]}']) {
    expect(await outcomeOf(compare(document, policy(READ)))).toMatch(/^400 InvalidParameterException/);
  }
  const refused = clientOf('AKIADENIED1').send(
    new ValidatePolicyCommand({ policyDocument: policy(READ), policyType: 'IDENTITY_POLICY' }),
  );
  expect(await outcomeOf(refused)).toMatch(/^403 AccessDeniedException: .*access-analyzer:ValidatePolicy/);
});
