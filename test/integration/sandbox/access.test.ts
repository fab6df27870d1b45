import type { IAM } from '@aws-sdk/client-iam';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import {
  ACCOUNT,
  OTHER_ACCOUNT,
  TRUST,
  createRole,
  iam,
  outcomeOf,
  sandbox,
  useSandbox,
} from '../../support/iam-sandbox.js';
import { iamClient } from '../../support/sandbox.js';

useSandbox();

test('accounts are separate', async () => {
  await createRole('r');
  const other = iamClient(sandbox.url, OTHER_ACCOUNT);
  expect(await outcomeOf(other.getRole({ RoleName: 'r' }))).toMatch(/^404 NoSuchEntity/);
  const created = await other.createRole({ RoleName: 'r', AssumeRolePolicyDocument: TRUST });
  expect(created.Role?.Arn).toBe(`arn:aws:iam::${OTHER_ACCOUNT}:role/r`);
  const identity = (client: IAM) =>
    new STSClient({ endpoint: sandbox.url, region: 'us-east-1', credentials: client.config.credentials }).send(
      new GetCallerIdentityCommand({}),
    );
  expect(await identity(other)).toMatchObject({
    Account: OTHER_ACCOUNT,
    Arn: `arn:aws:sts::${OTHER_ACCOUNT}:assumed-role/test/test`,
  });
  expect(await identity(iam)).toMatchObject({ Account: ACCOUNT, Arn: `arn:aws:iam::${ACCOUNT}:user/sandbox` });
  await sandbox.reset();
  expect(await identity(other)).toMatchObject({ Account: OTHER_ACCOUNT });
  expect(await outcomeOf(other.getRole({ RoleName: 'r' }))).toMatch(/^404 NoSuchEntity/);
  const { AccessKey } = await other.createUser({ UserName: 'u' }).then(() => other.createAccessKey({ UserName: 'u' }));
  const keyed = iamClient(sandbox.url, undefined, { accessKeyId: AccessKey?.AccessKeyId ?? '' });
  expect(await identity(keyed)).toMatchObject({ Account: OTHER_ACCOUNT, Arn: `arn:aws:iam::${OTHER_ACCOUNT}:user/u` });
});

test('expired and denied credentials are refused', async () => {
  const by = (accessKeyId: string) => iamClient(sandbox.url, undefined, { accessKeyId });
  const sts = (accessKeyId: string) =>
    new STSClient({
      endpoint: sandbox.url,
      region: 'us-east-1',
      credentials: { accessKeyId, secretAccessKey: 'x' },
    }).send(new GetCallerIdentityCommand({}));
  for (const key of ['ASIAEXPIRED1', 'AKIAEXPIRED1']) {
    expect(await outcomeOf(by(key).listRoles({}))).toMatch(/^403 ExpiredToken/);
    expect(await outcomeOf(sts(key))).toMatch(/^403 ExpiredToken/);
  }
  expect(await outcomeOf(by('AKIADENIED1').listRoles({}))).toMatch(/^403 AccessDenied: .*iam:ListRoles/);
  expect(await outcomeOf(sts('AKIADENIED1'))).toBe('accepted');
  const unsigned = await fetch(sandbox.url, { method: 'POST', body: 'Action=ListRoles&Version=2010-05-08' });
  expect([unsigned.status, await unsigned.text()]).toEqual([
    403,
    expect.stringContaining('MissingAuthenticationToken'),
  ]);
});
