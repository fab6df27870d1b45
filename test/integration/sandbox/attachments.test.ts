import {
  ADMINISTRATOR,
  createGroup,
  createPolicy,
  createRole,
  createUser,
  iam,
  outcomeOf,
  outcomesOf,
  policyArn,
  useSandbox,
} from '../../support/iam-sandbox.js';

useSandbox();

const missing = policyArn('missing');

test('a policy must exist to be attached; AWS managed policies exist', async () => {
  await createRole('e');
  await createUser('e');
  await createGroup('e');
  const attach = (PolicyArn: string) => [
    iam.attachRolePolicy({ RoleName: 'e', PolicyArn }),
    iam.attachUserPolicy({ UserName: 'e', PolicyArn }),
    iam.attachGroupPolicy({ GroupName: 'e', PolicyArn }),
  ];
  const notThere = `404 NoSuchEntity: Policy ${missing} does not exist or is not attachable.`;
  expect(await outcomesOf(attach(missing))).toEqual([notThere, notThere, notThere]);
  for (const result of await outcomesOf(attach('arn:aws:iam::aws:policy/NoSuchThing'))) {
    expect(result).toMatch(/^404 NoSuchEntity/);
  }
  for (const result of await outcomesOf(attach('arn:aws:s3:::no-policy-at-all'))) {
    expect(result).toMatch(/^400 InvalidInput/);
  }
  for (const name of ['AdministratorAccess', 'ReadOnlyAccess', 'service-role/AWSLambdaBasicExecutionRole']) {
    const results = await outcomesOf(attach(`arn:aws:iam::aws:policy/${name}`));
    expect(results).toEqual(['accepted', 'accepted', 'accepted']);
  }
  expect((await iam.listAttachedRolePolicies({ RoleName: 'e' })).AttachedPolicies).toContainEqual({
    PolicyName: 'AdministratorAccess',
    PolicyArn: ADMINISTRATOR,
  });
  expect(await outcomeOf(iam.detachRolePolicy({ RoleName: 'e', PolicyArn: missing }))).toMatch(/^404 NoSuchEntity/);
  expect(await outcomeOf(iam.tagPolicy({ PolicyArn: ADMINISTRATOR, Tags: [] }))).toMatch(/^403 AccessDenied/);
  expect(await outcomeOf(iam.deletePolicy({ PolicyArn: ADMINISTRATOR }))).toMatch(/^403 AccessDenied/);
  const { PolicyGroups, PolicyRoles, PolicyUsers } = await iam.listEntitiesForPolicy({ PolicyArn: ADMINISTRATOR });
  expect([PolicyGroups?.[0]?.GroupName, PolicyRoles?.[0]?.RoleName, PolicyUsers?.[0]?.UserName]).toEqual([
    'e',
    'e',
    'e',
  ]);
});

test('a boundary must exist, and shows where AWS shows it', async () => {
  const PermissionsBoundary = await createPolicy('limits');
  expect(await outcomeOf(createRole('r', { PermissionsBoundary: missing }))).toMatch(/^404 NoSuchEntity/);
  expect(await outcomeOf(createUser('u', { PermissionsBoundary: missing }))).toMatch(/^404 NoSuchEntity/);
  await createRole('r', { PermissionsBoundary });
  await createUser('u');
  expect(await outcomeOf(iam.putUserPermissionsBoundary({ UserName: 'u', PermissionsBoundary: missing }))).toMatch(
    /^404 NoSuchEntity/,
  );
  await iam.putUserPermissionsBoundary({ UserName: 'u', PermissionsBoundary });
  const shown = { PermissionsBoundary: { PermissionsBoundaryArn: PermissionsBoundary } };
  expect((await iam.getRole({ RoleName: 'r' })).Role).toMatchObject(shown);
  expect((await iam.getUser({ UserName: 'u' })).User).toMatchObject(shown);
  const details = await iam.getAccountAuthorizationDetails({});
  expect(details.RoleDetailList).toMatchObject([shown]);
  expect(details.UserDetailList).toMatchObject([shown]);
  expect((await iam.listRoles({})).Roles?.[0]).not.toHaveProperty('PermissionsBoundary');
  expect((await iam.listUsers({})).Users?.[0]).not.toHaveProperty('PermissionsBoundary');
  expect((await iam.getPolicy({ PolicyArn: PermissionsBoundary })).Policy?.PermissionsBoundaryUsageCount).toBe(2);
  await iam.deleteUserPermissionsBoundary({ UserName: 'u' });
  await iam.deleteRolePermissionsBoundary({ RoleName: 'r' });
  expect((await iam.getUser({ UserName: 'u' })).User?.PermissionsBoundary).toBeUndefined();
  expect((await iam.getRole({ RoleName: 'r' })).Role?.PermissionsBoundary).toBeUndefined();
});
