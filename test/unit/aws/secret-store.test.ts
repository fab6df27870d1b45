import { generateKeyPairSync } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecretStore, readSecretMembers } from '../../../src/aws/secret-store.js';
import type { SecretStore } from '../../../src/aws/secret-store.js';
import { secretField } from '../../../src/kinds/shared/schema-fields.js';

/** Files are tried here; AWS Secrets Manager is tried against the sandbox. */

const RECORD = { AccessKeyId: 'AKIAEXAMPLE', SecretAccessKey: 'wJalr/secret' };

let root: string;
let folder: string;
let store: SecretStore;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'iam-bootstrap-secrets-'));
  folder = join(root, 'secrets');
  store = createSecretStore({ client: () => Promise.reject(new Error('no call to AWS is meant')), folder });
});

afterEach(async () => {
  await rm(root, { recursive: true });
});

const mode = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8);

describe('a secret in a file', () => {
  test('is read as it was stored, and is for its owner only, like the folders on the way', async () => {
    await store.writeRecord({ file: 'team/robot.json' }, RECORD);
    expect(await store.readRecord({ file: 'team/robot.json' })).toEqual(RECORD);
    expect(await mode(join(folder, 'team/robot.json'))).toBe('600');
    expect([await mode(folder), await mode(join(folder, 'team'))]).toEqual(['700', '700']);
  });

  test('that was readable to others is not any more once it is written again', async () => {
    await mkdir(folder);
    await writeFile(join(folder, 'robot.json'), '{}', { mode: 0o644 });
    await store.writeRecord({ file: 'robot.json' }, RECORD);
    expect(await mode(join(folder, 'robot.json'))).toBe('600');
    expect(await readdir(folder)).toEqual(['robot.json']);
  });

  test('leaves nothing behind of a write that was killed, once it is written again', async () => {
    await mkdir(folder);
    await writeFile(join(folder, '.robot.json.0123456789ab.tmp'), '{"SecretAccessKey":"half');
    await writeFile(join(folder, '.another.json.0123456789ab.tmp'), '');
    await store.writeRecord({ file: 'robot.json' }, RECORD);
    expect((await readdir(folder)).sort()).toEqual(['.another.json.0123456789ab.tmp', 'robot.json']);
  });

  test('in folders that do not exist yet is read by several activities at once', async () => {
    const files = [...Array(300).keys()].map((index) => `team-${String(index)}/a/b/robot.json`);
    const reads = files.flatMap((file) => [store.readText({ file }), store.readText({ file })]);
    expect(new Set(await Promise.all(reads))).toEqual(new Set([undefined]));
  });

  test('that was never stored is none', async () => {
    expect(await store.readRecord({ file: 'robot.json' })).toBeUndefined();
    expect(await store.readText({ file: 'robot.json' })).toBeUndefined();
  });

  test.each(['../robot.json', '/etc/robot.json', 'team/../../robot.json', '.', ''])(
    'is not looked for outside of the folder: %j',
    async (file) => {
      await expect(store.readText({ file })).rejects.toThrow(/outside the secrets folder/);
      await expect(store.writeRecord({ file }, RECORD)).rejects.toThrow(/outside the secrets folder/);
      expect(await readdir(root)).toEqual(['secrets']);
      expect(await readdir(folder)).toEqual([]);
    },
  );

  test('is not followed through a link, neither as a file nor as a folder', async () => {
    await mkdir(folder);
    await writeFile(join(root, 'other'), 'not ours');
    await symlink(join(root, 'other'), join(folder, 'link'));
    await mkdir(join(root, 'elsewhere'));
    await symlink(join(root, 'elsewhere'), join(folder, 'team'));
    await expect(store.readText({ file: 'link' })).rejects.toThrow(/not a regular file/);
    await expect(store.writeRecord({ file: 'team/robot.json' }, RECORD)).rejects.toThrow(
      /leads through a symbolic link/,
    );
    expect(await readdir(join(root, 'elsewhere'))).toEqual([]);
    // Written in its place, not through it.
    await store.writeRecord({ file: 'link' }, RECORD).catch(() => undefined);
    expect(await readFile(join(root, 'other'), 'utf8')).toBe('not ours');
  });

  test('is refused where the worker has no folder for it, with what to set', async () => {
    const none = createSecretStore({ client: () => Promise.reject(new Error('not called')), folder: undefined });
    await expect(none.readText({ file: 'robot.json' })).rejects.toThrow(/IAM_BOOTSTRAP_SECRETS/);
  });

  test.each(['not JSON', '[]', '"text"', 'null', '{"a":1}', '{"a":{"b":"c"}}'])(
    'is not taken for a record of ours where it holds %s, and its content is not told',
    async (text) => {
      await mkdir(folder);
      await writeFile(join(folder, 'robot.json'), text);
      const error = await store.readRecord({ file: 'robot.json' }).catch((thrown: unknown) => thrown as Error);
      expect(error).toMatchObject({ name: 'SecretLocationError' });
      expect((error as Error).message).toMatch(/^secret file robot\.json has content that iam-bootstrap did not store/);
      if (text.length > 4) expect((error as Error).message).not.toContain(text);
    },
  );
});

describe('an input member that is secret', () => {
  test('comes whole from a text, or from a field of a record', async () => {
    await store.writeRecord({ file: 'robot.json' }, RECORD);
    await writeFile(join(folder, 'key.pem'), 'PRIVATE');
    const members = await readSecretMembers(store, {
      PrivateKey: { location: { file: 'key.pem' } },
      Password: { location: { file: 'robot.json' }, field: 'SecretAccessKey' },
    });
    expect(members).toEqual({ PrivateKey: 'PRIVATE', Password: RECORD.SecretAccessKey });
  });

  test('that is not there is told by its place and its name', async () => {
    const missing = readSecretMembers(store, { PrivateKey: { location: { file: 'key.pem' } } });
    await expect(missing).rejects.toThrow(/^secret file key\.pem is empty; store the value for PrivateKey there$/);
  });
});

describe('a private key', () => {
  const location = { file: 'key.pem' };

  async function read(text: string): Promise<Record<string, string>> {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'key.pem'), text);
    return readSecretMembers(store, { PrivateKey: { location, form: 'private key' } });
  }

  const ec = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey;
  const pkcs8 = ec.export({ type: 'pkcs8', format: 'pem' }) as string;
  const sec1 = ec.export({ type: 'sec1', format: 'pem' }) as string;
  const parameters = '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n';

  test.each([
    ['PKCS #8', pkcs8],
    ['SEC 1', sec1],
    ['SEC 1, after the parameters of its curve', `${parameters}${sec1}`],
    ['PKCS #8, with Windows line ends', `\r\n${pkcs8.replaceAll('\n', '\r\n')}`],
  ])('in %s is read as it is', async (_form, text) => {
    await expect(read(text)).resolves.toEqual({ PrivateKey: text });
  });

  test.each([
    ['the record of another entity', JSON.stringify(RECORD)],
    ['a configuration', 'password = hunter2-hunter2\n'],
    ['a key among other text', `# of shop\n${pkcs8}password = hunter2-hunter2\n`],
    ['two keys', `${pkcs8}${sec1}`],
    ['a certificate', '-----BEGIN CERTIFICATE-----\nTUlJQg==\n-----END CERTIFICATE-----\n'],
    ['another text in the clothes of a key', '-----BEGIN PRIVATE KEY-----\naHVudGVyMg==\n-----END PRIVATE KEY-----\n'],
    ['half a key', pkcs8.slice(0, 100)],
  ])('is not read from %s, and the error shows the location only', async (_what, text) => {
    const error = (await read(text).catch((caught: unknown) => caught)) as Error;
    expect(error).toMatchObject({ name: 'SecretLocationError' });
    expect(error.message).toBe(
      'secret file key.pem does not hold one private key in PEM and nothing else; nothing of it was sent: store the value for PrivateKey there, or declare its location',
    );
  });

  test('with a password is told apart', async () => {
    const text = ec.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }) as string;
    await expect(read(text)).rejects.toThrow(/^secret file key\.pem has a private key with a password/);
  });
});

describe('the place of a secret in a manifest', () => {
  test.each([
    { secretsManager: 'ci/robot' },
    { secretsManager: 'arn:aws:secretsmanager:eu-west-1:111111111111:secret:ci/robot-AbCdEf' },
    { file: 'robot.json' },
    { file: 'team/robot.v2.json' },
  ])('may be %j', (place) => {
    expect(secretField.safeParse(place).success).toBe(true);
  });

  test.each([
    'ci/robot',
    {},
    { secretsManager: '' },
    { secretsManager: 'a b' },
    { secretsManager: 'x'.repeat(513) },
    { file: '/etc/passwd' },
    { file: '../robot' },
    { file: 'a/../b' },
    { file: 'a/./b' },
    { file: '' },
    { file: 'a', secretsManager: 'a' },
    { vault: 'a' },
  ])('may not be %j', (place) => {
    expect(secretField.safeParse(place).success).toBe(false);
  });
});
