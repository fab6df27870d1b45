import { existsSync } from 'node:fs';
import { lstat, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CaptureUpdateReport } from '../../src/contract/capture-update.js';
import { iam, useWorld, world } from '../support/use-world.js';
import { ACCOUNT } from '../support/world.js';

jest.setTimeout(300_000);
useWorld();

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'capture-update-files-'));
  await mkdir(join(folder, 'iam'));
});
afterEach(() => rm(folder, { recursive: true }));

const MANIFEST = `version: 1
namespace: files
environments: { dev: { account: "${ACCOUNT}" } }
entities:
  - { kind: User, userName: lin, tags: { team: a } } # stays
  - { kind: Policy, policyName: files, policyDocument: { $file: files.json } }
`;

const PolicyArn = `arn:aws:iam::${ACCOUNT}:policy/files`;
const document = (action: string) =>
  JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: action, Resource: '*' }] });

const inFolder = (...path: string[]): string => join(folder, ...path);
const read = (...path: string[]): Promise<string> => readFile(inFolder(...path), 'utf8');

const update = (...options: string[]) =>
  world.cli(['capture', '--update', '-f', inFolder('iam', 'm.yaml'), ...options]);

async function reported(...options: string[]): Promise<CaptureUpdateReport & { readonly code: number | null }> {
  const { code, stdout } = await update('--output', 'json', ...options);
  return { code, ...(JSON.parse(stdout) as CaptureUpdateReport) };
}

/** Creates what the manifest declares, and lets a tag and a policy drift. */
async function drifted(manifest: string, file = inFolder('iam', 'files.json')): Promise<void> {
  await writeFile(manifest, MANIFEST);
  await writeFile(file, document('s3:GetObject'));
  await iam.createUser({ UserName: 'lin', Tags: [{ Key: 'team', Value: 'b' }] });
  await iam.createPolicy({ PolicyName: 'files', PolicyDocument: document('s3:*') });
}

/** Does something between the reading of the files and their writing: when the account is read. */
function whileReading(act: () => Promise<unknown>): void {
  world.proxy.on({ action: 'GetAccountAuthorizationDetails' }, { kind: 'hook', times: 1, before: act });
}

test('a manifest that is a link stays one, and the file that it leads to is updated', async () => {
  await drifted(inFolder('iam', 'real.yaml'));
  await symlink('real.yaml', inFolder('iam', 'm.yaml'));
  expect(await reported()).toMatchObject({ code: 0, result: 'updated', patches: [] });
  expect((await lstat(inFolder('iam', 'm.yaml'))).isSymbolicLink()).toBe(true);
  expect(await read('iam', 'real.yaml')).toBe(MANIFEST.replace('team: a', 'team: b'));
  expect(await read('iam', 'files.json')).toBe(document('s3:*'));
  expect(await reported('--check')).toMatchObject({ code: 0, result: 'unchanged' });
});

test('a manifest that is a link to another folder is not written, nor are its files, and the error names the remedy', async () => {
  await mkdir(inFolder('elsewhere'));
  await drifted(inFolder('elsewhere', 'real.yaml'));
  await symlink('../elsewhere/real.yaml', inFolder('iam', 'm.yaml'));
  const { code, stdout, stderr } = await update();
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr.replaceAll(folder, '')).toContain(
    '/iam/m.yaml links to a file outside its folder: no file was written',
  );
  expect(stderr).toContain('pass the path of that file instead of the link');
  expect(await read('elsewhere', 'real.yaml')).toBe(MANIFEST);
  expect(await read('iam', 'files.json')).toBe(document('s3:GetObject'));
});

describe('a policy file that is a link out of the folder of its manifest', () => {
  test('is refused with its place before anything is read from AWS', async () => {
    await drifted(inFolder('iam', 'm.yaml'), inFolder('secret.json'));
    await symlink('../secret.json', inFolder('iam', 'files.json'));
    const { code, stderr } = await update();
    expect(code).toBe(64);
    expect(stderr.replaceAll(folder, '')).toContain('/iam/m.yaml:6:');
    expect(stderr).toContain("it is a link that leaves the manifest's folder");
    expect(world.proxy.calls.filter(({ action }) => action === 'GetAccountAuthorizationDetails')).toEqual([]);
    expect(await read('secret.json')).toBe(document('s3:GetObject'));
  });

  test.each([
    ['it becomes one', 'iam/policies/files.json'],
    ['its folder becomes one', 'iam/policies'],
  ])('is refused, and nothing is written, where %s while the account is read', async (_, moved) => {
    const text = MANIFEST.replace('files.json', 'policies/files.json');
    await mkdir(inFolder('iam', 'policies'));
    await drifted(inFolder('iam', 'm.yaml'), inFolder('iam', 'policies', 'files.json'));
    await writeFile(inFolder('iam', 'm.yaml'), text);
    whileReading(async () => {
      await rename(inFolder(moved), inFolder('outside'));
      await symlink(inFolder('outside'), inFolder(moved));
    });
    const { code, stderr } = await update();
    expect(code).toBe(64);
    expect(stderr.replaceAll(folder, '')).toContain('/iam/m.yaml:6:');
    expect(stderr).toContain("it is a link that leaves the manifest's folder");
    expect(await read('iam', 'm.yaml')).toBe(text);
    expect(await read('iam', 'policies', 'files.json')).toBe(document('s3:GetObject'));
  });
});

test('a manifest that vanishes while the account is read stays away, and the error tells what to do', async () => {
  await drifted(inFolder('iam', 'm.yaml'));
  whileReading(() => rm(inFolder('iam', 'm.yaml')));
  const { code, stderr } = await update('--output', 'json');
  expect(code).toBe(1);
  expect(stderr.replaceAll(folder, '')).toContain(
    '/iam/m.yaml cannot be read any more, there is no such file: no file was written',
  );
  expect(stderr).toContain('restore it, then run the command again');
  expect(existsSync(inFolder('iam', 'm.yaml'))).toBe(false);
  expect(await read('iam', 'files.json')).toBe(document('s3:GetObject'));
});

describe('--removed', () => {
  test('keeps what is gone declared in a namespace without a ledger', async () => {
    await drifted(inFolder('iam', 'm.yaml'));
    await iam.deletePolicy({ PolicyArn });
    expect(await reported('--removed')).toMatchObject({
      code: 2,
      gone: [{ name: 'files', isDeclaredAbsent: false, wasApplied: false }],
    });
    expect(await read('iam', 'm.yaml')).toBe(MANIFEST.replace('team: a', 'team: b'));
    const { stdout } = await update('--removed');
    expect(stdout).toContain('Policy/files: no apply is known to have made it, so --removed leaves it');
  });

  test('keeps an entity declared whose create failed, until an apply has made it', async () => {
    await writeFile(inFolder('iam', 'm.yaml'), MANIFEST);
    await writeFile(inFolder('iam', 'files.json'), document('s3:GetObject'));
    const denied = world.proxy.on(
      { action: 'CreatePolicy' },
      { kind: 'error', status: 403, code: 'AccessDenied', message: 'no' },
    );
    const apply = ['apply', '-f', inFolder('iam', 'm.yaml')];
    expect(await world.cli(apply)).toMatchObject({ code: 1 });
    const gone = { name: 'files', isDeclaredAbsent: false, wasApplied: false };
    expect(await reported('--removed')).toMatchObject({ code: 2, files: [], gone: [gone] });

    denied.remove();
    expect(await world.cli(apply)).toMatchObject({ code: 0 });
    await iam.deletePolicy({ PolicyArn });
    expect(await reported('--removed')).toMatchObject({
      code: 0,
      gone: [{ ...gone, isDeclaredAbsent: true, wasApplied: true }],
    });
    expect(await read('iam', 'm.yaml')).toBe(
      MANIFEST.replace('policyDocument: { $file: files.json }', 'state: absent'),
    );
  });
});
