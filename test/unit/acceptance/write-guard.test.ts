import * as sdk from '@aws-sdk/client-iam';
import { refusalOf } from '../../acceptance/write-guard.js';

const RUN = { start: 'iamb-r4k2m9xz-', accountSettings: false };
const refused = (action: string, params: Record<string, string>, service = 'iam') =>
  refusalOf(service, action, params, RUN);

test.each([
  ['CreateRole', { RoleName: 'iamb-r4k2m9xz-role' }],
  ['CreateRole', { RoleName: 'IAMB-R4K2M9XZ-ROLE' }],
  ['AttachRolePolicy', { RoleName: 'iamb-r4k2m9xz-role', PolicyArn: 'arn:aws:iam::aws:policy/ReadOnlyAccess' }],
  ['DeletePolicy', { PolicyArn: 'arn:aws:iam::111111111111:policy/other/iamb-r4k2m9xz-policy' }],
  ['CreateOpenIDConnectProvider', { Url: 'https://tokens.example.com/iamb-r4k2m9xz-one' }],
  ['DeleteServiceLinkedRole', { RoleName: 'AWSServiceRoleForAutoScaling_iamb-r4k2m9xz-one' }],
  ['AddUserToGroup', { GroupName: 'iamb-r4k2m9xz-group', UserName: 'iamb-r4k2m9xz-user' }],
])('sends %s of the run: %j', (action, params) => {
  expect(refused(action, params as Record<string, string>)).toBeNull();
});

test.each([
  ['DeleteRole', { RoleName: 'production' }],
  ['DeleteRole', { RoleName: 'iamb-other' }],
  ['DeleteRole', { RoleName: 'my-iamb-r4k2m9xz-role' }],
  ['DeleteRole', {}],
  ['DeletePolicy', { PolicyArn: 'arn:aws:iam::111111111111:policy/iamb-r4k2m9xz-path/production' }],
  ['AddUserToGroup', { GroupName: 'admins', UserName: 'iamb-r4k2m9xz-user' }],
  ['AddUserToGroup', { GroupName: 'iamb-r4k2m9xz-group', UserName: 'alice' }],
  ['AddRoleToInstanceProfile', { InstanceProfileName: 'iamb-r4k2m9xz-profile', RoleName: 'production' }],
  ['UpdateUser', { UserName: 'iamb-r4k2m9xz-user', NewUserName: 'alice' }],
  ['EnableMFADevice', { UserName: 'alice', SerialNumber: 'arn:aws:iam::111111111111:mfa/iamb-r4k2m9xz-device' }],
  ['CreateServiceLinkedRole', { AWSServiceName: 'autoscaling.amazonaws.com' }],
  ['DeleteServiceLinkedRole', { RoleName: 'AWSServiceRoleForAutoScaling' }],
  ['DeleteAccessKey', { AccessKeyId: 'AKIA1' }],
  ['ChangePassword', { OldPassword: 'a', NewPassword: 'b' }],
])('refuses %s of another entity: %j', (action, params) => {
  expect(refused(action, params as Record<string, string>)).toEqual(expect.stringContaining(action));
});

test('sends settings of the account only where the user allows them', () => {
  const allowed = { ...RUN, accountSettings: true };
  const policy = { MinimumPasswordLength: '14' };
  expect(refusalOf('iam', 'UpdateAccountPasswordPolicy', policy, RUN)).toContain('whole account');
  expect(refusalOf('iam', 'UpdateAccountPasswordPolicy', policy, allowed)).toBeNull();
  expect(refusalOf('iam', 'DeleteAccountAlias', { AccountAlias: 'acme' }, allowed)).toContain('acme');
});

test('sends nothing to other services but who is calling and the event history', () => {
  expect(refused('GetCallerIdentity', {}, 'sts')).toBeNull();
  expect(refused('LookupEvents', {}, 'cloudtrail')).toBeNull();
  for (const [service, action] of [
    ['sts', 'AssumeRole'],
    ['cloudtrail', 'DeleteTrail'],
    ['s3', 'GetObject'],
  ] as const) {
    expect(refused(action, {}, service)).not.toBeNull();
  }
});

test('refuses every write of IAM that names no entity of the run', () => {
  const operations = Object.keys(sdk).flatMap((name) => /^(\w+)Command$/.exec(name)?.[1] ?? []);
  const writes = operations.filter((action) => !/^(Get|List)[A-Z]/.test(action));
  expect(writes.length).toBeGreaterThan(80);
  expect(writes.filter((action) => refused(action, {}) === null)).toEqual([]);
});
