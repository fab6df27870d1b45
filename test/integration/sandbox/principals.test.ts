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

test('a principal that cannot be is refused, in this account and in others', async () => {
  await createRole('deploy');
  await iam.createGroup({ GroupName: 'admins' });
  const create = (principal: unknown) => createRole('a', { AssumeRolePolicyDocument: trust(principal) });
  for (const account of [ACCOUNT, OTHER_ACCOUNT]) {
    for (const resource of ['group/admins', 'role/*', 'role/dep*', 'instance-profile/web', 'policy/p']) {
      const arn = `arn:aws:iam::${account}:${resource}`;
      const refusal = `400 MalformedPolicyDocument: Invalid principal in policy: "AWS":"${arn}"`;
      expect(await outcomeOf(create({ AWS: arn }))).toBe(refusal);
    }
  }
  for (const principal of [
    { AWS: `arn:aws:iam::${ACCOUNT}:role/a` },
    { AWS: `arn:aws:sts::${ACCOUNT}:assumed-role/deploy/*` },
    { AWS: `arn:aws:iam::${ACCOUNT}:role/Deploy` },
    { AWS: '1234' },
    { CanonicalUser: '79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be' },
    { Federated: `arn:aws:iam::${ACCOUNT}:role/deploy` },
  ]) {
    expect(await outcomeOf(create(principal))).toMatch(/^400 MalformedPolicyDocument: Invalid principal in policy: /);
  }
});

test('a role can trust itself once it exists', async () => {
  const { Role } = await createRole('deploy');
  const PolicyDocument = trust({ AWS: [Role?.Arn, `arn:aws:sts::${ACCOUNT}:assumed-role/deploy/session`] });
  expect(await outcomeOf(iam.updateAssumeRolePolicy({ RoleName: 'deploy', PolicyDocument }))).toBe('accepted');
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
