import { execFile } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { IAM, ServiceSpecificCredential } from '@aws-sdk/client-iam';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { findPython, iamClient, startSandbox } from '../../support/sandbox.js';
import type { TestSandbox } from '../../support/sandbox.js';

const ACCOUNT = '111111111111';
const OTHER = '222222222222';
const TAGS = [{ Key: 'a', Value: '1' }];
const PASSWORD = 'Correct-horse-7';

let sandbox: TestSandbox;
let iam: IAM;
let pki: Pki;

jest.setTimeout(60_000);

beforeAll(async () => {
  sandbox = await startSandbox();
  iam = iamClient(sandbox.url);
  const { stdout } = await promisify(execFile)(await findPython(), ['-c', MAKE_PKI]);
  pki = JSON.parse(stdout) as Pki;
  // The first run makes the sandbox's Python environment.
}, 300_000);

afterAll(() => sandbox.stop());

beforeEach(() => sandbox.reset());

/** Keys and certificates, each in PEM format where nothing else is said. */
interface Pki {
  readonly root: string;
  /** Issued by the root. */
  readonly leaf: string;
  readonly leafKey: string;
  readonly otherKey: string;
  readonly expired: string;
  readonly expiredKey: string;
  /** Self-signed: enough for one user, and one more. */
  readonly signing: readonly string[];
  /** RSA keys in ssh-rsa format, and the first of them in PEM format. */
  readonly ssh: readonly string[];
  readonly sshPem: string;
  readonly sshShort: string;
}

/** Node.js makes keys but no certificates; the sandbox's Python makes both. */
const MAKE_PKI = `
import json
from datetime import datetime, timedelta, timezone
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

now = datetime.now(timezone.utc)

def key():
    return ec.generate_private_key(ec.SECP256R1())

def name(text):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

def certificate(subject, own, issuer, by, days=90):
    ends = now + timedelta(days=days)
    builder = x509.CertificateBuilder(name(issuer), name(subject), own.public_key(), x509.random_serial_number())
    signed = builder.not_valid_before(ends - timedelta(days=100)).not_valid_after(ends).sign(by, hashes.SHA256())
    return signed.public_bytes(Encoding.PEM).decode()

def private(one):
    return one.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

def ssh(one):
    return one.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()

root, leaf, expired = key(), key(), key()
rsa_keys = [rsa.generate_private_key(65537, 2048) for _ in range(6)]
print(json.dumps({
    "root": certificate("root", root, "root", root),
    "leaf": certificate("leaf", leaf, "root", root),
    "leafKey": private(leaf),
    "otherKey": private(key()),
    "expired": certificate("old", expired, "old", expired, days=-1),
    "expiredKey": private(expired),
    "signing": [certificate("own", one, "own", one) for one in (key(), key(), key())],
    "ssh": [ssh(one) for one in rsa_keys],
    "sshPem": rsa_keys[0].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
    "sshShort": ssh(rsa.generate_private_key(65537, 1024)),
}))
`;

const policyDocument = (resource = '*') =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: ['s3:GetObject'], Resource: [resource] }],
  });
const TRUST = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
});
const ADMINISTRATOR = 'arn:aws:iam::aws:policy/AdministratorAccess';
const role = (RoleName: string) => iam.createRole({ RoleName, AssumeRolePolicyDocument: TRUST });
const user = (UserName: string) => iam.createUser({ UserName });
const group = (GroupName: string) => iam.createGroup({ GroupName });

/** `STATUS Code` of a refusal, and the message. */
async function refusal(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    const { Code, name, message, $metadata } = error as Error & {
      Code?: string;
      $metadata?: { httpStatusCode?: number };
    };
    return `${String($metadata?.httpStatusCode)} ${Code ?? name}: ${message}`;
  }
  return 'accepted';
}

/** The same of several calls at once. */
function refusals(calls: readonly Promise<unknown>[]): Promise<string[]> {
  return Promise.all(calls.map(refusal));
}

/** What the sandbox lets tests do, and AWS does not. */
async function control(what: 'quota' | 'in-use', body: object): Promise<number> {
  const response = await fetch(`${sandbox.url}/sandbox/${what}`, { method: 'POST', body: JSON.stringify(body) });
  await response.text();
  return response.status;
}

const quota = (name: string, value: number, account = ACCOUNT) => control('quota', { account, name, value });
const inUse = (name: string, more: object = {}) => control('in-use', { account: ACCOUNT, name, ...more });

describe('SAML providers', () => {
  const metadata = (text: string, attributes = '') =>
    `<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" ${attributes}>` +
    `${text.repeat(1000)}</md:EntityDescriptor>`;
  const create = (rest: object = {}) =>
    iam.createSAMLProvider({ Name: 'idp', SAMLMetadataDocument: metadata('a'), ...rest });
  const SAMLProviderArn = `arn:aws:iam::${ACCOUNT}:saml-provider/idp`;
  const get = () => iam.getSAMLProvider({ SAMLProviderArn });
  const update = (rest: object) => iam.updateSAMLProvider({ SAMLProviderArn, ...rest });

  test('are made once, read, listed without tags, updated and deleted', async () => {
    expect(await create({ Tags: TAGS })).toMatchObject({ SAMLProviderArn, Tags: TAGS });
    expect(await refusal(create({ SAMLMetadataDocument: metadata('b') }))).toMatch(/^409 EntityAlreadyExists/);
    const made = await get();
    expect(made).toMatchObject({ SAMLMetadataDocument: metadata('a'), Tags: TAGS, PrivateKeyList: [] });
    expect(made.SAMLProviderUUID).toMatch(/^[A-Z0-9]{22,64}$/);
    expect(made.CreateDate).toBeInstanceOf(Date);
    const [listed] = (await iam.listSAMLProviders({})).SAMLProviderList ?? [];
    expect(listed).toEqual({ Arn: SAMLProviderArn, CreateDate: made.CreateDate, ValidUntil: made.ValidUntil });
    expect((await update({ SAMLMetadataDocument: metadata('b') })).SAMLProviderArn).toBe(SAMLProviderArn);
    expect(await get()).toMatchObject({
      SAMLMetadataDocument: metadata('b'),
      SAMLProviderUUID: made.SAMLProviderUUID,
      Tags: TAGS,
    });
    await iam.deleteSAMLProvider({ SAMLProviderArn });
    const gone = [get(), update({}), iam.deleteSAMLProvider({ SAMLProviderArn })];
    expect(await refusals(gone)).toEqual(Array(3).fill(expect.stringMatching(/^404 NoSuchEntity/)));
    expect(await refusal(iam.getSAMLProvider({ SAMLProviderArn: `${SAMLProviderArn}:x` }))).toMatch(
      /^400 InvalidInput/,
    );
  });

  test('need metadata, which may say until when they are valid', async () => {
    for (const document of ['a'.repeat(1000), `<html>${'a'.repeat(1000)}</html>`]) {
      expect(await refusal(create({ SAMLMetadataDocument: document }))).toBe(
        '400 InvalidInput: Could not parse metadata',
      );
    }
    await create({ SAMLMetadataDocument: metadata('a', 'validUntil="2031-05-06T07:08:09Z"') });
    expect((await get()).ValidUntil).toEqual(new Date('2031-05-06T07:08:09Z'));
  });

  test('have at most two private keys, which are never shown', async () => {
    await create({ AssertionEncryptionMode: 'Required', AddPrivateKey: pki.leafKey });
    await update({ AddPrivateKey: pki.otherKey });
    expect(await refusal(update({ AddPrivateKey: pki.expiredKey }))).toMatch(/^409 LimitExceeded/);
    const { AssertionEncryptionMode, PrivateKeyList = [] } = await get();
    expect([AssertionEncryptionMode, PrivateKeyList.length]).toEqual(['Required', 2]);
    expect(Object.keys(PrivateKeyList[0] ?? {}).sort()).toEqual(['KeyId', 'Timestamp']);
    const [first, second] = PrivateKeyList.map(({ KeyId }) => KeyId);
    expect(await refusal(update({ RemovePrivateKey: first, AddPrivateKey: pki.expiredKey }))).toMatch(
      /^400 InvalidInput/,
    );
    await update({ RemovePrivateKey: first });
    expect(await refusal(update({ RemovePrivateKey: first }))).toMatch(/^404 NoSuchEntity/);
    expect(await refusal(update({ RemovePrivateKey: second }))).toMatch(/^400 InvalidInput/);
    await update({ RemovePrivateKey: second, AssertionEncryptionMode: 'Allowed' });
    expect(await get()).toMatchObject({ AssertionEncryptionMode: 'Allowed', PrivateKeyList: [] });
    expect(await refusal(update({ AddPrivateKey: 'no key' }))).toMatch(/^400 InvalidInput/);
    expect(await refusal(update({ AssertionEncryptionMode: 'Sometimes' }))).toMatch(/^400 ValidationError/);
  });
});

describe('service-linked roles', () => {
  const create = (AWSServiceName: string, rest: object = {}) =>
    iam.createServiceLinkedRole({ AWSServiceName, ...rest });
  const SCALING = 'autoscaling.amazonaws.com';
  const RoleName = 'AWSServiceRoleForAutoScaling';
  const remove = async () => (await iam.deleteServiceLinkedRole({ RoleName })).DeletionTaskId;
  const deletion = (DeletionTaskId: string | undefined) => iam.getServiceLinkedRoleDeletionStatus({ DeletionTaskId });

  test('have the names and paths that their services have', async () => {
    const { Role } = await create(SCALING, { Description: 'scales' });
    expect(Role).toMatchObject({
      RoleName,
      Path: `/aws-service-role/${SCALING}/`,
      Arn: `arn:aws:iam::${ACCOUNT}:role/aws-service-role/${SCALING}/${RoleName}`,
      Description: 'scales',
    });
    const named = async (service: string, rest: object = {}) => (await create(service, rest)).Role?.RoleName;
    expect(await named(SCALING, { CustomSuffix: 'two' })).toBe('AWSServiceRoleForAutoScaling_two');
    expect(await named('ecs.amazonaws.com')).toBe('AWSServiceRoleForECS');
    expect(await named('elasticbeanstalk.amazonaws.com')).toBe('AWSServiceRoleForElasticBeanstalk');
    expect(await named('ecs.application-autoscaling.amazonaws.com')).toBe(
      'AWSServiceRoleForApplicationAutoScaling_ECSService',
    );
  });

  test('are made once, with a suffix where the service allows one', async () => {
    await create(SCALING);
    expect(await refusal(create(SCALING))).toBe(
      `400 InvalidInput: Service role name ${RoleName} has been taken in this account, ` +
        'please try a different suffix.',
    );
    expect(await refusal(create('rds.amazonaws.com', { CustomSuffix: 'x' }))).toBe(
      '400 InvalidInput: Custom suffix is not allowed for rds.amazonaws.com',
    );
    expect(await refusal(create('nonsense'))).toMatch(/^400 InvalidInput/);
    expect(await refusal(create(SCALING, { CustomSuffix: 'x'.repeat(64) }))).toMatch(/^400 InvalidInput/);
  });

  test('change in description and tags only', async () => {
    await create(SCALING);
    await iam.createInstanceProfile({ InstanceProfileName: 'i' });
    const changes = [
      iam.updateRole({ RoleName, Description: 'mine', MaxSessionDuration: 7200 }),
      iam.updateAssumeRolePolicy({ RoleName, PolicyDocument: TRUST }),
      iam.putRolePolicy({ RoleName, PolicyName: 'p', PolicyDocument: policyDocument() }),
      iam.attachRolePolicy({ RoleName, PolicyArn: ADMINISTRATOR }),
      iam.putRolePermissionsBoundary({ RoleName, PermissionsBoundary: ADMINISTRATOR }),
      iam.addRoleToInstanceProfile({ RoleName, InstanceProfileName: 'i' }),
      iam.deleteRole({ RoleName }),
    ];
    expect(await refusals(changes)).toEqual(Array(7).fill(expect.stringMatching(/^400 UnmodifiableEntity/)));
    await iam.updateRole({ RoleName, Description: 'first' });
    expect((await iam.getRole({ RoleName })).Role?.Description).toBe('first');
    await iam.updateRoleDescription({ RoleName, Description: 'second' });
    await iam.tagRole({ RoleName, Tags: TAGS });
    expect((await iam.getRole({ RoleName })).Role).toMatchObject({ Description: 'second', Tags: TAGS });
  });

  test('are deleted by a task, of which there is one at a time', async () => {
    await create(SCALING);
    const task = await remove();
    expect(task).toMatch(new RegExp(`^task/aws-service-role/${SCALING}/${RoleName}/[0-9a-f-]{36}$`));
    expect((await deletion(task)).Status).toBe('NOT_STARTED');
    expect(await remove()).toBe(task);
    expect((await deletion(task)).Status).toBe('IN_PROGRESS');
    expect(await refusal(iam.getRole({ RoleName }))).toBe('accepted');
    expect(await refusal(create(SCALING))).toMatch(/^400 InvalidInput: .* has been taken/);
    expect((await deletion(task)).Status).toBe('SUCCEEDED');
    const gone = [iam.getRole({ RoleName }), iam.deleteServiceLinkedRole({ RoleName }), deletion(`${String(task)}x`)];
    expect(await refusals(gone)).toEqual(Array(3).fill(expect.stringMatching(/^404 NoSuchEntity/)));
    await create(SCALING);
    expect((await deletion(task)).Status).toBe('SUCCEEDED');
    expect(await refusal(iam.getRole({ RoleName }))).toBe('accepted');
    expect(await refusal(deletion('nonsense'))).toMatch(/^400 InvalidInput/);
  });

  test('go even where nobody asks about the task', async () => {
    await create(SCALING);
    const task = await remove();
    expect(await refusal(iam.getRole({ RoleName }))).toBe('accepted');
    await setTimeout(5_500);
    expect(await refusal(iam.getRole({ RoleName }))).toMatch(/^404 NoSuchEntity/);
    expect((await deletion(task)).Status).toBe('SUCCEEDED');
  });

  test('stay while a resource uses them', async () => {
    await create(SCALING);
    expect(await inUse(RoleName)).toBe(200);
    const end = async (task: string | undefined) => {
      await deletion(task);
      await deletion(task);
      return deletion(task);
    };
    const failed = await remove();
    const { Status, Reason } = await end(failed);
    expect(Status).toBe('FAILED');
    expect(Reason?.Reason).toEqual(expect.any(String));
    expect(Reason?.RoleUsageList).toEqual([
      { Region: 'us-east-1', Resources: [`arn:aws:autoscaling:us-east-1:${ACCOUNT}:resource/${RoleName}`] },
    ]);
    expect(await refusal(iam.getRole({ RoleName }))).toBe('accepted');
    await inUse(RoleName, { inUse: false });
    const task = await remove();
    expect(task).not.toBe(failed);
    expect((await end(task)).Status).toBe('SUCCEEDED');
    expect((await deletion(failed)).Status).toBe('FAILED');
    expect(await inUse(RoleName)).toBe(400);
  });
});

describe('the account alias', () => {
  const create = (AccountAlias: string, client = iam) => refusal(client.createAccountAlias({ AccountAlias }));
  const remove = (AccountAlias: string) => refusal(iam.deleteAccountAlias({ AccountAlias }));
  const list = async () => (await iam.listAccountAliases({})).AccountAliases;

  test('is one, which another one replaces', async () => {
    expect(await list()).toEqual([]);
    expect(await create('acme-prod')).toBe('accepted');
    expect(await create('acme-live')).toBe('accepted');
    expect(await list()).toEqual(['acme-live']);
    expect(await remove('acme-prod')).toMatch(/^404 NoSuchEntity/);
    expect(await remove('acme-live')).toBe('accepted');
    expect(await list()).toEqual([]);
  });

  test('is nobody else’s, nor made twice', async () => {
    const other = iamClient(sandbox.url, OTHER);
    expect(await create('acme-prod', other)).toBe('accepted');
    expect(await create('acme-prod')).toBe('409 EntityAlreadyExists: The account alias acme-prod already exists.');
    expect(await create('acme-prod', other)).toMatch(/^409 EntityAlreadyExists/);
    expect(await remove('acme-prod')).toMatch(/^404 NoSuchEntity/);
  });

  test.each(['ab', 'a'.repeat(64), 'Acme', '-acme', 'acme-', 'ac--me', 'ac_me'])('is not %s', async (alias) => {
    expect(await create(alias)).toMatch(/^400 ValidationError/);
  });
});

describe('the password policy', () => {
  test('is replaced as a whole: what is left out gets its default', async () => {
    expect(await refusal(iam.getAccountPasswordPolicy({}))).toMatch(/^404 NoSuchEntity/);
    expect(await refusal(iam.deleteAccountPasswordPolicy({}))).toMatch(/^404 NoSuchEntity/);
    const all = {
      MinimumPasswordLength: 12,
      RequireSymbols: true,
      RequireNumbers: true,
      RequireUppercaseCharacters: true,
      RequireLowercaseCharacters: true,
      AllowUsersToChangePassword: true,
      MaxPasswordAge: 90,
      PasswordReusePrevention: 5,
      HardExpiry: true,
    };
    await iam.updateAccountPasswordPolicy(all);
    expect((await iam.getAccountPasswordPolicy({})).PasswordPolicy).toEqual({ ...all, ExpirePasswords: true });
    await iam.updateAccountPasswordPolicy({ RequireNumbers: true });
    expect((await iam.getAccountPasswordPolicy({})).PasswordPolicy).toEqual({
      MinimumPasswordLength: 6,
      RequireSymbols: false,
      RequireNumbers: true,
      RequireUppercaseCharacters: false,
      RequireLowercaseCharacters: false,
      AllowUsersToChangePassword: false,
      ExpirePasswords: false,
      HardExpiry: false,
    });
    await iam.deleteAccountPasswordPolicy({});
    expect(await refusal(iam.getAccountPasswordPolicy({}))).toMatch(/^404 NoSuchEntity/);
  });

  test.each([
    { MinimumPasswordLength: 5 },
    { MinimumPasswordLength: 129 },
    { MaxPasswordAge: 0 },
    { MaxPasswordAge: 1096 },
    { PasswordReusePrevention: 0 },
    { PasswordReusePrevention: 25 },
  ])('does not take %j', async (policy) => {
    expect(await refusal(iam.updateAccountPasswordPolicy(policy))).toMatch(/^400 ValidationError/);
  });
});

describe('login profiles', () => {
  const UserName = 'u';
  const create = (Password?: string, rest: object = {}) => iam.createLoginProfile({ UserName, Password, ...rest });
  const get = async () => (await iam.getLoginProfile({ UserName })).LoginProfile;

  test('are made once, updated and deleted', async () => {
    expect(await refusal(create(PASSWORD))).toMatch(/^404 NoSuchEntity/);
    await user(UserName);
    expect(await refusal(get())).toMatch(/^404 NoSuchEntity/);
    const { LoginProfile } = await create(PASSWORD, { PasswordResetRequired: true });
    expect(LoginProfile).toEqual({ UserName, CreateDate: expect.any(Date) as Date, PasswordResetRequired: true });
    expect(await refusal(create(PASSWORD))).toBe('409 EntityAlreadyExists: Login Profile for user u already exists.');
    await iam.updateLoginProfile({ UserName, Password: 'Battery-staple-7' });
    expect(await get()).toEqual(LoginProfile);
    await iam.updateLoginProfile({ UserName, PasswordResetRequired: false });
    expect(await get()).toEqual({ ...LoginProfile, PasswordResetRequired: false });
    await iam.deleteLoginProfile({ UserName });
    const gone = [get(), iam.updateLoginProfile({ UserName }), iam.deleteLoginProfile({ UserName })];
    expect(await refusals(gone)).toEqual(Array(3).fill(expect.stringMatching(/^404 NoSuchEntity/)));
    expect(await refusal(create())).toMatch(/^400 ValidationError/);
  });

  test('keep to AWS’s rule for passwords where the account has none', async () => {
    await user(UserName);
    for (const password of ['Aa1!aaa', 'lowercase-only', 'alllowercase', 'UPPER-CASE']) {
      expect(await refusal(create(password))).toMatch(/^400 PasswordPolicyViolation/);
    }
    expect(await refusal(create('Lowercase1'))).toBe('accepted');
    expect(await refusal(iam.updateLoginProfile({ UserName, Password: 'weak' }))).toMatch(
      /^400 PasswordPolicyViolation/,
    );
  });

  test('keep to the account’s policy', async () => {
    await user(UserName);
    await iam.updateAccountPasswordPolicy({ MinimumPasswordLength: 10, RequireSymbols: true });
    expect(await refusal(create('Aa1-Aa1-A'))).toMatch(/^400 PasswordPolicyViolation: .*minimum length of 10/);
    expect(await refusal(create('Aaaaaaaaa1'))).toMatch(/^400 PasswordPolicyViolation: .*at least one symbol/);
    expect(await refusal(create('aaaaaaaaa-'))).toBe('accepted');
  });
});

describe('server certificates', () => {
  const upload = (ServerCertificateName: string, rest: object = {}) =>
    iam.uploadServerCertificate({
      ServerCertificateName,
      CertificateBody: pki.leaf,
      PrivateKey: pki.leafKey,
      ...rest,
    });
  const get = async (ServerCertificateName: string) =>
    (await iam.getServerCertificate({ ServerCertificateName })).ServerCertificate;
  const rename = (ServerCertificateName: string, rest: object) =>
    iam.updateServerCertificate({ ServerCertificateName, ...rest });
  const remove = (ServerCertificateName: string) => iam.deleteServerCertificate({ ServerCertificateName });

  test('have an ID, an ARN with their path, and the end of the certificate', async () => {
    const uploaded = await upload('web', { Path: '/cloudfront/', CertificateChain: pki.root, Tags: TAGS });
    const metadata = uploaded.ServerCertificateMetadata;
    expect(uploaded.Tags).toEqual(TAGS);
    expect(metadata).toMatchObject({
      ServerCertificateName: 'web',
      Path: '/cloudfront/',
      Arn: `arn:aws:iam::${ACCOUNT}:server-certificate/cloudfront/web`,
      ServerCertificateId: expect.stringMatching(/^ASCA[A-Z2-7]{17}$/) as string,
    });
    const days = ((metadata?.Expiration?.getTime() ?? 0) - Date.now()) / 86_400_000;
    expect(Math.round(days)).toBe(90);
    expect(await get('web')).toEqual({
      ServerCertificateMetadata: metadata,
      CertificateBody: pki.leaf.trimEnd(),
      CertificateChain: pki.root,
      Tags: TAGS,
    });
    expect((await iam.listServerCertificateTags({ ServerCertificateName: 'web' })).Tags).toEqual(TAGS);
    expect((await iam.listServerCertificates({})).ServerCertificateMetadataList).toEqual([metadata]);
  });

  test('are unique whatever the path and the case, and can be renamed and moved', async () => {
    await upload('web');
    const taken = /^409 EntityAlreadyExists: The Server Certificate with name \w+ already exists/;
    expect(await refusal(upload('web', { Path: '/other/' }))).toMatch(taken);
    expect(await refusal(upload('WEB'))).toMatch(taken);
    await upload('api');
    expect(await refusal(rename('api', { NewServerCertificateName: 'Web' }))).toMatch(taken);
    const id = (await get('web'))?.ServerCertificateMetadata?.ServerCertificateId;
    await rename('web', { NewServerCertificateName: 'Web', NewPath: '/live/' });
    expect((await get('Web'))?.ServerCertificateMetadata).toMatchObject({
      Arn: `arn:aws:iam::${ACCOUNT}:server-certificate/live/Web`,
      ServerCertificateId: id,
    });
    expect(await refusal(get('web'))).toMatch(/^404 NoSuchEntity/);
    const listed = async (PathPrefix: string) =>
      (await iam.listServerCertificates({ PathPrefix })).ServerCertificateMetadataList?.map(
        ({ ServerCertificateName }) => ServerCertificateName,
      );
    expect([await listed('/live/'), await listed('/')]).toEqual([['Web'], ['Web', 'api']]);
    await remove('api');
    expect(await refusals([remove('api'), rename('api', {})])).toEqual(
      Array(2).fill(expect.stringMatching(/^404 NoSuchEntity/)),
    );
  });

  test('are parsed, and the key and the chain have to fit', async () => {
    const malformed = /^400 MalformedCertificate/;
    expect(await refusal(upload('web', { CertificateBody: 'body' }))).toMatch(malformed);
    expect(await refusal(upload('web', { PrivateKey: 'key' }))).toMatch(malformed);
    expect(await refusal(upload('web', { CertificateChain: 'chain' }))).toMatch(malformed);
    const expired = { CertificateBody: pki.expired, PrivateKey: pki.expiredKey };
    expect(await refusal(upload('web', expired))).toMatch(malformed);
    expect(await refusal(upload('web', { PrivateKey: pki.otherKey }))).toMatch(/^400 KeyPairMismatch/);
    expect(await refusal(upload('web', { CertificateChain: pki.signing[0] }))).toMatch(
      /^400 MalformedCertificate: Unable to validate certificate chain.* is: -1$/,
    );
    expect(await refusal(upload('web', { CertificateChain: `${pki.root}${String(pki.signing[0])}` }))).toMatch(
      /^400 MalformedCertificate: Unable to validate certificate chain.* is: 0$/,
    );
  });

  test('stay while a resource uses them', async () => {
    await upload('web');
    await inUse('web');
    expect(await refusal(remove('web'))).toMatch(
      /^409 DeleteConflict: Certificate: ASCA\w+ is currently in use by arn:aws:elasticloadbalancing:/,
    );
    await inUse('web', { inUse: false });
    expect(await refusal(remove('web'))).toBe('accepted');
    expect(await inUse('web')).toBe(400);
  });
});

describe('MFA devices', () => {
  const serialOf = (name: string, path = '/') => `arn:aws:iam::${ACCOUNT}:mfa${path}${name}`;
  const create = (VirtualMFADeviceName: string, rest: object = {}) =>
    iam.createVirtualMFADevice({ VirtualMFADeviceName, ...rest });
  const enable = (UserName: string, SerialNumber: string, rest: object = {}) =>
    iam.enableMFADevice({
      UserName,
      SerialNumber,
      AuthenticationCode1: '123456',
      AuthenticationCode2: '654321',
      ...rest,
    });

  test('are made once, and show their seed once', async () => {
    const { VirtualMFADevice } = await create('phone', { Path: '/staff/', Tags: TAGS });
    const SerialNumber = serialOf('phone', '/staff/');
    expect(VirtualMFADevice).toMatchObject({ SerialNumber, Tags: TAGS });
    const seed = Buffer.from(VirtualMFADevice?.Base32StringSeed ?? []).toString();
    expect(seed).toMatch(/^[A-Z2-7]{64}$/);
    const image = Buffer.from(VirtualMFADevice?.QRCodePNG ?? []);
    expect(image.subarray(1, 4).toString()).toBe('PNG');
    expect(image.includes(`otpauth://totp/phone@${ACCOUNT}?secret=${seed}`)).toBe(true);
    expect((await iam.listVirtualMFADevices({})).VirtualMFADevices).toEqual([{ SerialNumber }]);
    expect((await iam.listMFADeviceTags({ SerialNumber })).Tags).toEqual(TAGS);
    const taken = '409 EntityAlreadyExists: MFADevice entity at the same path and name already exists.';
    expect(await refusal(create('phone', { Path: '/staff/' }))).toBe(taken);
    expect(await refusal(create('PHONE', { Path: '/staff/' }))).toBe(taken);
    expect(await refusal(create('phone'))).toBe('accepted');
  });

  test('belong to a user once they are enabled', async () => {
    await Promise.all([user('u'), user('v'), create('phone'), create('spare')]);
    const SerialNumber = serialOf('phone');
    expect(await refusal(enable('u', serialOf('missing')))).toMatch(/^404 NoSuchEntity/);
    expect(await refusal(enable('u', SerialNumber, { AuthenticationCode2: '123456' }))).toMatch(
      /^403 InvalidAuthenticationCode/,
    );
    expect(await refusal(enable('u', SerialNumber, { AuthenticationCode2: '12345' }))).toMatch(/^400 ValidationError/);
    await enable('u', SerialNumber);
    expect(await refusals([enable('u', SerialNumber), enable('v', SerialNumber)])).toEqual(
      Array(2).fill(expect.stringMatching(/^409 EntityAlreadyExists/)),
    );
    const EnableDate = expect.any(Date) as Date;
    expect((await iam.listMFADevices({ UserName: 'u' })).MFADevices).toEqual([
      { UserName: 'u', SerialNumber, EnableDate },
    ]);
    expect(await iam.getMFADevice({ SerialNumber })).toMatchObject({ UserName: 'u', SerialNumber, EnableDate });
    expect(await refusal(iam.getMFADevice({ SerialNumber, UserName: 'v' }))).toMatch(/^404 NoSuchEntity/);
    const listed = async (AssignmentStatus: 'Assigned' | 'Unassigned' | 'Any') =>
      (await iam.listVirtualMFADevices({ AssignmentStatus })).VirtualMFADevices;
    expect(await listed('Assigned')).toMatchObject([{ SerialNumber, User: { UserName: 'u' }, EnableDate }]);
    expect(await listed('Unassigned')).toEqual([{ SerialNumber: serialOf('spare') }]);
    expect(await listed('Any')).toHaveLength(2);
    const codes = { AuthenticationCode1: '111111', AuthenticationCode2: '222222' };
    expect(await refusal(iam.resyncMFADevice({ UserName: 'u', SerialNumber, ...codes }))).toBe('accepted');
    expect(await refusal(iam.resyncMFADevice({ UserName: 'v', SerialNumber, ...codes }))).toMatch(/^404 NoSuchEntity/);
    const remove = () => refusal(iam.deleteVirtualMFADevice({ SerialNumber }));
    expect(await remove()).toMatch(/^409 DeleteConflict/);
    const deactivate = (UserName: string) => refusal(iam.deactivateMFADevice({ UserName, SerialNumber }));
    expect(await deactivate('v')).toMatch(/^404 NoSuchEntity/);
    expect(await deactivate('u')).toBe('accepted');
    expect(await deactivate('u')).toMatch(/^404 NoSuchEntity/);
    expect((await iam.listMFADevices({ UserName: 'u' })).MFADevices).toEqual([]);
    expect(await remove()).toBe('accepted');
    expect(await remove()).toMatch(/^404 NoSuchEntity/);
  });

  test('of a user are eight at most, hardware among them', async () => {
    await user('u');
    for (let n = 0; n < 8; n += 1) await enable('u', `GAHT0000000${String(n)}`);
    expect(await refusal(enable('u', 'GAHT00000008'))).toMatch(/^409 LimitExceeded/);
    expect((await iam.listVirtualMFADevices({})).VirtualMFADevices).toEqual([]);
  });
});

describe('signing certificates', () => {
  const upload = async (UserName: string, CertificateBody: string | undefined) =>
    (await iam.uploadSigningCertificate({ UserName, CertificateBody })).Certificate;

  test('are two at most, and the same one is nobody else’s', async () => {
    await Promise.all([user('u'), user('v')]);
    const first = await upload('u', pki.signing[0]);
    expect(first).toEqual({
      UserName: 'u',
      CertificateId: expect.stringMatching(/^[A-Z2-7]{24,}$/) as string,
      CertificateBody: pki.signing[0],
      Status: 'Active',
      UploadDate: expect.any(Date) as Date,
    });
    const again = [upload('u', pki.signing[0]), upload('v', `\n${String(pki.signing[0])}`)];
    expect(await refusals(again)).toEqual(Array(2).fill(expect.stringMatching(/^409 DuplicateCertificate/)));
    const second = await upload('u', pki.signing[1]);
    expect(await refusal(upload('u', pki.signing[2]))).toBe(
      '409 LimitExceeded: Cannot exceed quota for CertificatesPerUser: 2',
    );
    const key = { UserName: 'u', CertificateId: first?.CertificateId };
    await iam.updateSigningCertificate({ ...key, Status: 'Inactive' });
    expect((await iam.listSigningCertificates({ UserName: 'u' })).Certificates).toEqual(
      expect.arrayContaining([{ ...first, Status: 'Inactive' }, second]),
    );
    await iam.deleteSigningCertificate(key);
    expect(
      await refusals([
        iam.deleteSigningCertificate(key),
        iam.updateSigningCertificate({ ...key, Status: 'Active' }),
        iam.deleteSigningCertificate({ UserName: 'v', CertificateId: second?.CertificateId }),
      ]),
    ).toEqual(Array(3).fill(expect.stringMatching(/^404 NoSuchEntity/)));
    expect(await refusal(upload('v', pki.signing[0]))).toBe('accepted');
  });

  test('are parsed', async () => {
    await user('u');
    expect(await refusal(upload('u', 'nonsense'))).toMatch(/^400 MalformedCertificate/);
    expect(await refusal(upload('u', `${pki.leaf}${pki.root}`))).toMatch(/^400 MalformedCertificate/);
    expect(await refusal(upload('u', pki.expired))).toMatch(/^400 InvalidCertificate/);
  });
});

describe('SSH public keys', () => {
  const UserName = 'u';
  const upload = async (SSHPublicKeyBody: string | undefined) =>
    (await iam.uploadSSHPublicKey({ UserName, SSHPublicKeyBody })).SSHPublicKey;

  test('are shown in both formats, whatever they were uploaded in', async () => {
    await user(UserName);
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
    expect(await refusals(gone)).toEqual(Array(3).fill(expect.stringMatching(/^404 NoSuchEntity/)));
  });

  test('are five at most, each of them once', async () => {
    await user(UserName);
    for (const key of pki.ssh.slice(0, 5)) await upload(key);
    for (const again of [pki.ssh[0], `${String(pki.ssh[0])} other@example.com`, pki.sshPem]) {
      expect(await refusal(upload(again))).toMatch(/^400 DuplicateSSHPublicKey/);
    }
    expect(await refusal(upload(pki.ssh[5]))).toMatch(/^409 LimitExceeded/);
  });

  test('are RSA keys of 2048 bits at least', async () => {
    await user(UserName);
    const results = await refusals([
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

  test('are two at most, and show their secret once', async () => {
    expect(await refusal(create())).toMatch(/^404 NoSuchEntity/);
    await user(UserName);
    const made = await create();
    expect(made).toMatchObject({
      UserName,
      Status: 'Active',
      AccessKeyId: expect.stringMatching(/^AKIA[A-Z0-9]{16}$/) as string,
      SecretAccessKey: expect.stringMatching(/^.{40}$/) as string,
    });
    await create();
    expect(await refusal(create())).toBe('409 LimitExceeded: Cannot exceed quota for AccessKeysPerUser: 2');
    const key = { UserName, AccessKeyId: made?.AccessKeyId };
    await iam.updateAccessKey({ ...key, Status: 'Inactive' });
    expect(await refusal(iam.updateAccessKey({ ...key, Status: 'Expired' }))).toMatch(/^400 InvalidInput/);
    const { AccessKeyMetadata = [] } = await iam.listAccessKeys({ UserName });
    expect(AccessKeyMetadata).toHaveLength(2);
    expect(AccessKeyMetadata).toContainEqual({ ...key, Status: 'Inactive', CreateDate: made?.CreateDate });
    await iam.deleteAccessKey(key);
    expect(
      await refusals([
        iam.deleteAccessKey(key),
        iam.updateAccessKey({ ...key, Status: 'Active' }),
        iam.getAccessKeyLastUsed({ AccessKeyId: made?.AccessKeyId }),
      ]),
    ).toEqual(Array(3).fill(expect.stringMatching(/^404 NoSuchEntity/)));
  });

  test('are the user’s, note their use, and are good for nothing once inactive or deleted', async () => {
    const other = iamClient(sandbox.url, OTHER);
    await other.createUser({ UserName });
    const { AccessKeyId = '' } = (await create(other)) ?? {};
    const used = () => other.getAccessKeyLastUsed({ AccessKeyId });
    expect(await used()).toMatchObject({ UserName, AccessKeyLastUsed: { ServiceName: 'N/A', Region: 'N/A' } });
    expect((await used()).AccessKeyLastUsed?.LastUsedDate).toBeUndefined();
    const own = iamClient(sandbox.url, undefined, { accessKeyId: AccessKeyId });
    expect((await own.getUser({})).User?.Arn).toBe(`arn:aws:iam::${OTHER}:user/${UserName}`);
    expect((await used()).AccessKeyLastUsed).toEqual({
      LastUsedDate: expect.any(Date) as Date,
      ServiceName: 'iam',
      Region: 'us-east-1',
    });
    const sts = new STSClient({ endpoint: sandbox.url, region: 'eu-west-1', credentials: own.config.credentials });
    expect((await sts.send(new GetCallerIdentityCommand({}))).Account).toBe(OTHER);
    expect((await used()).AccessKeyLastUsed).toMatchObject({ ServiceName: 'sts', Region: 'eu-west-1' });
    expect((await own.listAccessKeys({})).AccessKeyMetadata).toHaveLength(1);
    const set = (Status: 'Active' | 'Inactive') => other.updateAccessKey({ UserName, AccessKeyId, Status });
    await set('Inactive');
    expect(await refusal(own.getUser({}))).toMatch(/^403 InvalidClientTokenId/);
    await set('Active');
    expect(await refusal(own.getUser({}))).toBe('accepted');
    await other.deleteAccessKey({ UserName, AccessKeyId });
    expect(await refusal(own.getUser({}))).toMatch(/^403 InvalidClientTokenId/);
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

  test('are a user name and a password, which is shown once', async () => {
    expect(await refusal(create(GIT))).toMatch(/^404 NoSuchEntity/);
    await user(UserName);
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
    expect(await refusals(gone)).toEqual(Array(3).fill(expect.stringMatching(/^404 NoSuchEntity/)));
  });

  test('are an API key for some services, which may expire', async () => {
    await user(UserName);
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
    expect(await refusal(create(GIT, { CredentialAgeDays: 30 }))).toMatch(/^400 ValidationError/);
    expect(await refusal(create(BEDROCK, { CredentialAgeDays: 36_601 }))).toMatch(/^400 ValidationError/);
  });

  test('are two for each service that has them', async () => {
    await Promise.all([user(UserName), user('v')]);
    await create(GIT);
    expect((await create(GIT))?.ServiceUserName).toBe(`jane+1-at-${ACCOUNT}`);
    expect(await refusal(create(GIT))).toMatch(/^409 LimitExceeded/);
    await create(BEDROCK);
    expect(await refusal(create('s3.amazonaws.com'))).toMatch(/^404 NotSupportedService/);
    expect(await refusal(list({ ServiceName: 's3.amazonaws.com' }))).toMatch(/^404 NotSupportedService/);
    expect([(await list()).length, (await list({ ServiceName: GIT })).length]).toEqual([3, 2]);
    await iam.createServiceSpecificCredential({ UserName: 'v', ServiceName: GIT });
    const all = await iam.listServiceSpecificCredentials({ AllUsers: true, ServiceName: GIT });
    expect(all.ServiceSpecificCredentials).toHaveLength(3);
    expect(await refusal(list({ AllUsers: true }))).toMatch(/^400 ValidationError/);
  });
});

describe('settings of the account', () => {
  test('outbound web identity federation is on or off', async () => {
    const off = [iam.disableOutboundWebIdentityFederation({}), iam.getOutboundWebIdentityFederationInfo({})];
    expect(await refusals(off)).toEqual(Array(2).fill(expect.stringMatching(/^404 FeatureDisabled/)));
    const { IssuerIdentifier } = await iam.enableOutboundWebIdentityFederation({});
    expect(IssuerIdentifier).toMatch(/^https:\/\/[0-9a-f-]{36}\.tokens\.sts\.global\.api\.aws$/);
    expect(await refusal(iam.enableOutboundWebIdentityFederation({}))).toMatch(/^409 FeatureEnabled/);
    expect(await iam.getOutboundWebIdentityFederationInfo({})).toMatchObject({
      IssuerIdentifier,
      JwtVendingEnabled: true,
    });
    const other = await iamClient(sandbox.url, OTHER).enableOutboundWebIdentityFederation({});
    expect(other.IssuerIdentifier).not.toBe(IssuerIdentifier);
    await iam.disableOutboundWebIdentityFederation({});
    expect(await refusal(iam.getOutboundWebIdentityFederationInfo({}))).toMatch(/^404 FeatureDisabled/);
    expect((await iam.enableOutboundWebIdentityFederation({})).IssuerIdentifier).toBe(IssuerIdentifier);
  });

  test('properties of one namespace are put, and the others stay', async () => {
    const get = async () => (await iam.getAccountProperties({})).Properties ?? {};
    const put = (Properties: Record<string, string>) => refusal(iam.putAccountProperties({ Properties }));
    expect(await get()).toEqual({});
    expect(await put({ 'RoleManager/Enabled': 'true', 'RoleManager/Prefix': 'ci' })).toBe('accepted');
    expect(await put({ 'RoleManager/Enabled': 'false' })).toBe('accepted');
    expect(await put({ 'Other/One': '1' })).toBe('accepted');
    expect(await get()).toEqual({ 'RoleManager/Enabled': 'false', 'RoleManager/Prefix': 'ci', 'Other/One': '1' });
    expect(await put({ 'RoleManager/Enabled': 'true', 'Other/One': '2' })).toMatch(/^400 InvalidInput/);
    for (const key of ['RoleManager', 'RoleManager/', 'RoleManager/A/B']) {
      expect(await put({ [key]: 'x' })).toMatch(/^400 InvalidInput/);
    }
    for (const key of ['/Enabled', '1/Enabled', `A/${'b'.repeat(50)}`]) {
      expect(await put({ [key]: 'x' })).toMatch(/^400 ValidationError/);
    }
    expect(await put({ 'A/B': 'x'.repeat(1025) })).toMatch(/^400 ValidationError/);
  });

  test('the version of the global endpoint’s tokens shows in GetAccountSummary', async () => {
    const version = async () => (await iam.getAccountSummary({})).SummaryMap?.GlobalEndpointTokenVersion;
    expect(await version()).toBe(1);
    await iam.setSecurityTokenServicePreferences({ GlobalEndpointTokenVersion: 'v2Token' });
    expect(await version()).toBe(2);
    await iam.setSecurityTokenServicePreferences({ GlobalEndpointTokenVersion: 'v1Token' });
    expect(await version()).toBe(1);
  });
});

describe('GetAccountSummary', () => {
  const summary = async () => (await iam.getAccountSummary({})).SummaryMap ?? {};

  test('counts what there is', async () => {
    await Promise.all([
      role('r'),
      user('u'),
      user('v'),
      group('g'),
      iam.createInstanceProfile({ InstanceProfileName: 'i' }),
    ]);
    const { Policy } = await iam.createPolicy({ PolicyName: 'p', PolicyDocument: policyDocument() });
    await iam.createPolicy({ PolicyName: 'q', PolicyDocument: policyDocument() });
    await iam.attachRolePolicy({ RoleName: 'r', PolicyArn: Policy?.Arn });
    await iam.attachGroupPolicy({ GroupName: 'g', PolicyArn: Policy?.Arn });
    await iam.putUserPermissionsBoundary({ UserName: 'u', PermissionsBoundary: ADMINISTRATOR });
    await iam.createOpenIDConnectProvider({ Url: 'https://token.example' });
    const SAMLMetadataDocument = `<EntityDescriptor>${'a'.repeat(1000)}</EntityDescriptor>`;
    await iam.createSAMLProvider({ Name: 'idp', SAMLMetadataDocument });
    await iam.uploadServerCertificate({
      ServerCertificateName: 'web',
      CertificateBody: pki.leaf,
      PrivateKey: pki.leafKey,
    });
    const { VirtualMFADevice } = await iam.createVirtualMFADevice({ VirtualMFADeviceName: 'phone' });
    await iam.createVirtualMFADevice({ VirtualMFADeviceName: 'spare' });
    await iam.enableMFADevice({
      UserName: 'u',
      SerialNumber: VirtualMFADevice?.SerialNumber,
      AuthenticationCode1: '123456',
      AuthenticationCode2: '654321',
    });
    const counts = Object.entries(await summary()).filter(([name]) => !name.endsWith('Quota'));
    expect(Object.fromEntries(counts)).toEqual({
      Roles: 1,
      Users: 2,
      Groups: 1,
      Policies: 2,
      PolicyVersionsInUse: 2,
      InstanceProfiles: 1,
      Providers: 2,
      ServerCertificates: 1,
      MFADevices: 2,
      MFADevicesInUse: 1,
      AccountMFAEnabled: 0,
      AccountPasswordPresent: 0,
      AccountAccessKeysPresent: 0,
      AccountSigningCertificatesPresent: 0,
      GlobalEndpointTokenVersion: 1,
    });
  });

  test('names the quotas', async () => {
    const quotas = Object.entries(await summary()).filter(([name]) => name.endsWith('Quota'));
    expect(Object.fromEntries(quotas)).toEqual({
      RolesQuota: 5000,
      UsersQuota: 5000,
      GroupsQuota: 500,
      PoliciesQuota: 5000,
      InstanceProfilesQuota: 5000,
      ServerCertificatesQuota: 1000,
      AttachedPoliciesPerRoleQuota: 10,
      AttachedPoliciesPerUserQuota: 10,
      AttachedPoliciesPerGroupQuota: 10,
      GroupsPerUserQuota: 10,
      VersionsPerPolicyQuota: 5,
      PolicyVersionsInUseQuota: 10_000,
      PolicySizeQuota: 6144,
      AssumeRolePolicySizeQuota: 2048,
      RolePolicySizeQuota: 10_240,
      UserPolicySizeQuota: 2048,
      GroupPolicySizeQuota: 5120,
      AccessKeysPerUserQuota: 2,
      SigningCertificatesPerUserQuota: 2,
    });
  });

  test('a test can lower a quota of an account, until the reset', async () => {
    expect(await quota('RolesQuota', 2)).toBe(200);
    expect((await summary()).RolesQuota).toBe(2);
    await role('a');
    await role('b');
    const full = '409 LimitExceeded: Cannot exceed quota for RolesPerAccount: 2';
    expect(await refusal(role('c'))).toBe(full);
    expect(await refusal(role('a'))).toMatch(/^409 EntityAlreadyExists/);
    // These are AWS's to make.
    expect(await refusal(iam.createServiceLinkedRole({ AWSServiceName: 'rds.amazonaws.com' }))).toBe('accepted');
    const other = iamClient(sandbox.url, OTHER);
    for (const RoleName of ['a', 'b', 'c']) await other.createRole({ RoleName, AssumeRolePolicyDocument: TRUST });
    await iam.deleteRole({ RoleName: 'a' });
    await iam.deleteRole({ RoleName: 'b' });
    expect(await refusal(role('c'))).toBe('accepted');
    expect(await refusal(role('d'))).toBe(full);
    await sandbox.reset();
    expect((await summary()).RolesQuota).toBe(5000);
    expect([await quota('NoSuchQuota', 1), await quota('RolesQuota', Number.NaN)]).toEqual([400, 400]);
  });

  test.each<[string, number, () => Promise<unknown>]>([
    ['UsersQuota', 0, () => user('x')],
    ['GroupsQuota', 0, () => group('x')],
    ['PoliciesQuota', 0, () => iam.createPolicy({ PolicyName: 'x', PolicyDocument: policyDocument() })],
    ['InstanceProfilesQuota', 0, () => iam.createInstanceProfile({ InstanceProfileName: 'x' })],
    [
      'ServerCertificatesQuota',
      0,
      () =>
        iam.uploadServerCertificate({
          ServerCertificateName: 'x',
          CertificateBody: pki.leaf,
          PrivateKey: pki.leafKey,
        }),
    ],
    ['OpenIDConnectProvidersQuota', 0, () => iam.createOpenIDConnectProvider({ Url: 'https://token.example' })],
    [
      'SAMLProvidersQuota',
      0,
      () =>
        iam.createSAMLProvider({
          Name: 'x',
          SAMLMetadataDocument: `<EntityDescriptor>${'a'.repeat(1000)}</EntityDescriptor>`,
        }),
    ],
    ['AttachedPoliciesPerRoleQuota', 0, () => iam.attachRolePolicy({ RoleName: 'e', PolicyArn: ADMINISTRATOR })],
    ['AttachedPoliciesPerUserQuota', 0, () => iam.attachUserPolicy({ UserName: 'e', PolicyArn: ADMINISTRATOR })],
    ['AttachedPoliciesPerGroupQuota', 0, () => iam.attachGroupPolicy({ GroupName: 'e', PolicyArn: ADMINISTRATOR })],
    ['PolicyVersionsInUseQuota', 0, () => iam.attachRolePolicy({ RoleName: 'e', PolicyArn: ADMINISTRATOR })],
    ['GroupsPerUserQuota', 0, () => iam.addUserToGroup({ GroupName: 'e', UserName: 'e' })],
    [
      'VersionsPerPolicyQuota',
      1,
      () =>
        iam.createPolicyVersion({
          PolicyArn: `arn:aws:iam::${ACCOUNT}:policy/e`,
          PolicyDocument: policyDocument(),
        }),
    ],
    ['PolicySizeQuota', 50, () => iam.createPolicy({ PolicyName: 'x', PolicyDocument: policyDocument() })],
    ['AssumeRolePolicySizeQuota', 50, () => role('x')],
    [
      'RolePolicySizeQuota',
      50,
      () => iam.putRolePolicy({ RoleName: 'e', PolicyName: 'x', PolicyDocument: policyDocument() }),
    ],
    [
      'UserPolicySizeQuota',
      50,
      () => iam.putUserPolicy({ UserName: 'e', PolicyName: 'x', PolicyDocument: policyDocument() }),
    ],
    [
      'GroupPolicySizeQuota',
      50,
      () => iam.putGroupPolicy({ GroupName: 'e', PolicyName: 'x', PolicyDocument: policyDocument() }),
    ],
    ['AccessKeysPerUserQuota', 0, () => iam.createAccessKey({ UserName: 'e' })],
    [
      'SigningCertificatesPerUserQuota',
      0,
      () => iam.uploadSigningCertificate({ UserName: 'e', CertificateBody: pki.signing[0] }),
    ],
    ['SSHPublicKeysPerUserQuota', 0, () => iam.uploadSSHPublicKey({ UserName: 'e', SSHPublicKeyBody: pki.ssh[0] })],
    [
      'ServiceSpecificCredentialsPerServiceQuota',
      0,
      () => iam.createServiceSpecificCredential({ UserName: 'e', ServiceName: 'codecommit.amazonaws.com' }),
    ],
  ])('%s can be lowered to %i', async (name, value, call) => {
    await Promise.all([role('e'), user('e'), group('e')]);
    await iam.createPolicy({ PolicyName: 'e', PolicyDocument: policyDocument() });
    expect(await quota(name, value)).toBe(200);
    expect(await refusal(call())).toMatch(/^409 LimitExceeded/);
    await quota(name, 10_000);
    expect(await refusal(call())).toBe('accepted');
  });
});

describe('deletion of a user', () => {
  test('waits for everything that the user holds', async () => {
    const UserName = 'u';
    await user(UserName);
    await group('g');
    await iam.addUserToGroup({ GroupName: 'g', UserName });
    await iam.putUserPolicy({ UserName, PolicyName: 'i', PolicyDocument: policyDocument() });
    await iam.attachUserPolicy({ UserName, PolicyArn: ADMINISTRATOR });
    await iam.createLoginProfile({ UserName, Password: PASSWORD });
    const { AccessKey } = await iam.createAccessKey({ UserName });
    const { SSHPublicKey } = await iam.uploadSSHPublicKey({ UserName, SSHPublicKeyBody: pki.ssh[0] });
    const { Certificate } = await iam.uploadSigningCertificate({ UserName, CertificateBody: pki.signing[0] });
    const { ServiceSpecificCredential } = await iam.createServiceSpecificCredential({
      UserName,
      ServiceName: 'codecommit.amazonaws.com',
    });
    const { VirtualMFADevice } = await iam.createVirtualMFADevice({ VirtualMFADeviceName: 'phone' });
    const SerialNumber = VirtualMFADevice?.SerialNumber;
    await iam.enableMFADevice({
      UserName,
      SerialNumber,
      AuthenticationCode1: '123456',
      AuthenticationCode2: '654321',
    });
    const { ServiceSpecificCredentialId } = ServiceSpecificCredential ?? {};
    const ways: [string, () => Promise<unknown>][] = [
      ['remove users from group', () => iam.removeUserFromGroup({ GroupName: 'g', UserName })],
      ['detach all policies', () => iam.detachUserPolicy({ UserName, PolicyArn: ADMINISTRATOR })],
      ['delete policies', () => iam.deleteUserPolicy({ UserName, PolicyName: 'i' })],
      ['delete access keys', () => iam.deleteAccessKey({ UserName, AccessKeyId: AccessKey?.AccessKeyId })],
      ['delete login profile', () => iam.deleteLoginProfile({ UserName })],
      ['delete MFA device', () => iam.deactivateMFADevice({ UserName, SerialNumber })],
      [
        'delete signing certificates',
        () => iam.deleteSigningCertificate({ UserName, CertificateId: Certificate?.CertificateId }),
      ],
      [
        'delete SSH public keys',
        () => iam.deleteSSHPublicKey({ UserName, SSHPublicKeyId: SSHPublicKey?.SSHPublicKeyId }),
      ],
      [
        'delete service-specific credentials',
        () => iam.deleteServiceSpecificCredential({ UserName, ServiceSpecificCredentialId }),
      ],
    ];
    for (const [first, way] of ways) {
      expect(await refusal(iam.deleteUser({ UserName }))).toBe(
        `409 DeleteConflict: Cannot delete entity, must ${first} first.`,
      );
      await way();
    }
    expect(await refusal(iam.deleteUser({ UserName }))).toBe('accepted');
    // The device is the account's, not the user's.
    expect((await iam.listVirtualMFADevices({})).VirtualMFADevices).toEqual([{ SerialNumber }]);
  });

  test('what a user holds goes along with the new name', async () => {
    await user('u');
    await iam.createAccessKey({ UserName: 'u' });
    await iam.uploadSSHPublicKey({ UserName: 'u', SSHPublicKeyBody: pki.ssh[0] });
    await iam.uploadSigningCertificate({ UserName: 'u', CertificateBody: pki.signing[0] });
    await iam.createServiceSpecificCredential({ UserName: 'u', ServiceName: 'codecommit.amazonaws.com' });
    await iam.updateUser({ UserName: 'u', NewUserName: 'v' });
    const held = [
      (await iam.listAccessKeys({ UserName: 'v' })).AccessKeyMetadata,
      (await iam.listSSHPublicKeys({ UserName: 'v' })).SSHPublicKeys,
      (await iam.listSigningCertificates({ UserName: 'v' })).Certificates,
      (await iam.listServiceSpecificCredentials({ UserName: 'v' })).ServiceSpecificCredentials,
    ];
    expect(held).toMatchObject(Array(4).fill([{ UserName: 'v' }]));
  });
});

describe('tags', () => {
  test.each<[string, object, () => Promise<unknown>]>([
    [
      'SAMLProvider',
      { SAMLProviderArn: `arn:aws:iam::${ACCOUNT}:saml-provider/e` },
      () =>
        iam.createSAMLProvider({
          Name: 'e',
          SAMLMetadataDocument: `<EntityDescriptor>${'a'.repeat(1000)}</EntityDescriptor>`,
          Tags: TAGS,
        }),
    ],
    [
      'ServerCertificate',
      { ServerCertificateName: 'e' },
      () =>
        iam.uploadServerCertificate({
          ServerCertificateName: 'e',
          CertificateBody: pki.leaf,
          PrivateKey: pki.leafKey,
          Tags: TAGS,
        }),
    ],
    [
      'MFADevice',
      { SerialNumber: `arn:aws:iam::${ACCOUNT}:mfa/e` },
      () => iam.createVirtualMFADevice({ VirtualMFADeviceName: 'e', Tags: TAGS }),
    ],
  ])('of a %s are set at the creation, added and removed', async (kind, key, create) => {
    const calls = iam as unknown as Record<string, (input: object) => Promise<{ Tags?: object[] }>>;
    const call = async (name: string, rest: object = {}) => (await calls[name]?.call(iam, { ...key, ...rest })) ?? {};
    expect(await refusal(call(`tag${kind}`, { Tags: TAGS }))).toMatch(/^404 NoSuchEntity/);
    await create();
    expect((await call(`list${kind}Tags`)).Tags).toEqual(TAGS);
    const more = { Key: 'b', Value: '2' };
    await call(`tag${kind}`, { Tags: [more, { Key: 'A', Value: '3' }] });
    expect((await call(`list${kind}Tags`)).Tags).toEqual([{ Key: 'A', Value: '3' }, more]);
    await call(`untag${kind}`, { TagKeys: ['a'] });
    expect((await call(`list${kind}Tags`)).Tags).toEqual([more]);
    expect(await refusal(call(`tag${kind}`, { Tags: [{ Key: 'aws:x', Value: '' }] }))).toMatch(/^400 InvalidInput/);
  });
});

describe('lists', () => {
  test('have pages', async () => {
    await user('u');
    await iam.createAccessKey({ UserName: 'u' });
    await iam.createAccessKey({ UserName: 'u' });
    for (const n of [0, 1]) {
      await iam.uploadSSHPublicKey({ UserName: 'u', SSHPublicKeyBody: pki.ssh[n] });
      await iam.uploadSigningCertificate({ UserName: 'u', CertificateBody: pki.signing[n] });
      await iam.createServiceSpecificCredential({ UserName: 'u', ServiceName: 'codecommit.amazonaws.com' });
      await iam.createVirtualMFADevice({ VirtualMFADeviceName: `m${String(n)}` });
      await iam.enableMFADevice({
        UserName: 'u',
        SerialNumber: `arn:aws:iam::${ACCOUNT}:mfa/m${String(n)}`,
        AuthenticationCode1: '123456',
        AuthenticationCode2: '654321',
      });
      await iam.uploadServerCertificate({
        ServerCertificateName: `c${String(n)}`,
        CertificateBody: pki.leaf,
        PrivateKey: pki.leafKey,
      });
    }
    const calls = iam as unknown as Record<string, (input: object) => Promise<Record<string, unknown>>>;
    for (const [call, member] of [
      ['listAccessKeys', 'AccessKeyMetadata'],
      ['listSSHPublicKeys', 'SSHPublicKeys'],
      ['listSigningCertificates', 'Certificates'],
      ['listServiceSpecificCredentials', 'ServiceSpecificCredentials'],
      ['listMFADevices', 'MFADevices'],
      ['listVirtualMFADevices', 'VirtualMFADevices'],
      ['listServerCertificates', 'ServerCertificateMetadataList'],
    ] as const) {
      const owner = /Server|Virtual/.test(call) ? {} : { UserName: 'u' };
      const first = await calls[call]?.call(iam, { ...owner, MaxItems: 1 });
      expect({ call, first }).toMatchObject({ call, first: { IsTruncated: true } });
      const second = await calls[call]?.call(iam, { ...owner, MaxItems: 1, Marker: first?.['Marker'] });
      expect({ call, second }).toMatchObject({ call, second: { IsTruncated: false } });
      expect(first?.[member]).not.toEqual(second?.[member]);
    }
  });
});

describe('AWS Secrets Manager', () => {
  interface Caller {
    readonly accessKeyId?: string;
    readonly region?: string;
  }
  type Answer = Record<string, unknown>;

  async function send(action: string, body: unknown, caller: Caller = {}): Promise<[Response, Answer]> {
    const { accessKeyId = 'AKIATEST', region = 'us-east-1' } = caller;
    const scope = `${accessKeyId}/20260101/${region}/secretsmanager/aws4_request`;
    const response = await fetch(sandbox.url, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/x-amz-json-1.1',
        'X-Amz-Target': `secretsmanager.${action}`,
        Authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host;x-amz-date, Signature=0`,
      },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    return [response, (await response.json()) as Answer];
  }

  async function ask(action: string, body: unknown, caller: Caller = {}): Promise<Answer> {
    const [response, answer] = await send(action, body, caller);
    if (!response.ok) throw new Error(`${String(response.status)} ${String(answer['__type'])}`);
    return answer;
  }

  async function refused(action: string, body: unknown, caller: Caller = {}): Promise<string> {
    const [response, answer] = await send(action, body, caller);
    return response.ok ? 'accepted' : `${String(response.status)} ${String(answer['__type'])}`;
  }

  const token = (digit: number) => String(digit).repeat(32);

  test('keeps the versions of a secret', async () => {
    const made = await ask('CreateSecret', { Name: 'ci/key', SecretString: 'one', Description: 'd', Tags: TAGS });
    expect(made['ARN']).toMatch(new RegExp(`^arn:aws:secretsmanager:us-east-1:${ACCOUNT}:secret:ci/key-\\w{6}$`));
    const put = await ask('PutSecretValue', { SecretId: 'ci/key', SecretString: 'two' });
    expect(put).toMatchObject({ ARN: made['ARN'], Name: 'ci/key', VersionStages: ['AWSCURRENT'] });
    const get = async (rest: object = {}) => ask('GetSecretValue', { SecretId: made['ARN'], ...rest });
    expect(await get()).toMatchObject({ Name: 'ci/key', SecretString: 'two', VersionId: put['VersionId'] });
    expect(await get({ VersionStage: 'AWSPREVIOUS' })).toMatchObject({
      SecretString: 'one',
      VersionId: made['VersionId'],
    });
    await ask('UpdateSecret', { SecretId: 'ci/key', Description: 'e', SecretString: 'three' });
    await ask('TagResource', { SecretId: 'ci/key', Tags: [{ Key: 'b', Value: '2' }] });
    const described = await ask('DescribeSecret', { SecretId: 'ci/key' });
    expect(described).toMatchObject({ Name: 'ci/key', Description: 'e', Tags: [...TAGS, { Key: 'b', Value: '2' }] });
    expect(Object.keys(described['VersionIdsToStages'] as object)).toHaveLength(3);
    expect(JSON.stringify(described)).not.toMatch(/"(one|two|three)"|null/);
    expect((await ask('ListSecrets', {}))['SecretList']).toMatchObject([{ Name: 'ci/key', ARN: made['ARN'] }]);
  });

  test('takes the same request twice by its token, and no other one', async () => {
    const first = { Name: 's', SecretString: 'one', ClientRequestToken: token(1) };
    const made = await ask('CreateSecret', first);
    expect(await ask('CreateSecret', first)).toEqual(made);
    const taken = '400 ResourceExistsException';
    expect(await refused('CreateSecret', { ...first, SecretString: 'other' })).toBe(taken);
    expect(await refused('CreateSecret', { ...first, ClientRequestToken: token(2) })).toBe(taken);
    expect(await refused('CreateSecret', { Name: 's', SecretString: 'one' })).toBe(taken);
    const put = { SecretId: 's', SecretString: 'two', ClientRequestToken: token(3) };
    const second = await ask('PutSecretValue', put);
    expect(await ask('PutSecretValue', put)).toEqual(second);
    expect(await refused('PutSecretValue', { ...put, SecretString: 'other' })).toBe(taken);
  });

  test('keeps a secret that is to be deleted from being read, written and made', async () => {
    await ask('CreateSecret', { Name: 's', SecretString: 'one' });
    await ask('DeleteSecret', { SecretId: 's' });
    expect((await ask('DescribeSecret', { SecretId: 's' }))['DeletedDate']).toEqual(expect.any(Number));
    expect((await ask('ListSecrets', {}))['SecretList']).toEqual([]);
    const marked = '400 InvalidRequestException';
    expect(await refused('GetSecretValue', { SecretId: 's' })).toBe(marked);
    expect(await refused('PutSecretValue', { SecretId: 's', SecretString: 'two' })).toBe(marked);
    expect(await refused('CreateSecret', { Name: 's', SecretString: 'two' })).toBe(marked);
    await ask('RestoreSecret', { SecretId: 's' });
    expect(await ask('GetSecretValue', { SecretId: 's' })).toMatchObject({ SecretString: 'one' });
    await ask('DeleteSecret', { SecretId: 's', ForceDeleteWithoutRecovery: true });
    const gone = '400 ResourceNotFoundException';
    for (const action of ['GetSecretValue', 'DescribeSecret', 'DeleteSecret', 'TagResource']) {
      expect(await refused(action, { SecretId: 's', ...(action === 'TagResource' ? { Tags: TAGS } : {}) })).toBe(gone);
    }
    expect(await refused('CreateSecret', { Name: 's', SecretString: 'two' })).toBe('accepted');
  });

  test('is apart for each account and region', async () => {
    await ask('CreateSecret', { Name: 's', SecretString: 'one' });
    const gone = '400 ResourceNotFoundException';
    expect(await refused('GetSecretValue', { SecretId: 's' }, { region: 'eu-central-1' })).toBe(gone);
    const other = iamClient(sandbox.url, OTHER);
    await other.createUser({ UserName: 'u' });
    const { AccessKeyId: accessKeyId } = (await other.createAccessKey({ UserName: 'u' })).AccessKey ?? {};
    const caller = { ...(accessKeyId === undefined ? {} : { accessKeyId }), region: 'eu-central-1' };
    expect(await refused('GetSecretValue', { SecretId: 's' }, caller)).toBe(gone);
    const made = await ask('CreateSecret', { Name: 's', SecretString: 'two' }, caller);
    expect(made['ARN']).toMatch(new RegExp(`^arn:aws:secretsmanager:eu-central-1:${OTHER}:secret:s-`));
    expect((await other.getAccessKeyLastUsed({ AccessKeyId: accessKeyId })).AccessKeyLastUsed).toMatchObject({
      ServiceName: 'secretsmanager',
      Region: 'eu-central-1',
    });
    await sandbox.reset();
    expect(await refused('GetSecretValue', { SecretId: 's' })).toBe(gone);
  });

  test('refuses what the model does not allow, and who may not', async () => {
    const invalid = '400 ValidationException';
    expect(await refused('CreateSecret', { SecretString: 'one' })).toBe(invalid);
    expect(await refused('CreateSecret', { Name: 's'.repeat(513) })).toBe(invalid);
    expect(await refused('CreateSecret', { Name: 's', ClientRequestToken: 'short' })).toBe(invalid);
    expect(await refused('CreateSecret', { Name: 7 })).toBe('400 SerializationException');
    expect(await refused('CreateSecret', 'nonsense')).toBe('400 SerializationException');
    expect(await refused('Nonsense', {})).toBe('400 UnknownOperationException');
    const by = (accessKeyId: string) => refused('ListSecrets', {}, { accessKeyId });
    expect(await by('AKIAEXPIRED1')).toBe('400 ExpiredTokenException');
    expect(await by('AKIADENIED1')).toBe('400 AccessDeniedException');
    const [response, answer] = await send('GetSecretValue', { SecretId: 's' });
    expect(response.headers.get('x-amzn-requestid')).toMatch(/^[0-9a-f-]{36}$/);
    expect(response.headers.get('content-type')).toBe('application/x-amz-json-1.1');
    expect(answer['Message']).toBe("Secrets Manager can't find the specified secret.");
  });
});

describe('the journal', () => {
  test('has names and IDs, and no secrets', async () => {
    await user('u');
    await iam.createLoginProfile({ UserName: 'u', Password: PASSWORD });
    const { AccessKey } = await iam.createAccessKey({ UserName: 'u' });
    await iam.updateAccessKey({ UserName: 'u', AccessKeyId: AccessKey?.AccessKeyId, Status: 'Inactive' });
    await iam.createServiceLinkedRole({ AWSServiceName: 'rds.amazonaws.com' });
    await iam.uploadServerCertificate({
      ServerCertificateName: 'web',
      CertificateBody: pki.leaf,
      PrivateKey: pki.leafKey,
    });
    await iam.createSAMLProvider({
      Name: 'idp',
      SAMLMetadataDocument: `<EntityDescriptor>${'a'.repeat(1000)}</EntityDescriptor>`,
      AddPrivateKey: pki.leafKey,
    });
    const { ServiceSpecificCredential } = await iam.createServiceSpecificCredential({
      UserName: 'u',
      ServiceName: 'codecommit.amazonaws.com',
    });
    const { ServiceSpecificCredentialId } = ServiceSpecificCredential ?? {};
    await iam.resetServiceSpecificCredential({ UserName: 'u', ServiceSpecificCredentialId });
    await iam.createVirtualMFADevice({ VirtualMFADeviceName: 'phone' });
    const SerialNumber = `arn:aws:iam::${ACCOUNT}:mfa/phone`;
    const codes = { AuthenticationCode1: '123456', AuthenticationCode2: '654321' };
    await iam.enableMFADevice({ UserName: 'u', SerialNumber, ...codes });
    for (const body of [{ Name: 's', SecretString: 'hush' }, 'nonsense', '["hush"]']) {
      const response = await fetch(sandbox.url, {
        method: 'POST',
        headers: {
          'X-Amz-Target': 'secretsmanager.CreateSecret',
          Authorization: 'AWS4-HMAC-SHA256 Credential=AKIATEST/20260101/us-east-1/secretsmanager/aws4_request',
        },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      });
      await response.text();
    }
    const journal = await sandbox.journal();
    expect(journal.map(({ action, params, status, code }) => [action, params, code ?? status])).toEqual([
      ['CreateUser', { UserName: 'u' }, 200],
      ['CreateLoginProfile', { UserName: 'u' }, 200],
      ['CreateAccessKey', { UserName: 'u' }, 200],
      ['UpdateAccessKey', { UserName: 'u', AccessKeyId: AccessKey?.AccessKeyId, Status: 'Inactive' }, 200],
      ['CreateServiceLinkedRole', { AWSServiceName: 'rds.amazonaws.com' }, 200],
      ['UploadServerCertificate', { ServerCertificateName: 'web' }, 200],
      ['CreateSAMLProvider', { Name: 'idp' }, 200],
      ['CreateServiceSpecificCredential', { UserName: 'u', ServiceName: 'codecommit.amazonaws.com' }, 200],
      ['ResetServiceSpecificCredential', { UserName: 'u', ServiceSpecificCredentialId }, 200],
      ['CreateVirtualMFADevice', { VirtualMFADeviceName: 'phone' }, 200],
      ['EnableMFADevice', { UserName: 'u', SerialNumber }, 200],
      ['CreateSecret', { Name: 's' }, 200],
      ['CreateSecret', {}, 'SerializationException'],
      ['CreateSecret', {}, 'SerializationException'],
    ]);
  });
});
