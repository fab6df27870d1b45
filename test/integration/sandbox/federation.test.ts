import { ACCOUNT, TAGS, iam, outcomeOf, outcomesOf, useSandbox } from '../../support/iam-sandbox.js';
import { makePki } from '../../support/pki.js';
import type { Pki } from '../../support/pki.js';

useSandbox();

let pki: Pki;

beforeAll(async () => {
  pki = await makePki();
});

describe('OIDC providers', () => {
  test('a second provider with the same URL is refused', async () => {
    const create = (Url: string) => iam.createOpenIDConnectProvider({ Url, ClientIDList: ['sts.amazonaws.com'] });
    const { OpenIDConnectProviderArn } = await create('https://token.example/Org');
    expect(OpenIDConnectProviderArn).toBe(`arn:aws:iam::${ACCOUNT}:oidc-provider/token.example/Org`);
    for (const url of ['https://token.example/Org', 'https://TOKEN.example/Org']) {
      expect(await outcomeOf(create(url))).toBe(
        '409 EntityAlreadyExists: Provider with url https://token.example/Org already exists.',
      );
    }
    expect(await outcomeOf(create('https://token.example/org'))).toBe('accepted');
    for (const name of ['token.example/Org/', 'token.example/']) {
      const created = await create(`https://${name}`);
      expect(created.OpenIDConnectProviderArn).toBe(`arn:aws:iam::${ACCOUNT}:oidc-provider/${name}`);
    }
    expect(await outcomeOf(create('http://token.example/x'))).toMatch(/^400 ValidationError/);
  });

  test('client IDs, thumbprints and tags can be changed', async () => {
    const Url = 'https://token.example';
    const { OpenIDConnectProviderArn } = await iam.createOpenIDConnectProvider({
      Url,
      Tags: [{ Key: 'a', Value: '1' }],
    });
    const get = () => iam.getOpenIDConnectProvider({ OpenIDConnectProviderArn });
    expect((await get()).ThumbprintList).toEqual([expect.stringMatching(/^[0-9a-f]{40}$/)]);
    for (const ClientID of ['one', 'two', 'one']) {
      await iam.addClientIDToOpenIDConnectProvider({ OpenIDConnectProviderArn, ClientID });
    }
    expect(await get()).toMatchObject({ ClientIDList: ['one', 'two'], Url: 'token.example' });
    for (const ClientID of ['one', 'one']) {
      await iam.removeClientIDFromOpenIDConnectProvider({ OpenIDConnectProviderArn, ClientID });
    }
    const ThumbprintList = ['a'.repeat(40), 'b'.repeat(40)];
    await iam.updateOpenIDConnectProviderThumbprint({ OpenIDConnectProviderArn, ThumbprintList });
    expect(await get()).toMatchObject({ ClientIDList: ['two'], ThumbprintList });
    await iam.tagOpenIDConnectProvider({ OpenIDConnectProviderArn, Tags: [{ Key: 'b', Value: '2' }] });
    await iam.untagOpenIDConnectProvider({ OpenIDConnectProviderArn, TagKeys: ['a'] });
    expect((await iam.listOpenIDConnectProviderTags({ OpenIDConnectProviderArn })).Tags).toEqual([
      { Key: 'b', Value: '2' },
    ]);
    expect((await get()).Tags).toEqual([{ Key: 'b', Value: '2' }]);
    const gone = { OpenIDConnectProviderArn: `${String(OpenIDConnectProviderArn)}.not` };
    expect(await outcomeOf(iam.addClientIDToOpenIDConnectProvider({ ...gone, ClientID: 'x' }))).toMatch(
      /^404 NoSuchEntity/,
    );
  });
});

describe('SAML providers', () => {
  const metadata = (text: string, attributes = '') =>
    `<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" ${attributes}>` +
    `${text.repeat(1000)}</md:EntityDescriptor>`;
  const create = (rest: object = {}) =>
    iam.createSAMLProvider({ Name: 'idp', SAMLMetadataDocument: metadata('a'), ...rest });
  const SAMLProviderArn = `arn:aws:iam::${ACCOUNT}:saml-provider/idp`;
  const get = () => iam.getSAMLProvider({ SAMLProviderArn });
  const update = (rest: object) => iam.updateSAMLProvider({ SAMLProviderArn, ...rest });

  test('can be created once, read, listed without tags, updated and deleted', async () => {
    expect(await create({ Tags: TAGS })).toMatchObject({ SAMLProviderArn, Tags: TAGS });
    expect(await outcomeOf(create({ SAMLMetadataDocument: metadata('b') }))).toMatch(/^409 EntityAlreadyExists/);
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
    expect(await outcomesOf(gone)).toEqual(Array(3).fill(expect.stringMatching(/^404 NoSuchEntity/)));
    expect(await outcomeOf(iam.getSAMLProvider({ SAMLProviderArn: `${SAMLProviderArn}:x` }))).toMatch(
      /^400 InvalidInput/,
    );
  });

  test('require metadata, which may state until when they are valid', async () => {
    for (const document of ['a'.repeat(1000), `<html>${'a'.repeat(1000)}</html>`]) {
      expect(await outcomeOf(create({ SAMLMetadataDocument: document }))).toBe(
        '400 InvalidInput: Could not parse metadata',
      );
    }
    await create({ SAMLMetadataDocument: metadata('a', 'validUntil="2031-05-06T07:08:09Z"') });
    expect((await get()).ValidUntil).toEqual(new Date('2031-05-06T07:08:09Z'));
  });

  test('have at most two private keys, which are never shown', async () => {
    await create({ AssertionEncryptionMode: 'Required', AddPrivateKey: pki.leafKey });
    await update({ AddPrivateKey: pki.otherKey });
    expect(await outcomeOf(update({ AddPrivateKey: pki.expiredKey }))).toMatch(/^409 LimitExceeded/);
    const { AssertionEncryptionMode, PrivateKeyList = [] } = await get();
    expect([AssertionEncryptionMode, PrivateKeyList.length]).toEqual(['Required', 2]);
    expect(Object.keys(PrivateKeyList[0] ?? {}).sort()).toEqual(['KeyId', 'Timestamp']);
    const [first, second] = PrivateKeyList.map(({ KeyId }) => KeyId);
    expect(await outcomeOf(update({ RemovePrivateKey: first, AddPrivateKey: pki.expiredKey }))).toMatch(
      /^400 InvalidInput/,
    );
    await update({ RemovePrivateKey: first });
    expect(await outcomeOf(update({ RemovePrivateKey: first }))).toMatch(/^404 NoSuchEntity/);
    expect(await outcomeOf(update({ RemovePrivateKey: second }))).toMatch(/^400 InvalidInput/);
    await update({ RemovePrivateKey: second, AssertionEncryptionMode: 'Allowed' });
    expect(await get()).toMatchObject({ AssertionEncryptionMode: 'Allowed', PrivateKeyList: [] });
    expect(await outcomeOf(update({ AddPrivateKey: 'no key' }))).toMatch(/^400 InvalidInput/);
    expect(await outcomeOf(update({ AssertionEncryptionMode: 'Sometimes' }))).toMatch(/^400 ValidationError/);
  });
});
