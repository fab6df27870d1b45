import {
  ADMINISTRATOR,
  createGroup,
  createUser,
  iam,
  outcomeOf,
  policyOf,
  useSandbox,
} from '../../support/iam-sandbox.js';
import { makePki } from '../../support/pki.js';
import type { Pki } from '../../support/pki.js';

useSandbox();

let pki: Pki;

beforeAll(async () => {
  pki = await makePki();
});

test('a group in use is not deleted', async () => {
  await createGroup('g');
  await iam.putGroupPolicy({ GroupName: 'g', PolicyName: 'i', PolicyDocument: policyOf() });
  await iam.attachGroupPolicy({ GroupName: 'g', PolicyArn: ADMINISTRATOR });
  expect(await outcomeOf(iam.deleteGroup({ GroupName: 'g' }))).toMatch(/^409 DeleteConflict/);
  await iam.deleteGroupPolicy({ GroupName: 'g', PolicyName: 'i' });
  expect(await outcomeOf(iam.deleteGroup({ GroupName: 'g' }))).toMatch(/^409 DeleteConflict/);
  await iam.detachGroupPolicy({ GroupName: 'g', PolicyArn: ADMINISTRATOR });
  expect(await outcomeOf(iam.deleteGroup({ GroupName: 'g' }))).toBe('accepted');
});

test('a user is deleted after everything that belongs to it', async () => {
  const UserName = 'u';
  await createUser(UserName);
  await createGroup('g');
  await iam.addUserToGroup({ GroupName: 'g', UserName });
  await iam.putUserPolicy({ UserName, PolicyName: 'i', PolicyDocument: policyOf() });
  await iam.attachUserPolicy({ UserName, PolicyArn: ADMINISTRATOR });
  await iam.createLoginProfile({ UserName, Password: 'Correct-horse-7' });
  const { AccessKey } = await iam.createAccessKey({ UserName });
  const { SSHPublicKey } = await iam.uploadSSHPublicKey({ UserName, SSHPublicKeyBody: pki.ssh[0] });
  const { Certificate } = await iam.uploadSigningCertificate({ UserName, CertificateBody: pki.signing[0] });
  const { ServiceSpecificCredential } = await iam.createServiceSpecificCredential({
    UserName,
    ServiceName: 'codecommit.amazonaws.com',
  });
  const { VirtualMFADevice } = await iam.createVirtualMFADevice({ VirtualMFADeviceName: 'phone' });
  const SerialNumber = VirtualMFADevice?.SerialNumber;
  await iam.enableMFADevice({ UserName, SerialNumber, AuthenticationCode1: '123456', AuthenticationCode2: '654321' });
  const { ServiceSpecificCredentialId } = ServiceSpecificCredential ?? {};
  const removals: [string, () => Promise<unknown>][] = [
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
  for (const [removal, remove] of removals) {
    expect(await outcomeOf(iam.deleteUser({ UserName }))).toBe(
      `409 DeleteConflict: Cannot delete entity, must ${removal} first.`,
    );
    await remove();
  }
  expect(await outcomeOf(iam.deleteUser({ UserName }))).toBe('accepted');
  // The device belongs to the account, not to the user.
  expect((await iam.listVirtualMFADevices({})).VirtualMFADevices).toEqual([{ SerialNumber }]);
});

test('credentials follow a user that is renamed', async () => {
  await createUser('u');
  await iam.createAccessKey({ UserName: 'u' });
  await iam.uploadSSHPublicKey({ UserName: 'u', SSHPublicKeyBody: pki.ssh[0] });
  await iam.uploadSigningCertificate({ UserName: 'u', CertificateBody: pki.signing[0] });
  await iam.createServiceSpecificCredential({ UserName: 'u', ServiceName: 'codecommit.amazonaws.com' });
  await iam.updateUser({ UserName: 'u', NewUserName: 'v' });
  const credentials = [
    (await iam.listAccessKeys({ UserName: 'v' })).AccessKeyMetadata,
    (await iam.listSSHPublicKeys({ UserName: 'v' })).SSHPublicKeys,
    (await iam.listSigningCertificates({ UserName: 'v' })).Certificates,
    (await iam.listServiceSpecificCredentials({ UserName: 'v' })).ServiceSpecificCredentials,
  ];
  expect(credentials).toMatchObject(Array(4).fill([{ UserName: 'v' }]));
});
