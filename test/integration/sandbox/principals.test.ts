import {
  ACCOUNT,
  OTHER_ACCOUNT,
  createRole,
  createUser,
  iam,
  outcomeOf,
  trust,
  useSandbox,
} from '../../support/iam-sandbox.js';

useSandbox();

test('trust in a principal that the account lacks is refused; principals of other accounts are accepted', async () => {
  const missing = `arn:aws:iam::${ACCOUNT}:role/ci/deploy`;
  const create = (name: string, principal: unknown) => createRole(name, { AssumeRolePolicyDocument: trust(principal) });
  expect(await outcomeOf(create('a', { AWS: missing }))).toBe(
    `400 MalformedPolicyDocument: Invalid principal in policy: "AWS":"${missing}"`,
  );
  await createRole('deploy');
  expect(await outcomeOf(create('a', { AWS: missing }))).toMatch(/^400 MalformedPolicyDocument/);
  await createUser('anna', { Path: '/people/' });
  await create('a', {
    AWS: [
      `arn:aws:iam::${ACCOUNT}:role/deploy`,
      `arn:aws:iam::${ACCOUNT}:user/people/anna`,
      `arn:aws:iam::${ACCOUNT}:root`,
      ACCOUNT,
      `arn:aws:sts::${ACCOUNT}:assumed-role/deploy/session`,
      `arn:aws:iam::${OTHER_ACCOUNT}:role/anything`,
    ],
    Federated: `arn:aws:iam::${ACCOUNT}:oidc-provider/token.actions.githubusercontent.com`,
  });
  await create('b', '*');
  expect(await outcomeOf(create('c', { AWS: `arn:aws-cn:iam::${OTHER_ACCOUNT}:root` }))).toMatch(
    /^400 MalformedPolicyDocument/,
  );
  expect(await outcomeOf(create('c', { AWS: `arn:aws:iam::${ACCOUNT}:group/g` }))).toMatch(
    /^400 MalformedPolicyDocument/,
  );
});

test('a deleted principal shows as its ID, and a new entity of the same name is not trusted', async () => {
  const { Role } = await createRole('deploy');
  await createRole('trusting', { AssumeRolePolicyDocument: trust({ AWS: Role?.Arn }) });
  await iam.deleteRole({ RoleName: 'deploy' });
  await createRole('deploy');
  const shown = decodeURIComponent((await iam.getRole({ RoleName: 'trusting' })).Role?.AssumeRolePolicyDocument ?? '');
  expect(shown).toContain(Role?.RoleId);
  expect(shown).not.toContain(Role?.Arn);
});
