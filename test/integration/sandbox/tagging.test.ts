import {
  ACCOUNT,
  SAML_METADATA,
  TAGS,
  createInstanceProfile,
  createPolicy,
  createRole,
  createUser,
  iam,
  outcomeOf,
  policyArn,
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

test('tag keys of roles and users ignore case, and the prefix aws: is reserved', async () => {
  const Tags = [{ Key: 'Team', Value: 'a' }];
  await createRole('r', { Tags });
  await iam.tagRole({ RoleName: 'r', Tags: [{ Key: 'team', Value: 'b' }] });
  expect((await iam.getRole({ RoleName: 'r' })).Role?.Tags).toEqual([{ Key: 'team', Value: 'b' }]);
  const twice = [...Tags, { Key: 'TEAM', Value: 'c' }];
  expect(await outcomeOf(iam.tagRole({ RoleName: 'r', Tags: twice }))).toMatch(/^400 InvalidInput: Duplicate tag keys/);
  const stack = { RoleName: 'r', Tags: [{ Key: 'aws:cloudformation:stack-name', Value: 's' }] };
  expect(await outcomeOf(iam.tagRole(stack))).toMatch(/^400 InvalidInput/);
  await iamClient(sandbox.url, undefined, { accessKeyId: 'AKIAAWSSERVICE' }).tagRole(stack);
  expect((await iam.listRoleTags({ RoleName: 'r' })).Tags).toContainEqual(stack.Tags[0]);
});

test.each([
  ['InstanceProfile', (Tags: object[]) => createInstanceProfile('e', { Tags }), { InstanceProfileName: 'e' }],
  ['Policy', (Tags: object[]) => createPolicy('e', { Tags }), { PolicyArn: policyArn('e') }],
])('tag keys of a %s that differ in case are two', async (kind, create, key) => {
  const calls = iam as unknown as Record<string, (input: object) => Promise<{ Tags?: object[] }>>;
  const [upper, lower] = [
    { Key: 'Team', Value: 'a' },
    { Key: 'team', Value: 'b' },
  ];
  await create([upper, lower]);
  await calls[`tag${kind}`]?.call(iam, { ...key, Tags: [{ Key: 'TEAM', Value: 'c' }] });
  await calls[`untag${kind}`]?.call(iam, { ...key, TagKeys: ['TEAM', 'Team'] });
  expect((await calls[`list${kind}Tags`]?.call(iam, key))?.Tags).toEqual([lower]);
});

test.each([
  ['User', (Tags: object[]) => createUser('e', { Tags }), { UserName: 'e' }],
  ['InstanceProfile', (Tags: object[]) => createInstanceProfile('e', { Tags }), { InstanceProfileName: 'e' }],
  ['Policy', (Tags: object[]) => createPolicy('e', { Tags }), { PolicyArn: policyArn('e') }],
])('tags of a %s can be read and changed', async (kind, create, key) => {
  await create([{ Key: 'a', Value: '1' }]);
  const calls = iam as unknown as Record<string, (input: object) => Promise<{ Tags?: object[] }>>;
  await calls[`tag${kind}`]?.call(iam, { ...key, Tags: [{ Key: 'b', Value: '2' }] });
  await calls[`untag${kind}`]?.call(iam, { ...key, TagKeys: ['a'] });
  const tags = [{ Key: 'b', Value: '2' }];
  expect((await calls[`list${kind}Tags`]?.call(iam, key))?.Tags).toEqual(tags);
  const got = (await calls[`get${kind}`]?.call(iam, key)) as Record<string, { Tags?: object[] }>;
  expect(got[kind]?.Tags).toEqual(tags);
});

test.each<[string, object, () => Promise<unknown>]>([
  [
    'SAMLProvider',
    { SAMLProviderArn: `arn:aws:iam::${ACCOUNT}:saml-provider/e` },
    () => iam.createSAMLProvider({ Name: 'e', SAMLMetadataDocument: SAML_METADATA, Tags: TAGS }),
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
])('tags of a %s can be set at creation, added and removed', async (kind, key, create) => {
  const calls = iam as unknown as Record<string, (input: object) => Promise<{ Tags?: object[] }>>;
  const call = async (name: string, rest: object = {}) => (await calls[name]?.call(iam, { ...key, ...rest })) ?? {};
  expect(await outcomeOf(call(`tag${kind}`, { Tags: TAGS }))).toMatch(/^404 NoSuchEntity/);
  await create();
  expect((await call(`list${kind}Tags`)).Tags).toEqual(TAGS);
  const more = { Key: 'b', Value: '2' };
  const upper = { Key: 'A', Value: '3' };
  await call(`tag${kind}`, { Tags: [more, upper] });
  expect((await call(`list${kind}Tags`)).Tags).toEqual(expect.arrayContaining([...TAGS, more, upper]));
  await call(`untag${kind}`, { TagKeys: ['a'] });
  expect((await call(`list${kind}Tags`)).Tags).toEqual(expect.arrayContaining([more, upper]));
  await call(`untag${kind}`, { TagKeys: ['A'] });
  expect((await call(`list${kind}Tags`)).Tags).toEqual([more]);
  expect(await outcomeOf(call(`tag${kind}`, { Tags: [{ Key: 'aws:x', Value: '' }] }))).toMatch(/^400 InvalidInput/);
});
