import {
  ACCOUNT,
  TAGS,
  createUser,
  iam,
  outcomeOf,
  outcomesOf,
  setInUse,
  useSandbox,
} from '../../support/iam-sandbox.js';
import { makePki } from '../../support/pki.js';
import type { Pki } from '../../support/pki.js';

useSandbox();

let pki: Pki;

beforeAll(async () => {
  pki = await makePki();
});

describe('server certificates', () => {
  const upload = (ServerCertificateName: string, rest: object = {}) =>
    iam.uploadServerCertificate({ ServerCertificateName, CertificateBody: pki.leaf, PrivateKey: pki.leafKey, ...rest });
  const get = async (ServerCertificateName: string) =>
    (await iam.getServerCertificate({ ServerCertificateName })).ServerCertificate;
  const rename = (ServerCertificateName: string, rest: object) =>
    iam.updateServerCertificate({ ServerCertificateName, ...rest });
  const remove = (ServerCertificateName: string) => iam.deleteServerCertificate({ ServerCertificateName });

  test('have an ID, an ARN with their path, and the expiration of the certificate', async () => {
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

  test('are unique in any case and under any path, and can be renamed and moved', async () => {
    await upload('web');
    const taken = /^409 EntityAlreadyExists: The Server Certificate with name \w+ already exists/;
    expect(await outcomeOf(upload('web', { Path: '/other/' }))).toMatch(taken);
    expect(await outcomeOf(upload('WEB'))).toMatch(taken);
    await upload('api');
    expect(await outcomeOf(rename('api', { NewServerCertificateName: 'Web' }))).toMatch(taken);
    const id = (await get('web'))?.ServerCertificateMetadata?.ServerCertificateId;
    await rename('web', { NewServerCertificateName: 'Web', NewPath: '/live/' });
    expect((await get('Web'))?.ServerCertificateMetadata).toMatchObject({
      Arn: `arn:aws:iam::${ACCOUNT}:server-certificate/live/Web`,
      ServerCertificateId: id,
    });
    expect(await outcomeOf(get('web'))).toMatch(/^404 NoSuchEntity/);
    const listed = async (PathPrefix: string) =>
      (await iam.listServerCertificates({ PathPrefix })).ServerCertificateMetadataList?.map(
        ({ ServerCertificateName }) => ServerCertificateName,
      );
    expect([await listed('/live/'), await listed('/')]).toEqual([['Web'], ['Web', 'api']]);
    await remove('api');
    expect(await outcomesOf([remove('api'), rename('api', {})])).toEqual(
      Array(2).fill(expect.stringMatching(/^404 NoSuchEntity/)),
    );
  });

  test('must be valid and match the key and the chain', async () => {
    const malformed = /^400 MalformedCertificate/;
    expect(await outcomeOf(upload('web', { CertificateBody: 'body' }))).toMatch(malformed);
    expect(await outcomeOf(upload('web', { PrivateKey: 'key' }))).toMatch(malformed);
    expect(await outcomeOf(upload('web', { CertificateChain: 'chain' }))).toMatch(malformed);
    const expired = { CertificateBody: pki.expired, PrivateKey: pki.expiredKey };
    expect(await outcomeOf(upload('web', expired))).toMatch(malformed);
    expect(await outcomeOf(upload('web', { PrivateKey: pki.otherKey }))).toMatch(/^400 KeyPairMismatch/);
    expect(await outcomeOf(upload('web', { CertificateChain: pki.signing[0] }))).toMatch(
      /^400 MalformedCertificate: Unable to validate certificate chain.* is: -1$/,
    );
    expect(await outcomeOf(upload('web', { CertificateChain: `${pki.root}${String(pki.signing[0])}` }))).toMatch(
      /^400 MalformedCertificate: Unable to validate certificate chain.* is: 0$/,
    );
  });

  test('are not deleted while a resource uses them', async () => {
    await upload('web');
    await setInUse('web');
    expect(await outcomeOf(remove('web'))).toMatch(
      /^409 DeleteConflict: Certificate: ASCA\w+ is currently in use by arn:aws:elasticloadbalancing:/,
    );
    await setInUse('web', { inUse: false });
    expect(await outcomeOf(remove('web'))).toBe('accepted');
    expect(await setInUse('web')).toBe(400);
  });
});

describe('signing certificates', () => {
  const upload = async (UserName: string, CertificateBody: string | undefined) =>
    (await iam.uploadSigningCertificate({ UserName, CertificateBody })).Certificate;

  test('are limited to two, and belong to one user', async () => {
    await Promise.all([createUser('u'), createUser('v')]);
    const first = await upload('u', pki.signing[0]);
    expect(first).toEqual({
      UserName: 'u',
      CertificateId: expect.stringMatching(/^[A-Z2-7]{24,}$/) as string,
      CertificateBody: pki.signing[0],
      Status: 'Active',
      UploadDate: expect.any(Date) as Date,
    });
    const again = [upload('u', pki.signing[0]), upload('v', `\n${String(pki.signing[0])}`)];
    expect(await outcomesOf(again)).toEqual(Array(2).fill(expect.stringMatching(/^409 DuplicateCertificate/)));
    const second = await upload('u', pki.signing[1]);
    expect(await outcomeOf(upload('u', pki.signing[2]))).toBe(
      '409 LimitExceeded: Cannot exceed quota for CertificatesPerUser: 2',
    );
    const key = { UserName: 'u', CertificateId: first?.CertificateId };
    await iam.updateSigningCertificate({ ...key, Status: 'Inactive' });
    expect((await iam.listSigningCertificates({ UserName: 'u' })).Certificates).toEqual(
      expect.arrayContaining([{ ...first, Status: 'Inactive' }, second]),
    );
    await iam.deleteSigningCertificate(key);
    expect(
      await outcomesOf([
        iam.deleteSigningCertificate(key),
        iam.updateSigningCertificate({ ...key, Status: 'Active' }),
        iam.deleteSigningCertificate({ UserName: 'v', CertificateId: second?.CertificateId }),
      ]),
    ).toEqual(Array(3).fill(expect.stringMatching(/^404 NoSuchEntity/)));
    expect(await outcomeOf(upload('v', pki.signing[0]))).toBe('accepted');
  });

  test('must be valid', async () => {
    await createUser('u');
    expect(await outcomeOf(upload('u', 'nonsense'))).toMatch(/^400 MalformedCertificate/);
    expect(await outcomeOf(upload('u', `${pki.leaf}${pki.root}`))).toMatch(/^400 MalformedCertificate/);
    expect(await outcomeOf(upload('u', pki.expired))).toMatch(/^400 InvalidCertificate/);
  });
});
