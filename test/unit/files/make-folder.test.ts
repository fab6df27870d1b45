import { mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecretStore } from '../../../src/aws/secret-store.js';
import { saveCapture } from '../../../src/client/capture/save-capture.js';
import { init } from '../../../src/client/init.js';
import { withLock } from '../../../src/embedded/lock.js';
import { openStateFolder } from '../../../src/embedded/state-folder.js';
import { startTemporalServer } from '../../../src/embedded/temporal-server.js';
import { makeFolder } from '../../../src/files/make-folder.js';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'iam-bootstrap-'));
});

afterEach(() => rm(folder, { recursive: true }));

test('makes a folder and those that it lies in, also several times at once', async () => {
  const path = join(folder, 'a/b/c');
  await Promise.all([makeFolder(path), makeFolder(path), makeFolder(join(folder, 'a/d'))]);
  expect((await stat(path)).isDirectory()).toBe(true);
  await makeFolder(path);
});

test('each folder that it makes has the permissions that are asked for', async () => {
  await makeFolder(join(folder, 'a/b'), { mode: 0o700 });
  expect((await stat(join(folder, 'a'))).mode & 0o777).toBe(0o700);
  expect((await stat(join(folder, 'a/b'))).mode & 0o777).toBe(0o700);
});

test('a file in its way is an error', async () => {
  await writeFile(join(folder, 'file'), '');
  await expect(makeFolder(join(folder, 'file'))).rejects.toMatchObject({ code: 'EEXIST' });
  await expect(makeFolder(join(folder, 'file/a'))).rejects.toMatchObject({ code: 'ENOTDIR' });
});

test('a link to nothing is an error where a folder would have to lie behind it', async () => {
  await symlink(join(folder, 'nothing'), join(folder, 'link'));
  await expect(makeFolder(join(folder, 'link/a'))).rejects.toMatchObject({ code: 'EEXIST' });
});

const onLinux = process.platform === 'linux' ? test : test.skip;
onLinux('a file system that takes no folders is an error at once', async () => {
  await expect(makeFolder('/proc/absent/a')).rejects.toMatchObject({ code: 'ENOENT' });
});

const never = (): Promise<never> => Promise.reject(new Error('not to be reached'));
const server = { cli: '/absent', searchAttributes: [], environment: {} };
const accounts = { dev: '111111111111', prod: '222222222222' };

/** What makes a folder where a person asks for it, and its error for one below /proc. */
const CALLERS: Readonly<Record<string, readonly [call: () => Promise<unknown>, message: string]>> = {
  capture: [
    () => saveCapture([{ path: 'iam.yaml', text: '' }], '/proc/x'),
    '/proc/x/iam.yaml cannot be written: its folder does not exist and cannot be made (ENOENT)',
  ],
  init: [
    () => init({ directory: folder, ci: 'github', ciFile: '/proc/x/ci.yaml', namespace: 'a', accounts }),
    '/proc/x/ci.yaml cannot be written: its folder does not exist and cannot be made (ENOENT)',
  ],
  'a secret': [
    () => createSecretStore({ client: never, folder: '/proc/x' }).readText({ file: 'a' }),
    "cannot be used (ENOENT); check the worker's secrets folder",
  ],
  'a lock': [() => withLock('/proc/x/lock', never, { purpose: 'testing' }), 'ENOENT'],
  'the state folder': [() => openStateFolder('/proc/x'), 'state folder /proc/x: '],
  'the log of a server': [() => startTemporalServer({ ...server, logFile: '/proc/x/log' }), 'ENOENT'],
};

onLinux.each(Object.entries(CALLERS))(
  '%s ends with an error where no folder can be made',
  async (_name, [call, message]) => {
    await expect(call()).rejects.toThrow(message);
  },
);
