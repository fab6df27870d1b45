import {
  createGroup,
  createInstanceProfile,
  createPolicy,
  createRole,
  createUser,
  iam,
  outcomeOf,
  useSandbox,
} from '../../support/iam-sandbox.js';

useSandbox();

test.each([
  ['characters of a name', () => createRole('a b')],
  ['length of a role name', () => createRole('r'.repeat(65))],
  ['length of a user name', () => createUser('u'.repeat(65))],
  ['length of a group name', () => createGroup('g'.repeat(129))],
  ['length of a policy name', () => createPolicy('p'.repeat(129))],
  ['length of an instance profile name', () => createInstanceProfile('i'.repeat(129))],
  ['a path without its slashes', () => createRole('r', { Path: 'ci' })],
  ['a session too short', () => createRole('r', { MaxSessionDuration: 3599 })],
  ['a session too long', () => createRole('r', { MaxSessionDuration: 43_201 })],
  ['a long description', () => createRole('r', { Description: 'd'.repeat(1001) })],
  ['a long description of a policy', () => createPolicy('p', { Description: 'd'.repeat(1001) })],
  [
    '51 tags',
    () => createRole('r', { Tags: Array.from({ length: 51 }, (_, n) => ({ Key: `k${String(n)}`, Value: '' })) }),
  ],
  ['a long tag key', () => createRole('r', { Tags: [{ Key: 'k'.repeat(129), Value: '' }] })],
  ['a long tag value', () => createRole('r', { Tags: [{ Key: 'k', Value: 'v'.repeat(257) }] })],
  ['a page of nothing', () => iam.listRoles({ MaxItems: 0 })],
  ['a page too large', () => iam.listRoles({ MaxItems: 1001 })],
  ['a short thumbprint', () => iam.createOpenIDConnectProvider({ Url: 'https://a.example', ThumbprintList: ['ab'] })],
  ['a required parameter', () => iam.createRole({ RoleName: 'r', AssumeRolePolicyDocument: undefined })],
])('%s is refused', async (_what, call) => {
  expect(await outcomeOf(call())).toMatch(/^400 ValidationError: 1 validation error detected: Value /);
});

test('values of the maximum length are accepted', async () => {
  await createRole('r'.repeat(64), {
    MaxSessionDuration: 43_200,
    Description: 'd'.repeat(1000),
    Path: `/${'p'.repeat(510)}/`,
  });
  await createPolicy('p'.repeat(128));
});

test('the message does not show a secret', async () => {
  await createUser('u');
  const message = await outcomeOf(iam.createLoginProfile({ UserName: 'u', Password: 'x'.repeat(129) }));
  expect(message).toMatch(/^400 ValidationError: .*'\*\*\*'/);
});
