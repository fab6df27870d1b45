import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { checkCaptureOptions } from '../../../../src/client/capture/capture-options.js';
import { FileNames } from '../../../../src/client/capture/file-names.js';
import { findWarnings } from '../../../../src/client/capture/find-warnings.js';
import { assertWritable, saveCapture } from '../../../../src/client/capture/save-capture.js';
import { capture } from '../../../../src/cli/commands/capture.js';
import { ACCOUNT, capturedOf, declaredBy, write } from '../../../support/captured.js';

const documentOf = (...Statement: object[]): never => ({ Version: '2012-10-17', Statement }) as never;
const EC2 = documentOf({ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' });

describe('names of files', () => {
  it.each([
    ['deploy', 'policies/deploy.json'],
    [`logs-${ACCOUNT}-eu`, 'policies/logs-account-eu.json'],
    ['a+b,c=d@e', 'policies/a-b-c-d-e.json'],
    ['../../etc/passwd', 'policies/etc-passwd.json'],
    ['..', 'policies/unnamed.json'],
    ['CON', 'policies/iam-CON.json'],
    ['lpt1.x', 'policies/iam-lpt1.x.json'],
    ['x'.repeat(300), `policies/${'x'.repeat(100)}.json`],
  ])('%s is safe everywhere', (name, path) => {
    expect(new FileNames(ACCOUNT).add('policies', name, '.json')).toBe(path);
  });

  it('differ where case and punctuation do not count', () => {
    const names = new FileNames(ACCOUNT);
    const paths = ['a+b', 'a-b', 'A=B', 'a-b-2'].map((name) => names.add('p', name, '.json'));
    expect(paths).toEqual(['p/a-b.json', 'p/a-b-2.json', 'p/A-B-3.json', 'p/a-b-2-2.json']);
  });
});

it('the thumbprints of an OIDC provider are declared: a person may have chosen them', () => {
  const thumbprintList = ['b'.repeat(40), 'A'.repeat(40)];
  const provider = capturedOf('OpenIDConnectProvider', { url: 'https://issuer.example', thumbprintList });
  expect(declaredBy(write([provider]))).toMatchObject([{ spec: { thumbprintList: [...thumbprintList].sort() } }]);
});

describe('references of a captured manifest', () => {
  const trusting = (name: string, other: string) =>
    capturedOf('Role', {
      roleName: name,
      assumeRolePolicyDocument: documentOf({
        Effect: 'Allow',
        Principal: { AWS: `arn:aws:iam::${ACCOUNT}:role/${other}` },
        Action: 'sts:AssumeRole',
      }),
    });

  it('are written out where two roles trust each other, and kept where a role trusts itself', () => {
    const written = write([trusting('a', 'b'), trusting('b', 'a'), trusting('self', 'self')]);
    expect(declaredBy(written).map(({ name, dependsOn }) => [name, dependsOn])).toEqual([
      ['a', []],
      ['b', []],
      ['self', []],
    ]);
    expect(written.files[0]?.text).toContain('{{arn Role/self}}');
    expect(written.leftOut).toEqual([]);
  });
});

describe('equal documents', () => {
  it('are in one file, whatever uses them', () => {
    const role = (roleName: string, path: string) =>
      capturedOf('Role', { roleName, path, assumeRolePolicyDocument: EC2 });
    const written = write([role('a', '/'), role('b', '/x/'), role('c', '/')]);
    expect(written.files.map(({ path }) => path)).toEqual(['bootstrap.yaml', 'policies/trust-ec2.json']);
  });
});

describe('a part that no manifest can declare', () => {
  it('is left out with the reason, once for each entity', () => {
    const permissions = (resource: string) =>
      documentOf({ Effect: 'Allow', Action: 's3:GetObject', Resource: resource });
    const written = write([
      capturedOf('User', {
        userName: 'ann',
        tags: { "it's": 'x', ok: 'y' },
        inlinePolicies: { a: permissions('{{arn User/x}}'), b: permissions('*') },
      }),
      capturedOf('Policy', { policyName: 'bad', policyDocument: permissions('\uFDD0') }),
      { ...capturedOf('User', { userName: 'bob' }), kind: 'Robot' },
    ]);
    expect(written.captured.map(({ name }) => name)).toEqual(['ann']);
    expect(written.notDeclared.map(({ property }) => property).sort()).toEqual(['inlinePolicies.a', "tags.it's"]);
    expect(written.leftOut.map(({ name, leftOut }) => [name, leftOut])).toEqual([
      ['bob', 'this version knows no kind Robot'],
      ['bad', 'cannot be declared: policyDocument holds a key or a character that a manifest cannot have'],
    ]);
    expect(written.problems).toEqual([]);
  });
});

describe('entities that others share or protect', () => {
  it('are declared as such, without tags of ownership', () => {
    const written = write([
      capturedOf('OpenIDConnectProvider', {
        url: 'https://a.example.com',
        tags: { 'iam-bootstrap:shared-by:other': '-', team: 'x' },
      }),
      capturedOf('User', {
        userName: 'ann',
        tags: { 'iam-bootstrap:namespace': 'estate', 'iam-bootstrap:protected': 'true' },
      }),
    ]);
    expect(declaredBy(written)).toMatchObject([
      { shared: true, spec: { tags: { team: 'x' } } },
      { shared: false, protect: true, spec: { userName: 'ann' } },
    ]);
  });
});

describe('more than one manifest can hold', () => {
  it('is in several, which are read together', () => {
    const description = 'x'.repeat(900);
    const roles = Array.from({ length: 1_200 }, (_, index) =>
      capturedOf('Role', { roleName: `role-${String(index)}`, description, assumeRolePolicyDocument: EC2 }),
    );
    const written = write(roles);
    expect(written.manifests).toEqual(['bootstrap.yaml', 'bootstrap-2.yaml']);
    expect(written).toMatchObject({ problems: [], leftOut: [] });
    expect(declaredBy(written)).toHaveLength(1_200);
  });
});

describe('warnings', () => {
  const now = Date.parse('2024-06-01T00:00:00.000Z');
  const role = (fixed: object) => capturedOf('Role', { roleName: 'a', assumeRolePolicyDocument: EC2 }, fixed);

  it.each([
    ['a role that was used', role({ lastUsedAt: '2024-05-01T00:00:00.000Z' }), []],
    ['a new role without a use', role({ lastUsedAt: null, createdAt: '2024-05-01T00:00:00.000Z' }), []],
    ['a role whose use was not asked for', role({}), []],
    ['an old role without a use', role({ lastUsedAt: null, createdAt: '2020-01-01T00:00:00.000Z' }), ['unused']],
    ['a role that was used long ago', role({ lastUsedAt: '2023-01-01T00:00:00.000Z' }), ['unused']],
    [
      'a policy that allows everything',
      capturedOf('Policy', {
        policyName: 'all',
        policyDocument: documentOf({ Effect: 'Allow', Action: '*', Resource: '*' }),
      }),
      ['administrator'],
    ],
    [
      'an administrator policy as a boundary',
      role({ spec: { ...role({}).spec, permissionsBoundary: 'arn:aws:iam::aws:policy/AdministratorAccess' } }),
      [],
    ],
  ])('of %s', (_, entity, codes) => {
    expect(findWarnings([entity], [], now).map(({ code }) => code)).toEqual(codes);
  });

  it.each([
    ['2024-03-04T00:00:00.000Z', []],
    ['2024-03-01T00:00:00.000Z', ['is 92 days old; replace it, or let what uses it assume a role']],
  ])('of an access key made at %s', (createdAt, messages) => {
    const key = { kind: 'AccessKey', name: 'ann/AKIA', arn: null, leftOut: 'x', createdAt };
    expect(findWarnings([], [key], now).map(({ message }) => message)).toEqual(messages);
  });

  it.each([
    ['that was never used', null, ['unused: AWS shows no use of it, and it was created on 2020-01-01']],
    ['that was used long ago', '2023-05-01T00:00:00.000Z', ['unused: was last used on 2023-05-01']],
    [
      'that is in use',
      '2024-05-01T00:00:00.000Z',
      ['old-access-key: is 1613 days old; replace it, or let what uses it assume a role'],
    ],
  ])('of an old access key %s: one, since nobody replaces a key that nobody uses', (_, lastUsedAt, messages) => {
    const made = { createdAt: '2020-01-01T00:00:00.000Z', lastUsedAt };
    const key = { kind: 'AccessKey', name: 'ann/AKIA', arn: null, leftOut: 'x', ...made };
    expect(findWarnings([], [key], now).map(({ code, message }) => `${code}: ${message}`)).toEqual(messages);
  });

  it('of a password that nobody used for a year', () => {
    const profile = (lastUsedAt: string | null) =>
      capturedOf('LoginProfile', { userName: 'ann' }, { lastUsedAt, createdAt: '2020-01-01T00:00:00.000Z' });
    expect(findWarnings([profile('2023-01-01T00:00:00.000Z'), profile(null)], [], now)).toEqual([
      { code: 'unused', entity: 'LoginProfile/ann', message: 'was last used on 2023-01-01' },
      {
        code: 'unused',
        entity: 'LoginProfile/ann',
        message: 'AWS shows no use of it, and it was created on 2020-01-01',
      },
    ]);
  });
});

describe('files of a capture', () => {
  let folder: string;
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'capture-'))));
  afterEach(() => rm(folder, { recursive: true }));
  const files = [
    { path: 'bootstrap.yaml', text: 'new\n' },
    { path: 'policies/a.json', text: '{}\n' },
  ];

  it('are all written, or none where one exists, unless that is asked for', async () => {
    await writeFile(join(folder, 'bootstrap.yaml'), 'edited\n');
    await expect(saveCapture(files, folder)).rejects.toMatchObject({
      message: `${join(folder, 'bootstrap.yaml')} exists; nothing was written`,
      exitCode: 64,
    });
    expect(await readdir(folder)).toEqual(['bootstrap.yaml']);
    await saveCapture(files, folder, { force: true });
    expect(await readFile(join(folder, 'bootstrap.yaml'), 'utf8')).toBe('new\n');
    expect(await readdir(join(folder, 'policies'))).toEqual(['a.json']);
  });

  it('that this capture does not have are kept and returned, and nothing of a person is', async () => {
    await saveCapture([...files, { path: 'bootstrap-2.yaml', text: '' }], folder);
    for (const other of ['keys/ann.pub', 'policies/B.json', 'policies/notes.md', 'README.md', 'policies/sub/c.json']) {
      await mkdir(dirname(join(folder, other)), { recursive: true });
      await writeFile(join(folder, other), 'of others\n');
    }
    const before = (await readdir(folder, { recursive: true })).sort();
    expect(await saveCapture([{ path: 'bootstrap.yaml', text: 'newer\n' }], folder, { force: true })).toEqual([
      'bootstrap-2.yaml',
      'policies/B.json',
      'policies/a.json',
      'keys/ann.pub',
    ]);
    expect((await readdir(folder, { recursive: true })).sort()).toEqual(before);
    expect(await readFile(join(folder, 'policies/B.json'), 'utf8')).toBe('of others\n');
    // A file whose name differs in case may be the one that was written.
    expect(await saveCapture([{ path: 'policies/b.json', text: '' }], folder, { force: true })).not.toContain(
      'policies/B.json',
    );
  });

  it('need a folder that is one', async () => {
    await writeFile(join(folder, 'policies'), '');
    await expect(saveCapture(files, folder)).rejects.toMatchObject({ remedy: 'name another folder with --directory' });
  });
});

describe('options', () => {
  const target = { account: ACCOUNT, partition: 'aws' };

  it.each([
    [{ namespace: 'No' }, 'namespace "No" is not valid'],
    [{ kinds: ['Roel'] }, 'there is no kind Roel'],
    [{ environment: 'a b' }, 'environment a b is not a name'],
    [{ names: [''] }, 'a name is empty'],
    [{ names: ['x'.repeat(257)] }, `a name has more than 256 characters: ${'x'.repeat(40)}…`],
    [{ names: Array.from({ length: 101 }, () => 'a') }, '101 names are more than the 100 that a capture takes'],
    [{ path: 'ci' }, 'path "ci" does not begin and end with a slash'],
    [{ path: '/ci' }, 'path "/ci" does not begin and end with a slash'],
    [{ path: '' }, 'path "" does not begin and end with a slash'],
    [{ path: `/${'x'.repeat(511)}/` }, `a path has more than 512 characters: /${'x'.repeat(39)}…`],
    [{ tags: { '': 'x' } }, 'a tag has no key'],
    [{ tags: { ['k'.repeat(129)]: null } }, `tag ${'k'.repeat(40)} is longer than AWS allows`],
    [{ tags: { key: 'v'.repeat(257) } }, 'tag key is longer than AWS allows'],
    [
      { tags: Object.fromEntries(Array.from({ length: 51 }, (_, index) => [String(index), null])) },
      '51 tags are more than the 50 that an entity has',
    ],
  ])('%j are refused', (wrong, message) => {
    expect(() => {
      checkCaptureOptions({ target, namespace: 'estate', ...wrong });
    }).toThrow(message);
  });

  it('may have what a capture takes at most', () => {
    const most = {
      names: Array.from({ length: 100 }, () => 'x'.repeat(256)),
      path: `/${'x'.repeat(510)}/`,
      tags: { ['k'.repeat(128)]: 'v'.repeat(256), empty: '' },
    };
    for (const options of [most, { path: '/' }]) {
      expect(() => {
        checkCaptureOptions({ target, namespace: 'estate', ...options });
      }).not.toThrow();
    }
  });

  const GIVEN = {
    file: [],
    var: {},
    kind: [],
    name: [],
    tag: [],
    directory: 'iam',
    format: 'yaml',
    force: false,
    output: 'text',
    waitTimeout: 0,
    update: false,
    removed: false,
    everyEnvironment: false,
    check: false,
  } as const;

  it('may name a folder that cannot be one, which no account is read for', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'iam-bootstrap-capture-'));
    await writeFile(join(folder, 'file'), '');
    const named = { ...GIVEN, namespace: 'n', account: ACCOUNT };
    await expect(capture({ ...named, directory: join(folder, 'file') })).rejects.toThrow(
      /file cannot be written: a file stands where/,
    );
    await expect(capture({ ...named, directory: join(folder, 'file/x') })).rejects.toThrow(
      'x cannot be written: a file stands where',
    );
    await assertWritable(join(folder, 'a/b'));
    expect(await readdir(folder)).toEqual(['file']);
    await rm(folder, { recursive: true });
  });

  it.each([
    [{ check: true }, '--removed, --check and --every-environment go with --update'],
    [{ namespace: 'n' }, 'no account is named'],
    [{ account: ACCOUNT }, 'no namespace is named'],
    [{ namespace: 'n', assumeRole: 'deploy' }, '--assume-role deploy is not the ARN of a role'],
    [
      { namespace: 'n', account: ACCOUNT, assumeRole: 'arn:aws:iam::222222222222:role/r' },
      '--assume-role arn:aws:iam::222222222222:role/r is not in the account that is named',
    ],
    [{ namespace: 'n', account: ACCOUNT, tag: ['a=1', 'a=2'] }, '--tag a is given twice'],
    [{ file: ['m.yaml'], account: ACCOUNT }, '--account, --assume-role and --partition go without a manifest'],
  ])('of the command %j are refused', async (options, message) => {
    await expect(capture({ ...GIVEN, ...options })).rejects.toThrow(message);
  });
});
