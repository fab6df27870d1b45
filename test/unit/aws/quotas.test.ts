import { toFailure, OperationError } from '../../../src/activities/runtime/failures.js';
import { QUOTAS, remedyOfLimit, remedyOfQuota } from '../../../src/aws/quotas.js';
import { FAILURES, type FailureDetails } from '../../../src/contract/failures.js';
import { KINDS } from '../../../src/kinds/index.js';

/** Whether AWS raises a quota, and up to which value: the table of the IAM User Guide, row by row. */
const RAISED_TO: Readonly<Record<string, number | undefined>> = {
  'Roles per account': 10_000,
  'Customer managed policies per account': 10_000,
  'Groups per account': 500,
  'Instance profiles per account': 10_000,
  'Server certificates per account': 1_000,
  'OpenId connect providers per account': 700,
  'Role trust policy length': 8_192,
  'Managed policies per role': 25,
  'Managed policies per user': 20,
  'Managed policies per group': undefined,
  'Characters of all inline policies of a role': undefined,
  'Characters of all inline policies of a user': undefined,
  'Characters of all inline policies of a group': undefined,
  'Characters of a managed policy': undefined,
  'Versions of a managed policy': undefined,
  'Users per account': undefined,
  'Groups per user': undefined,
  'Access keys per user': undefined,
  'Signing certificates per user': undefined,
  'SSH public keys per user': undefined,
  'Service-specific credentials per user and service': undefined,
  'MFA devices per user': undefined,
  'SAML providers per account': undefined,
  'Private keys per SAML provider': undefined,
  'Client IDs per OIDC provider': undefined,
  'Thumbprints per OIDC provider': undefined,
  'Roles in an instance profile': undefined,
  'Tags per entity': undefined,
};

const cannotExceed = (name: string, value: number): string => `Cannot exceed quota for ${name}: ${String(value)}`;

test('the table has the quotas that AWS raises, those that it does not, and no other', () => {
  expect(Object.fromEntries(QUOTAS.map(({ name, raisedTo }) => [name, raisedTo]))).toEqual(RAISED_TO);
});

test.each(QUOTAS.map((quota) => [quota.name, quota] as const))('the remedy for "%s"', (name, quota) => {
  const { raisedTo, instead, value, key, errorNames = [] } = quota;
  const [errorName] = errorNames;
  const remedies = [
    ...(key === undefined ? [] : [remedyOfQuota(key, value)]),
    ...(errorName === undefined
      ? []
      : [remedyOfLimit({ message: cannotExceed(errorName, value), operation: 'CreateRole' })]),
  ];
  const [remedy = remedyOfLimit({ message: 'full', operation: quota.operations?.[0] ?? null })] = remedies;
  expect(new Set(remedies).size).toBeLessThanOrEqual(1);
  expect(remedy).toContain(`"${name}"`);
  expect(remedy).toContain(instead);
  const asks = remedy?.startsWith(`ask for a higher quota "${name}" in Service Quotas`);
  expect(asks).toBe(raisedTo !== undefined);
  if (raisedTo === undefined) expect(remedy).toContain(`AWS does not raise the quota "${name}" of ${String(value)}`);
  else expect(remedy).toContain(`up to ${String(raisedTo)}`);
});

test('a quota that has been raised as far as it goes is not to be asked for again', () => {
  expect(remedyOfQuota('RolesQuota', 10_000)).toBe(
    'delete roles that are no longer used: AWS does not raise the quota "Roles per account" above 10000',
  );
});

test.each([
  [
    'PutRolePolicy',
    'Maximum policy size of 10240 bytes exceeded for role deploy',
    'all inline policies of a role" of 10240',
  ],
  [
    'PutUserPolicy',
    'Maximum policy size of 2048 bytes exceeded for user ann',
    'all inline policies of a user" of 2048',
  ],
  ['CreatePolicyVersion', 'A managed policy can have up to 5 versions.', 'Versions of a managed policy" of 5'],
  ['TagRole', 'The number of tags has reached the maximum limit of 50.', 'Tags per entity" of 50'],
  ['CreateRole', 'The number of tags has reached the maximum limit of 50.', 'Tags per entity" of 50'],
  ['UploadSSHPublicKey', 'The maximum number of keys is reached', 'SSH public keys per user" of 5'],
  ['CreateAccessKey', cannotExceed('accessKeysPerUser', 2), 'Access keys per user" of 2'],
])('%s: "%s" is known by its message or its operation', (operation, message, told) => {
  expect(remedyOfLimit({ message, operation })).toContain(told);
});

test.each([
  ['CreateRole', 'Too much of something'],
  ['AttachRolePolicy', cannotExceed('SomethingNew', 3)],
])('%s: "%s" has the remedy of all quotas, which promises no raise', (operation, message) => {
  const cause = { Code: 'LimitExceeded', message, $metadata: { httpStatusCode: 409 } };
  const failure = toFailure(new OperationError(operation, cause), { attempt: 1, elapsedMs: 0, calls: {} });
  const { details } = failure as unknown as { readonly details: readonly [FailureDetails] };
  expect(details[0].remedy).toBeUndefined();
  expect(FAILURES.QuotaExceeded.remedy).toContain('where Service Quotas can raise it');
});

test('the failure of a call has the remedy of its quota', () => {
  const cause = {
    Code: 'LimitExceeded',
    message: cannotExceed('PoliciesPerRole', 10),
    $metadata: { httpStatusCode: 409 },
  };
  const failure = toFailure(new OperationError('AttachRolePolicy', cause), { attempt: 1, elapsedMs: 0, calls: {} });
  expect(failure).toMatchObject({
    type: 'QuotaExceeded',
    details: [{ remedy: remedyOfQuota('AttachedPoliciesPerRoleQuota', 10) }],
  });
});

test('each quota that a plan looks at is in the table', () => {
  const keys = KINDS.flatMap(({ quota, quotaUsage, schema }) => {
    const everything = Object.fromEntries(Object.keys(schema.shape).map((name) => [name, {}]));
    return [...(quota === undefined ? [] : [quota.limit]), ...(quotaUsage?.(everything) ?? []).map((one) => one.quota)];
  });
  expect(keys.length).toBeGreaterThan(10);
  expect(keys.filter((key) => remedyOfQuota(key, 1) === undefined)).toEqual([]);
});
