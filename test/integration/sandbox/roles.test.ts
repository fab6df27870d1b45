import {
  ADMINISTRATOR,
  createInstanceProfile,
  createRole,
  iam,
  outcomeOf,
  policyOf,
  useSandbox,
} from '../../support/iam-sandbox.js';

useSandbox();

test('a role in use is not deleted', async () => {
  await createRole('r');
  await createInstanceProfile('p');
  await iam.putRolePolicy({ RoleName: 'r', PolicyName: 'i', PolicyDocument: policyOf() });
  await iam.attachRolePolicy({ RoleName: 'r', PolicyArn: ADMINISTRATOR });
  await iam.addRoleToInstanceProfile({ InstanceProfileName: 'p', RoleName: 'r' });
  const remove = () => outcomeOf(iam.deleteRole({ RoleName: 'r' }));
  const conflict = /^409 DeleteConflict: Cannot delete entity, must/;
  expect(await remove()).toMatch(conflict);
  expect(await outcomeOf(iam.deleteInstanceProfile({ InstanceProfileName: 'p' }))).toMatch(conflict);
  await iam.removeRoleFromInstanceProfile({ InstanceProfileName: 'p', RoleName: 'r' });
  expect(await outcomeOf(iam.deleteInstanceProfile({ InstanceProfileName: 'p' }))).toBe('accepted');
  expect(await remove()).toMatch(conflict);
  await iam.detachRolePolicy({ RoleName: 'r', PolicyArn: ADMINISTRATOR });
  expect(await remove()).toMatch(conflict);
  await iam.deleteRolePolicy({ RoleName: 'r', PolicyName: 'i' });
  expect(await remove()).toBe('accepted');
  expect(await remove()).toMatch(/^404 NoSuchEntity/);
});

test('UpdateRole keeps the fields that are not sent', async () => {
  await createRole('r', { Description: 'first', MaxSessionDuration: 7200 });
  await iam.updateRole({ RoleName: 'r', Description: 'second' });
  expect((await iam.getRole({ RoleName: 'r' })).Role).toMatchObject({
    Description: 'second',
    MaxSessionDuration: 7200,
  });
  await iam.updateRole({ RoleName: 'r', MaxSessionDuration: 3600 });
  expect((await iam.getRole({ RoleName: 'r' })).Role).toMatchObject({
    Description: 'second',
    MaxSessionDuration: 3600,
  });
});

test('a role of a template shows it in GetRole, and in no listing', async () => {
  const TemplateArn = 'arn:aws:iam::aws:role-template/r';
  await iam.acquireRole({ TemplateArn });
  const shown = { TemplateArn, TemplateMinorVersion: 1 };
  expect((await iam.getRole({ RoleName: 'r' })).Role?.SourceRoleTemplate).toEqual(shown);
  const listed = await iam.listRoles({});
  const details = await iam.getAccountAuthorizationDetails({ Filter: ['Role'] });
  expect(JSON.stringify([listed.Roles, details.RoleDetailList])).not.toContain(TemplateArn);
  expect(await outcomeOf(iam.acquireRole({ TemplateArn }))).toMatch(/^409 EntityAlreadyExists/);
});
