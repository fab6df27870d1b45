import {
  TRUST,
  createPolicy,
  createRole,
  iam,
  outcomeOf,
  policyOf,
  trust,
  useSandbox,
} from '../../support/iam-sandbox.js';

useSandbox();

test.each([
  ['no JSON', 'nonsense'],
  ['a list', '[]'],
  ['no statement', '{"Version":"2012-10-17"}'],
  ['an unknown element', JSON.stringify({ Version: '2012-10-17', Statement: [], Owner: 'me' })],
  ['no effect', JSON.stringify({ Version: '2012-10-17', Statement: [{ Action: 's3:*', Resource: '*' }] })],
  ['no resource', JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 's3:*' }] })],
  ['a principal', trust('*', { Action: 's3:*', Resource: '*' })],
  ['NullIfExists', policyOf().replace('"Effect"', '"Condition":{"NullIfExists":{"aws:x":"true"}},"Effect"')],
])('an identity policy with %s is malformed', async (_what, document) => {
  await createRole('r');
  expect(await outcomeOf(createPolicy('p', { PolicyDocument: document }))).toMatch(/^400 MalformedPolicyDocument/);
  expect(await outcomeOf(iam.putRolePolicy({ RoleName: 'r', PolicyName: 'p', PolicyDocument: document }))).toMatch(
    /^400 MalformedPolicyDocument/,
  );
});

test.each([
  ['no JSON', 'nonsense'],
  [
    'no principal',
    JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole' }] }),
  ],
  ['a resource', trust('*', { Resource: '*' })],
  ['another action', trust('*', { Action: 's3:GetObject' })],
  ['nobody', trust({ AWS: 'nobody' })],
  ['NullIfExists', trust('*', { Condition: { 'ForAnyValue:NullIfExists': { 'aws:x': 'true' } } })],
])('a trust policy with %s is malformed', async (_what, document) => {
  expect(await outcomeOf(createRole('r', { AssumeRolePolicyDocument: document }))).toMatch(
    /^400 MalformedPolicyDocument/,
  );
  await createRole('s');
  expect(await outcomeOf(iam.updateAssumeRolePolicy({ RoleName: 's', PolicyDocument: document }))).toMatch(
    /^400 MalformedPolicyDocument/,
  );
});

test('managed policies require Version 2012-10-17; other policies accept the older version too', async () => {
  const old = policyOf().replace('2012-10-17', '2008-10-17');
  expect(await outcomeOf(createPolicy('p', { PolicyDocument: old }))).toMatch(/^400 MalformedPolicyDocument/);
  await createRole('r', { AssumeRolePolicyDocument: TRUST.replace('2012-10-17', '2008-10-17') });
  await iam.putRolePolicy({ RoleName: 'r', PolicyName: 'p', PolicyDocument: old });
});

test('conditions may contain numbers', async () => {
  const document = trust('*', { Condition: { NumericLessThan: { 'aws:MultiFactorAuthAge': 3600 } } });
  await createRole('r', { AssumeRolePolicyDocument: document });
  expect(decodeURIComponent((await iam.getRole({ RoleName: 'r' })).Role?.AssumeRolePolicyDocument ?? '')).toBe(
    document,
  );
});
