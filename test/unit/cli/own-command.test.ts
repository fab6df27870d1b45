import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ownCommand, packageFile } from '../../../src/cli/own-command.js';

const ROOT = resolve(__dirname, '../../..');

let folder: string;

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'iam-bootstrap-own-')));
});

afterEach(async () => {
  jest.restoreAllMocks();
  await rm(folder, { recursive: true });
});

function standIn(path: string): void {
  jest.spyOn(process, 'cwd').mockReturnValue(path);
}

async function install(): Promise<void> {
  await mkdir(join(folder, 'node_modules/.bin'), { recursive: true });
  await mkdir(join(folder, 'node_modules/@iam-bootstrap'));
  await symlink(ROOT, join(folder, 'node_modules/@iam-bootstrap/iam-bootstrap'));
  await writeFile(join(folder, 'node_modules/.bin/iam-bootstrap'), '');
}

test('in the clone, npx finds the program, and files are those of the clone', () => {
  standIn(ROOT);
  expect([ownCommand(), packageFile('examples/first.yaml')]).toEqual([
    'npx --no-install iam-bootstrap',
    'examples/first.yaml',
  ]);
});

test('where the package is installed, and in folders below, npx finds it', async () => {
  await install();
  await mkdir(join(folder, 'iam'));
  for (const path of [folder, join(folder, 'iam')]) {
    standIn(path);
    expect(ownCommand()).toBe('npx --no-install iam-bootstrap');
  }
});

test('elsewhere, node runs it by its path', () => {
  standIn(folder);
  expect(ownCommand()).toBe(`node ${join(ROOT, 'dist/cli/main.js')}`);
  expect(packageFile('examples/first.yaml')).toBe(join(ROOT, 'examples/first.yaml'));
});
