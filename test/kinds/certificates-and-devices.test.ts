import { generateKeyPairSync } from 'node:crypto';
import type { JsonObject } from '../../src/contract/entity.js';
import { strings } from '../../src/engine/json.js';
import { OwnershipTag } from '../../src/engine/ownership.js';
import type { Kind } from '../../src/kinds/kind.js';
import { samlProvider } from '../../src/kinds/saml-provider.js';
import { serverCertificate } from '../../src/kinds/server-certificate.js';
import { signingCertificate } from '../../src/kinds/signing-certificate.js';
import { sshPublicKey } from '../../src/kinds/ssh-public-key.js';
import { virtualMfaDevice } from '../../src/kinds/virtual-mfa-device.js';
import {
  CERTIFICATE,
  ISSUER,
  OTHER_CERTIFICATE,
  OTHER_SSH_KEY,
  PRIVATE_KEY,
  SHORT_SSH_KEY,
  SSH_KEY,
  SSH_KEY_IN_PEM,
  SSH_KEY_IN_PKCS1,
  THIRD_CERTIFICATE,
} from '../support/kind-fixtures/certificates.js';
import { ACCOUNT, write } from '../support/kind-fixtures/fixture.js';
import { metadataOf } from '../support/kind-fixtures/saml-provider.js';
import { compareSpec, desiredOf, harness, TARGET, useHarness } from './kind-harness.js';

/** What the kinds of certificates, public keys, SAML and MFA promise beside the laws. */

useHarness();

const USERS = ['ann', 'ben'].map((UserName) => write('CreateUser', { UserName }));

/** What a schema says of a spec that it refuses. */
function complaintsOf(kind: Kind, spec: JsonObject): string[] {
  return (kind.schema.safeParse(spec).error?.issues ?? []).map(({ message }) => message);
}

/** The same text as another program might write it. */
function rewritten(pem: string): string {
  const [first = '', ...rest] = pem.trim().split('\n');
  const body = rest.slice(0, -1).join('');
  return `\r\nsubject=CN = law\r\n${[first, ...(body.match(/.{1,76}/g) ?? []), rest.at(-1) ?? ''].join('\r\n')} `;
}

describe('a SAML provider', () => {
  const plain = { name: 'law', samlMetadataDocument: metadataOf('law') };
  const encrypted = { ...plain, assertionEncryptionMode: 'Allowed', privateKey: { file: 'key' } };

  async function keysOf(): Promise<number> {
    const { facts } = await harness.observe(samlProvider, encrypted);
    return (facts?.['privateKeys'] as readonly unknown[]).length;
  }

  beforeEach(async () => {
    await harness.storeSecret('key', PRIVATE_KEY);
  });

  test('that has no private key gets it together with the mode that needs it', async () => {
    await harness.converge(samlProvider, plain);
    const required = { ...encrypted, assertionEncryptionMode: 'Required' };
    const calls = await harness.update(samlProvider, required, await harness.observe(samlProvider, required));
    expect(calls).toEqual(['UpdateSAMLProvider']);
    expect(await keysOf()).toBe(1);
    expect(compareSpec(samlProvider, required, await harness.observe(samlProvider, required)).drift).toEqual([]);
  });

  test('that lost its private key is found, and the key is read when it is sent', async () => {
    const whole = await harness.converge(samlProvider, encrypted);
    const [RemovePrivateKey] = whole.facts?.['privateKeys'] as readonly string[];
    await harness.sendDirectly([write('UpdateSAMLProvider', { SAMLProviderArn: whole.arn, RemovePrivateKey })]);

    const observed = await harness.observe(samlProvider, encrypted);
    const { drift, changes } = compareSpec(samlProvider, encrypted, observed);
    expect(drift).toEqual([{ path: 'assertionEncryptionMode', observed: null, desired: 'Allowed' }]);
    const steps = samlProvider.update(desiredOf(samlProvider, encrypted), observed, changes);
    expect(steps).toEqual([
      {
        operation: 'UpdateSAMLProvider',
        input: { SAMLProviderArn: whole.arn, AssertionEncryptionMode: 'Allowed' },
        effect: 'grants',
        secretInput: { AddPrivateKey: { location: { file: 'key' }, form: 'private key' } },
        unguarded: true,
      },
    ]);
    await harness.send(samlProvider, steps);
    expect(await keysOf()).toBe(1);
  });

  test('that has a private key keeps it, and gets no other', async () => {
    const observed = await harness.converge(samlProvider, encrypted);
    await harness.update(samlProvider, { ...encrypted, assertionEncryptionMode: 'Required' }, observed);
    const after = await harness.observe(samlProvider, encrypted);
    expect(after.facts).toEqual(observed.facts);
    expect(after.state['assertionEncryptionMode']).toBe('Required');
  });

  test('is the one of the declared case, where two differ in nothing else', async () => {
    for (const name of ['Law', 'law', 'LAW']) await harness.create(samlProvider, { ...plain, name });
    const { result } = await harness.readMany(samlProvider, [plain]);
    expect([...(result?.values() ?? [])].map(({ name }) => name)).toEqual(['law']);
  });
});

describe('the private keys of a SAML provider', () => {
  const KEYS = { keys: { file: 'saml-key' }, assertionEncryptionMode: 'Required' };
  const specOf = (oldPrivateKeys?: JsonObject): JsonObject => ({
    name: 'law',
    samlMetadataDocument: metadataOf('law'),
    assertionEncryptionMode: KEYS.assertionEncryptionMode,
    privateKey: KEYS.keys,
    ...(oldPrivateKeys === undefined ? {} : { oldPrivateKeys }),
  });

  async function keysNow(): Promise<string[]> {
    const { facts } = await harness.observe(samlProvider, specOf());
    return [...strings(facts?.['privateKeys'])];
  }

  /** Sends what a spec asks for, and gives the members of each call that concern keys. */
  async function rotate(oldPrivateKeys: JsonObject): Promise<string[]> {
    const spec = specOf(oldPrivateKeys);
    const observed = await harness.observe(samlProvider, spec);
    const { changes } = compareSpec(samlProvider, spec, observed);
    const steps = samlProvider.update(desiredOf(samlProvider, spec), observed, changes);
    await harness.send(samlProvider, steps);
    return steps.map(({ input: { RemovePrivateKey: removed }, secretInput = {} }) =>
      typeof removed === 'string' ? removed : (Object.keys(secretInput)[0] ?? ''),
    );
  }

  test('are rotated in two steps, and a repeat of each changes nothing', async () => {
    await harness.storeSecret('saml-key', PRIVATE_KEY);
    await harness.converge(samlProvider, specOf());
    const [old = ''] = await keysNow();
    expect(await rotate({ [old]: 'keep' })).toEqual(['AddPrivateKey']);
    expect(await keysNow()).toHaveLength(2);
    expect(await rotate({ [old]: 'keep' })).toEqual([]);
    expect(await rotate({ [old]: 'remove' })).toEqual([old]);
    expect(await rotate({ [old]: 'remove' })).toEqual([]);
    expect(await keysNow()).toEqual([expect.not.stringMatching(old)]);
  });

  test('make room for a new one where two are old, and are never all gone', async () => {
    await harness.storeSecret('saml-key', PRIVATE_KEY);
    await harness.converge(samlProvider, specOf());
    const [first = ''] = await keysNow();
    await rotate({ [first]: 'keep' });
    const [, second = ''] = await keysNow();
    expect(await rotate({ [first]: 'remove', [second]: 'remove' })).toEqual([first, 'AddPrivateKey', second]);
    expect(await keysNow()).toHaveLength(1);
  });
});

describe('a server certificate', () => {
  const spec = {
    serverCertificateName: 'law',
    path: '/a/',
    certificateBody: CERTIFICATE,
    privateKey: { file: 'key' },
    tags: { team: 'platform' },
  };

  beforeEach(async () => {
    await harness.storeSecret('key', PRIVATE_KEY);
  });

  test('whose path changes gets another ARN, and keeps its tags and its content', async () => {
    const before = await harness.converge(serverCertificate, spec);
    await harness.update(serverCertificate, { ...spec, path: '/cloudfront/law/' }, before);
    expect(await harness.observe(serverCertificate, spec)).toEqual({
      ...before,
      arn: `arn:aws:iam::${ACCOUNT}:server-certificate/cloudfront/law/law`,
      state: { ...before.state, path: '/cloudfront/law/' },
    });
  });

  test('is sent without what stands around it, and its private key is nowhere in the step', () => {
    const { input, secretInput } = serverCertificate.create(
      desiredOf(serverCertificate, { ...spec, certificateBody: rewritten(CERTIFICATE) }),
    );
    expect(input['CertificateBody']).toBe(CERTIFICATE.trim());
    expect(input).not.toHaveProperty('PrivateKey');
    expect(secretInput).toEqual({ PrivateKey: { location: { file: 'key' }, form: 'private key' } });
  });

  test('is refused by AWS where the declared private key belongs to another certificate', async () => {
    const { privateKey } = generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    });
    await harness.storeSecret('key', privateKey);
    const error = await harness.errorFrom(serverCertificate.create(desiredOf(serverCertificate, spec)));
    expect(error.code).toBe('KeyPairMismatch');
    expect(serverCertificate.isAlreadyExistsError(error)).toBe(false);
  });

  test('without the declared chain cannot get it', async () => {
    const observed = await harness.converge(serverCertificate, spec);
    const { drift } = compareSpec(serverCertificate, { ...spec, certificateChain: ISSUER }, observed);
    expect(drift).toMatchObject([{ path: 'certificateChain', observed: null, immutable: true }]);
  });

  test('that a load balancer uses is not deleted', async () => {
    const observed = await harness.converge(serverCertificate, spec);
    await harness.markInUse('law');
    const [last] = await harness.deletionWrites(serverCertificate, observed);
    expect((await harness.errorFrom(last ?? write('DeleteServerCertificate', {}))).code).toBe('DeleteConflict');
  });

  test.each([
    ['MIIB', 'contains no certificate in PEM'],
    [`${CERTIFICATE}${PRIVATE_KEY}`, 'contains a PRIVATE KEY'],
    [`${CERTIFICATE}${ISSUER}`, 'contains 2 certificates'],
    [`${CERTIFICATE}${ISSUER.slice(0, -20)}`, 'contains a certificate that cannot be read'],
    [CERTIFICATE.replace('MIIB', 'MIIC'), 'contains a certificate that cannot be read'],
    [`${CERTIFICATE}\u2013`, 'use Latin characters only'],
  ])('is refused with a message about its body: case %#', (certificateBody, complaint) => {
    expect(complaintsOf(serverCertificate, { ...spec, certificateBody })).toEqual([complaint]);
  });
});

describe('a signing certificate', () => {
  const spec = { userName: 'ann', certificateBody: CERTIFICATE };

  beforeEach(async () => {
    await harness.sendDirectly(USERS);
  });

  test('is named after its fingerprint, however it is written', () => {
    // As `openssl x509 -fingerprint -sha256` tells it.
    const name = 'ann/f9edafe54fd5fd36';
    for (const certificateBody of [CERTIFICATE, rewritten(CERTIFICATE), CERTIFICATE.replaceAll('\n', ' ')]) {
      expect(signingCertificate.nameOf({ userName: 'ann', certificateBody })).toBe(name);
    }
    expect(signingCertificate.nameOf({ userName: 'ann', certificateBody: 'none' })).toBe('');
  });

  test('that was uploaded with other line breaks is recognised', async () => {
    const UserName = 'ann';
    await harness.sendDirectly([
      write('UploadSigningCertificate', { UserName, CertificateBody: rewritten(CERTIFICATE) }),
    ]);
    const error = await harness.errorFrom(signingCertificate.create(desiredOf(signingCertificate, spec)));
    expect(error.code).toBe('DuplicateCertificate');
    expect(signingCertificate.isAlreadyExistsError(error)).toBe(true);
    expect((await harness.observe(signingCertificate, spec)).name).toBe(signingCertificate.nameOf(spec));
  });

  test('is one of two that a user may have: the other stays as it is, and a third is too many', async () => {
    const other = { ...spec, certificateBody: OTHER_CERTIFICATE };
    await harness.converge(signingCertificate, spec);
    const second = await harness.converge(signingCertificate, { ...other, status: 'Inactive' });
    const third = desiredOf(signingCertificate, { ...spec, certificateBody: THIRD_CERTIFICATE });
    const error = await harness.errorFrom(signingCertificate.create(third));
    expect(error.code).toBe('LimitExceeded');
    expect(signingCertificate.isAlreadyExistsError(error)).toBe(false);

    const first = await harness.observe(signingCertificate, spec);
    expect(first.state['status']).toBe('Active');
    await harness.send(signingCertificate, await harness.deletionWrites(signingCertificate, first));
    expect(await harness.read(signingCertificate, spec)).toBeUndefined();
    expect(await harness.observe(signingCertificate, other)).toEqual(second);
  });

  test('of another user stands in the way, and is not taken for ours', async () => {
    await harness.converge(signingCertificate, { ...spec, userName: 'ben' });
    const error = await harness.errorFrom(signingCertificate.create(desiredOf(signingCertificate, spec)));
    expect(signingCertificate.isAlreadyExistsError(error)).toBe(true);
    expect(await harness.read(signingCertificate, spec)).toBeUndefined();
    expect(signingCertificate.globallyTakenReason).toContain('another user');
  });

  test('is found beside one that cannot be read', async () => {
    const { facts } = await harness.converge(signingCertificate, spec);
    const mine = { UserName: 'ann', CertificateId: facts?.['CertificateId'], CertificateBody: CERTIFICATE };
    const Certificates = [{ ...mine, CertificateId: 'other', CertificateBody: 'none' }, mine];
    const reader = harness.readerReplying('ListSigningCertificates', { Certificates });
    expect((await harness.read(signingCertificate, spec, reader))?.facts).toEqual(facts);
  });

  test('needs its user', () => {
    expect(signingCertificate.references?.(spec)).toEqual(['User/ann']);
    expect(signingCertificate.arnOf(spec, TARGET)).toBe(`arn:aws:iam::${ACCOUNT}:user/ann`);
  });
});

describe('an SSH public key', () => {
  const spec = { userName: 'ann', sshPublicKeyBody: SSH_KEY };
  const written = { SSH_KEY, commented: `${SSH_KEY} ann@example.com\n`, SSH_KEY_IN_PEM, SSH_KEY_IN_PKCS1 };

  beforeEach(async () => {
    await harness.sendDirectly(USERS);
  });

  test.each(Object.entries(written))('is named after its fingerprint: %s', (_how, sshPublicKeyBody) => {
    // As `ssh-keygen -l` tells it, in hexadecimal digits.
    expect(sshPublicKey.nameOf({ userName: 'ann', sshPublicKeyBody })).toBe('ann/638e9aed3b3b474b');
    expect(sshPublicKey.schema.safeParse({ userName: 'ann', sshPublicKeyBody }).error).toBeUndefined();
  });

  test('that is there in PEM is recognised', async () => {
    await harness.converge(sshPublicKey, { ...spec, sshPublicKeyBody: SSH_KEY_IN_PEM });
    const error = await harness.errorFrom(sshPublicKey.create(desiredOf(sshPublicKey, spec)));
    expect(error).toMatchObject({ code: 'DuplicateSSHPublicKey', httpStatus: 400 });
    expect(sshPublicKey.isAlreadyExistsError(error)).toBe(true);
    expect((await harness.observe(sshPublicKey, spec)).name).toBe(sshPublicKey.nameOf(spec));
  });

  test('goes without another one of the user', async () => {
    const other = { ...spec, sshPublicKeyBody: OTHER_SSH_KEY, status: 'Inactive' };
    const kept = await harness.converge(sshPublicKey, other);
    await harness.send(
      sshPublicKey,
      await harness.deletionWrites(sshPublicKey, await harness.converge(sshPublicKey, spec)),
    );
    expect(await harness.read(sshPublicKey, spec)).toBeUndefined();
    expect(await harness.observe(sshPublicKey, other)).toEqual(kept);
  });

  test('of one user may be another one’s, too', async () => {
    for (const userName of ['ann', 'ben']) await harness.converge(sshPublicKey, { ...spec, userName });
    expect((await harness.observe(sshPublicKey, spec)).name).toMatch(/^ann\//);
  });

  test('is found beside one that is deleted while the others are read', async () => {
    const { facts } = await harness.converge(sshPublicKey, spec);
    const listed = ['APKA00000000000000000', facts?.['SSHPublicKeyId']].map((SSHPublicKeyId) => ({ SSHPublicKeyId }));
    const reader = harness.readerReplying('ListSSHPublicKeys', { SSHPublicKeys: listed });
    expect((await harness.read(sshPublicKey, spec, reader))?.facts).toEqual(facts);
  });

  test('is not one that cannot be read', async () => {
    await harness.converge(sshPublicKey, spec);
    const SSHPublicKey = { UserName: 'ann', SSHPublicKeyBody: 'none' };
    const reader = harness.readerReplying('GetSSHPublicKey', { SSHPublicKey });
    expect(await harness.read(sshPublicKey, spec, reader)).toBeUndefined();
  });

  test('is refused with a message that names the problem', () => {
    const curve = generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    }).publicKey;
    const of = (sshPublicKeyBody: string): string[] => complaintsOf(sshPublicKey, { ...spec, sshPublicKeyBody });
    expect(of(SHORT_SSH_KEY)).toEqual(['has 1024 bits, and AWS requires 2048']);
    for (const none of [PRIVATE_KEY, CERTIFICATE, curve, 'ssh-rsa', 'ssh-rsa AAAA', SSH_KEY.slice(0, 300), 'x']) {
      expect(of(none)).toEqual(['is not a public RSA key']);
    }
  });
});

describe('a virtual MFA device', () => {
  const spec = { virtualMfaDeviceName: 'law', path: '/ci/', secret: { file: 'seed' } };
  const SerialNumber = `arn:aws:iam::${ACCOUNT}:mfa/ci/law`;
  const ofRun = (intent: string): JsonObject => ({ ...spec, tags: { [OwnershipTag.Intent]: intent } });
  const enabled = write('EnableMFADevice', {
    UserName: 'ann',
    SerialNumber,
    AuthenticationCode1: '123456',
    AuthenticationCode2: '654321',
  });
  const { secret } = virtualMfaDevice;

  async function candidatesOf(run: string): Promise<string[]> {
    const found = await secret?.listCandidates?.(harness.reader, desiredOf(virtualMfaDevice, ofRun(run)));
    return (found ?? []).map(({ id }) => id);
  }

  beforeEach(async () => {
    await harness.sendDirectly(USERS);
  });

  test('is named by its path and its name, which together are its serial number', async () => {
    const elsewhere = { ...spec, path: '/', secret: { file: 'seed-2' } };
    expect([spec, elsewhere].map((one) => virtualMfaDevice.nameOf(one))).toEqual(['ci/law', 'law']);
    expect((await harness.converge(virtualMfaDevice, spec)).arn).toBe(SerialNumber);
    expect(await harness.read(virtualMfaDevice, elsewhere)).toBeUndefined();
    expect((await harness.converge(virtualMfaDevice, elsewhere)).arn).toBe(`arn:aws:iam::${ACCOUNT}:mfa/law`);
  });

  test('leaves its seed as text that an authenticator takes, and nothing of it in what is observed', async () => {
    const created = await harness.create(virtualMfaDevice, ofRun('run-1'));
    const record = (await harness.storedRecord(virtualMfaDevice, spec)) ?? {};
    expect(record).toEqual({
      SerialNumber,
      Base32StringSeed: expect.stringMatching(/^[A-Z2-7]{64}$/) as string,
      Intent: 'run-1',
    });
    for (const observed of [created, await harness.observe(virtualMfaDevice, spec)]) {
      expect(JSON.stringify(observed)).not.toContain(record['Base32StringSeed']);
    }
  });

  test('of this run whose seed is not stored is an orphan; one of another run is none', async () => {
    await harness.create(virtualMfaDevice, ofRun('run-1'));
    expect(await candidatesOf('run-1')).toEqual([`${SerialNumber}#run-1`]);
    expect(await candidatesOf('run-2')).toEqual([]);
    await harness.send(
      virtualMfaDevice,
      await harness.deletionWrites(virtualMfaDevice, await harness.observe(virtualMfaDevice, spec)),
    );
    // Made by a Create whose reply was lost: what is stored is of the device before it.
    const Tags = [{ Key: OwnershipTag.Intent, Value: 'run-2' }];
    await harness.sendDirectly([write('CreateVirtualMFADevice', { VirtualMFADeviceName: 'law', Path: '/ci/', Tags })]);
    const stored = secret?.candidateIdOf?.((await harness.storedRecord(virtualMfaDevice, spec)) ?? {});
    expect(stored).toBe(`${SerialNumber}#run-1`);
    expect(await candidatesOf('run-2')).toEqual([`${SerialNumber}#run-2`]);
  });

  test('of another tool is not an orphan, and is adopted without its seed', async () => {
    await harness.sendDirectly([write('CreateVirtualMFADevice', { VirtualMFADeviceName: 'law', Path: '/ci/' })]);
    expect(await candidatesOf('run-1')).toEqual([]);
    expect(compareSpec(virtualMfaDevice, spec, await harness.observe(virtualMfaDevice, spec)).drift).toEqual([]);
    expect(await harness.storedRecord(virtualMfaDevice, spec)).toBeUndefined();
  });

  test('that a user has enabled is not an orphan, since that user has its seed', async () => {
    await harness.create(virtualMfaDevice, ofRun('run-1'));
    const [id = ''] = await candidatesOf('run-1');
    expect(await secret?.isCandidateUsed?.(harness.reader, id)).toBe(false);
    await harness.sendDirectly([enabled]);
    expect(await secret?.isCandidateUsed?.(harness.reader, id)).toBe(true);
  });

  test('is deactivated before it is deleted, where a user signs in with it', async () => {
    const observed = await harness.converge(virtualMfaDevice, spec);
    expect(await harness.deletionWrites(virtualMfaDevice, observed)).toMatchObject([
      { operation: 'DeleteVirtualMFADevice', input: { SerialNumber } },
    ]);
    await harness.sendDirectly([enabled]);
    const steps = await harness.deletionWrites(virtualMfaDevice, observed);
    expect(steps).toMatchObject([
      { operation: 'DeactivateMFADevice', input: { UserName: 'ann', SerialNumber } },
      { operation: 'DeleteVirtualMFADevice', input: { SerialNumber } },
    ]);
    await harness.send(virtualMfaDevice, steps);
    expect(await harness.reader.list('ListMFADevices', { UserName: 'ann' }, 'MFADevices')).toEqual([]);
  });

  test('of the root user is not deactivated for another user', async () => {
    const observed = await harness.converge(virtualMfaDevice, spec);
    const VirtualMFADevices = [{ SerialNumber, User: { Arn: `arn:aws:iam::${ACCOUNT}:root` } }];
    const reader = harness.readerReplying('ListVirtualMFADevices', { VirtualMFADevices });
    const steps = await harness.deletionWrites(virtualMfaDevice, observed, reader);
    expect(steps.map(({ operation }) => operation)).toEqual(['DeleteVirtualMFADevice']);
  });
});
