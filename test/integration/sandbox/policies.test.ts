import { createPolicy, createRole, iam, outcomeOf, policyOf, useSandbox } from '../../support/iam-sandbox.js';

useSandbox();

test('a policy in use is not deleted', async () => {
  const PolicyArn = await createPolicy('p');
  await createRole('r');
  const remove = () => outcomeOf(iam.deletePolicy({ PolicyArn }));
  await iam.attachRolePolicy({ RoleName: 'r', PolicyArn });
  await iam.putRolePermissionsBoundary({ RoleName: 'r', PermissionsBoundary: PolicyArn });
  await iam.createPolicyVersion({ PolicyArn, PolicyDocument: policyOf('arn:aws:s3:::b/*'), SetAsDefault: true });
  expect(await remove()).toMatch(/^409 DeleteConflict/);
  await iam.detachRolePolicy({ RoleName: 'r', PolicyArn });
  expect(await remove()).toMatch(/^409 DeleteConflict/);
  await iam.deleteRolePermissionsBoundary({ RoleName: 'r' });
  expect(await remove()).toMatch(/^409 DeleteConflict: This policy has more than one version/);
  expect(await outcomeOf(iam.deletePolicyVersion({ PolicyArn, VersionId: 'v2' }))).toMatch(/^409 DeleteConflict/);
  await iam.deletePolicyVersion({ PolicyArn, VersionId: 'v1' });
  expect(await remove()).toBe('accepted');
  expect(await outcomeOf(createPolicy('p'))).toBe('accepted');
});

test('ListPolicies honours the scope', async () => {
  await createPolicy('p');
  const local = await iam.listPolicies({ Scope: 'Local' });
  expect(local.Policies?.map(({ PolicyName }) => PolicyName)).toEqual(['p']);
  const aws = await iam.listPolicies({ Scope: 'AWS', MaxItems: 1000 });
  expect(aws.IsTruncated).toBe(true);
  expect(aws.Policies?.every(({ Arn }) => Arn?.startsWith('arn:aws:iam::aws:policy/'))).toBe(true);
});
