import { ACCOUNT, SAML_METADATA, createUser, iam, outcomeOf, sandbox, useSandbox } from '../../support/iam-sandbox.js';
import { makePki } from '../../support/pki.js';
import type { Pki } from '../../support/pki.js';

useSandbox();

let pki: Pki;

beforeAll(async () => {
  pki = await makePki();
});

test('the journal lists every call until the next reset', async () => {
  await createUser('u', { Path: '/ci/' });
  await iam.createLoginProfile({ UserName: 'u', Password: 'Correct-horse-7' });
  await outcomeOf(createUser('u'));
  const journal = await sandbox.journal();
  expect(journal.map(({ seq, action, account, status, code }) => [seq, action, account, status, code])).toEqual([
    [1, 'CreateUser', ACCOUNT, 200, null],
    [2, 'CreateLoginProfile', ACCOUNT, 200, null],
    [3, 'CreateUser', ACCOUNT, 409, 'EntityAlreadyExists'],
  ]);
  expect(journal[0]?.params).toEqual({ UserName: 'u', Path: '/ci/' });
  expect(journal[0]?.requestId).toMatch(/^[0-9a-f-]{36}$/);
  expect(Number.isNaN(Date.parse(journal[0]?.at ?? ''))).toBe(false);
  expect(JSON.stringify(journal)).not.toContain('Correct-horse-7');
  await sandbox.reset();
  expect(await sandbox.journal()).toEqual([]);
  expect(await outcomeOf(iam.getUser({ UserName: 'u' }))).toMatch(/^404 NoSuchEntity/);
});

test('the journal has names and IDs, and no secrets', async () => {
  await createUser('u');
  await iam.createLoginProfile({ UserName: 'u', Password: 'Correct-horse-7' });
  const { AccessKey } = await iam.createAccessKey({ UserName: 'u' });
  await iam.updateAccessKey({ UserName: 'u', AccessKeyId: AccessKey?.AccessKeyId, Status: 'Inactive' });
  await iam.createServiceLinkedRole({ AWSServiceName: 'rds.amazonaws.com' });
  await iam.uploadServerCertificate({
    ServerCertificateName: 'web',
    CertificateBody: pki.leaf,
    PrivateKey: pki.leafKey,
  });
  await iam.createSAMLProvider({ Name: 'idp', SAMLMetadataDocument: SAML_METADATA, AddPrivateKey: pki.leafKey });
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
