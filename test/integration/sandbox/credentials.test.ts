import type { ServiceSpecificCredential } from '@aws-sdk/client-iam';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import {
  ACCOUNT,
  OTHER_ACCOUNT,
  createUser,
  ageKeys,
  iam,
  outcomeOf,
  outcomesOf,
  sandbox,
  useSandbox,
} from '../../support/iam-sandbox.js';
import { makePki } from '../../support/pki.js';
import type { Pki } from '../../support/pki.js';
import { iamClient } from '../../support/sandbox.js';

useSandbox();

let pki: Pki;

beforeAll(async () => {
  pki = await makePki();
});

describe('SSH public keys', () => {
  const UserName = 'u';
  const upload = async (SSHPublicKeyBody: string | undefined) =>
    (await iam.uploadSSHPublicKey({ UserName, SSHPublicKeyBody })).SSHPublicKey;

  test('are shown in both formats, whichever one was uploaded', async () => {
    await createUser(UserName);
    const uploaded = await upload(`${String(pki.ssh[0])} anna@example.com`);
    expect(uploaded).toMatchObject({
      UserName,
      SSHPublicKeyId: expect.stringMatching(/^APKA\w{16,}$/) as string,
      SSHPublicKeyBody: `${String(pki.ssh[0])} anna@example.com`,
      Status: 'Active',
      Fingerprint: expect.stringMatching(/^([0-9a-f]{2}:){15}[0-9a-f]{2}$/) as string,
    });
    const key = { UserName, SSHPublicKeyId: uploaded?.SSHPublicKeyId };
    const body = async (Encoding: 'SSH' | 'PEM') =>
      (await iam.getSSHPublicKey({ ...key, Encoding })).SSHPublicKey?.SSHPublicKeyBody;
    expect([await body('SSH'), await body('PEM')]).toEqual([pki.ssh[0], pki.sshPem]);
    await iam.updateSSHPublicKey({ ...key, Status: 'Inactive' });
    expect((await iam.listSSHPublicKeys({ UserName })).SSHPublicKeys).toEqual([
      { ...key, Status: 'Inactive', UploadDate: uploaded?.UploadDate },
    ]);
    await iam.deleteSSHPublicKey(key);
    const gone = [
      iam.getSSHPublicKey({ ...key, Encoding: 'SSH' }),
      iam.updateSSHPublicKey({ ...key, Status: 'Active' }),
      iam.deleteSSHPublicKey(key),
    ];
    expect(await outcomesOf(gone)).toEqual(Array(3).fill(expect.stringMatching(/^404 NoSuchEntity/)));
  });

  test('are limited to five different keys', async () => {
    await createUser(UserName);
    for (const key of pki.ssh.slice(0, 5)) await upload(key);
    for (const again of [pki.ssh[0], `${String(pki.ssh[0])} other@example.com`, pki.sshPem]) {
      expect(await outcomeOf(upload(again))).toMatch(/^400 DuplicateSSHPublicKey/);
    }
    expect(await outcomeOf(upload(pki.ssh[5]))).toMatch(/^409 LimitExceeded/);
  });

  test('must be RSA keys of at least 2048 bits', async () => {
    await createUser(UserName);
    const results = await outcomesOf([
      upload('ssh-rsa AAAA'),
      upload(pki.sshShort),
      upload(pki.leaf),
      upload('ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE'),
      upload('nonsense'),
    ]);
    expect(results.map((result) => result.split(':')[0])).toEqual([
      '400 InvalidPublicKey',
      '400 InvalidPublicKey',
      '400 InvalidPublicKey',
      '400 UnrecognizedPublicKeyEncoding',
      '400 UnrecognizedPublicKeyEncoding',
    ]);
  });
});

describe('access keys', () => {
  const UserName = 'u';
  const create = async (client = iam) => (await client.createAccessKey({ UserName })).AccessKey;

  test('are limited to two, and show their secret once', async () => {
    expect(await outcomeOf(create())).toMatch(/^404 NoSuchEntity/);
    await createUser(UserName);
    const made = await create();
    expect(made).toMatchObject({
      UserName,
      Status: 'Active',
      AccessKeyId: expect.stringMatching(/^AKIA[A-Z0-9]{16}$/) as string,
      SecretAccessKey: expect.stringMatching(/^.{40}$/) as string,
    });
    await create();
    expect(await outcomeOf(create())).toBe('409 LimitExceeded: Cannot exceed quota for AccessKeysPerUser: 2');
    const key = { UserName, AccessKeyId: made?.AccessKeyId };
    await iam.updateAccessKey({ ...key, Status: 'Inactive' });
    expect(await outcomeOf(iam.updateAccessKey({ ...key, Status: 'Expired' }))).toMatch(/^400 InvalidInput/);
    const { AccessKeyMetadata = [] } = await iam.listAccessKeys({ UserName });
    expect(AccessKeyMetadata).toHaveLength(2);
    expect(AccessKeyMetadata).toContainEqual({ ...key, Status: 'Inactive', CreateDate: made?.CreateDate });
    await iam.deleteAccessKey(key);
    expect(
      await outcomesOf([
        iam.deleteAccessKey(key),
        iam.updateAccessKey({ ...key, Status: 'Active' }),
        iam.getAccessKeyLastUsed({ AccessKeyId: made?.AccessKeyId }),
      ]),
    ).toEqual(Array(3).fill(expect.stringMatching(/^404 NoSuchEntity/)));
  });

  test('identify the user, record their use, and are refused once inactive or deleted', async () => {
    const other = iamClient(sandbox.url, OTHER_ACCOUNT);
    await other.createUser({ UserName });
    const { AccessKeyId = '' } = (await create(other)) ?? {};
    const used = () => other.getAccessKeyLastUsed({ AccessKeyId });
    expect(await used()).toMatchObject({ UserName, AccessKeyLastUsed: { ServiceName: 'N/A', Region: 'N/A' } });
    expect((await used()).AccessKeyLastUsed?.LastUsedDate).toBeUndefined();
    const own = iamClient(sandbox.url, undefined, { accessKeyId: AccessKeyId });
    expect((await own.getUser({})).User?.Arn).toBe(`arn:aws:iam::${OTHER_ACCOUNT}:user/${UserName}`);
    expect((await used()).AccessKeyLastUsed).toEqual({
      LastUsedDate: expect.any(Date) as Date,
      ServiceName: 'iam',
      Region: 'us-east-1',
    });
    const sts = new STSClient({ endpoint: sandbox.url, region: 'eu-west-1', credentials: own.config.credentials });
    expect((await sts.send(new GetCallerIdentityCommand({}))).Account).toBe(OTHER_ACCOUNT);
    expect((await used()).AccessKeyLastUsed).toMatchObject({ ServiceName: 'sts', Region: 'eu-west-1' });
    expect((await own.listAccessKeys({})).AccessKeyMetadata).toHaveLength(1);
    const set = (Status: 'Active' | 'Inactive') => other.updateAccessKey({ UserName, AccessKeyId, Status });
    await set('Inactive');
    expect(await outcomeOf(own.getUser({}))).toMatch(/^403 InvalidClientTokenId/);
    await set('Active');
    expect(await outcomeOf(own.getUser({}))).toBe('accepted');
    await other.deleteAccessKey({ UserName, AccessKeyId });
    expect(await outcomeOf(own.getUser({}))).toMatch(/^403 InvalidClientTokenId/);
  });
});

describe('service-specific credentials', () => {
  const UserName = 'jane';
  const GIT = 'codecommit.amazonaws.com';
  const BEDROCK = 'bedrock.amazonaws.com';
  const create = async (ServiceName: string, rest: object = {}) =>
    (await iam.createServiceSpecificCredential({ UserName, ServiceName, ...rest })).ServiceSpecificCredential;
  const list = async (rest: object = {}) =>
    (await iam.listServiceSpecificCredentials({ UserName, ...rest })).ServiceSpecificCredentials ?? [];

  test('consist of a user name and a password that is shown once', async () => {
    expect(await outcomeOf(create(GIT))).toMatch(/^404 NoSuchEntity/);
    await createUser(UserName);
    const { ServicePassword, ...made }: Partial<ServiceSpecificCredential> = (await create(GIT)) ?? {};
    expect(made).toEqual({
      UserName,
      ServiceName: GIT,
      ServiceUserName: `jane-at-${ACCOUNT}`,
      ServiceSpecificCredentialId: expect.stringMatching(/^ACCA\w{16,}$/) as string,
      Status: 'Active',
      CreateDate: expect.any(Date) as Date,
    });
    expect(ServicePassword).toMatch(/^.{40,}$/);
    expect(await list()).toEqual([made]);
    const key = { UserName, ServiceSpecificCredentialId: made.ServiceSpecificCredentialId };
    await iam.updateServiceSpecificCredential({ ...key, Status: 'Inactive' });
    expect(await list()).toEqual([{ ...made, Status: 'Inactive' }]);
    const { ServiceSpecificCredential: reset } = await iam.resetServiceSpecificCredential(key);
    expect(reset).toMatchObject({ ...made, Status: 'Inactive' });
    expect(reset?.ServicePassword).not.toBe(ServicePassword);
    await iam.deleteServiceSpecificCredential(key);
    const gone = [
      iam.deleteServiceSpecificCredential(key),
      iam.resetServiceSpecificCredential(key),
      iam.updateServiceSpecificCredential({ ...key, Status: 'Active' }),
    ];
    expect(await outcomesOf(gone)).toEqual(Array(3).fill(expect.stringMatching(/^404 NoSuchEntity/)));
  });

  test('are an API key for some services, and may expire', async () => {
    await createUser(UserName);
    const made = await create(BEDROCK, { CredentialAgeDays: 30 });
    expect(made).toMatchObject({
      ServiceCredentialAlias: expect.stringMatching(/^jane[\w+=,.@-]+$/) as string,
      ServiceCredentialSecret: expect.stringMatching(/^ABSK/) as string,
    });
    expect(made).not.toHaveProperty('ServicePassword');
    expect(Number(made?.ExpirationDate) - Number(made?.CreateDate)).toBe(30 * 86_400_000);
    const [listed] = await list();
    expect(listed).toMatchObject({ ServiceCredentialAlias: made?.ServiceCredentialAlias });
    expect(listed).not.toHaveProperty('ServiceCredentialSecret');
    expect(await outcomeOf(create(GIT, { CredentialAgeDays: 30 }))).toMatch(/^400 ValidationError/);
    expect(await outcomeOf(create(BEDROCK, { CredentialAgeDays: 36_601 }))).toMatch(/^400 ValidationError/);
  });

  test('are limited to two per service, and to services that have them', async () => {
    await Promise.all([createUser(UserName), createUser('v')]);
    await create(GIT);
    expect((await create(GIT))?.ServiceUserName).toBe(`jane+1-at-${ACCOUNT}`);
    expect(await outcomeOf(create(GIT))).toMatch(/^409 LimitExceeded/);
    await create(BEDROCK);
    expect(await outcomeOf(create('s3.amazonaws.com'))).toMatch(/^404 NotSupportedService/);
    expect(await outcomeOf(list({ ServiceName: 's3.amazonaws.com' }))).toMatch(/^404 NotSupportedService/);
    expect([(await list()).length, (await list({ ServiceName: GIT })).length]).toEqual([3, 2]);
    await iam.createServiceSpecificCredential({ UserName: 'v', ServiceName: GIT });
    const all = await iam.listServiceSpecificCredentials({ AllUsers: true, ServiceName: GIT });
    expect(all.ServiceSpecificCredentials).toHaveLength(3);
    expect(await outcomeOf(list({ AllUsers: true }))).toMatch(/^400 ValidationError/);
  });
});

test('access keys of a user are older on request', async () => {
  await createUser('old');
  const { AccessKey } = await iam.createAccessKey({ UserName: 'old' });
  expect([await ageKeys('old', 48), await ageKeys('missing', 48)]).toEqual([200, 400]);
  const { AccessKeyMetadata: [key] = [] } = await iam.listAccessKeys({ UserName: 'old' });
  expect((AccessKey?.CreateDate?.getTime() ?? 0) - (key?.CreateDate?.getTime() ?? 0)).toBe(48 * 3_600_000);
});
