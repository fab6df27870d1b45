import { mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeFolder } from '../../../src/client/make-folder.js';

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

test('a file in its way is an error', async () => {
  await writeFile(join(folder, 'file'), '');
  await expect(makeFolder(join(folder, 'file/a'))).rejects.toMatchObject({ code: 'ENOTDIR' });
});

test('a link to nothing is an error where a folder would have to lie behind it', async () => {
  await symlink(join(folder, 'nothing'), join(folder, 'link'));
  await expect(makeFolder(join(folder, 'link/a'))).rejects.toMatchObject({ code: 'ENOENT' });
});

const onLinux = process.platform === 'linux' ? test : test.skip;
onLinux('a file system that takes no folders is an error at once', async () => {
  await expect(makeFolder('/proc/absent/a')).rejects.toMatchObject({ code: 'ENOENT' });
});
