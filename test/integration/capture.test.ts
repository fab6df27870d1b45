import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { captureAccount, captureExitCode } from '../../src/client/capture/capture-account.js';
import { captureSchema } from '../../src/report/capture-schema.js';
import type { Report } from '../../src/contract/report.js';
import { inShell, makeCheckout } from '../support/checkout.js';
import { makeAccountByHand } from '../support/hand-made-account.js';
import { decisionsOf, writesIn } from '../support/runs.js';
import { createRole, iam, temporal, useWorld, world } from '../support/use-world.js';
import { ACCOUNT } from '../support/world.js';

/** An account that was made by hand becomes a manifest, is adopted by it, and becomes the same manifest again. */

jest.setTimeout(300_000);
useWorld();

const CAPTURE = ['capture', '--account', ACCOUNT, '--namespace', 'platform', '--environment', 'dev'];

/** Returns the text of every file below a folder, by path. */
async function filesIn(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(
    await Promise.all(files.sort().map(async (file) => [file.slice(folder.length + 1), await readFile(file, 'utf8')])),
  ) as Record<string, string>;
}

test('a captured account is adopted without a change, and is captured as the same manifest again', async () => {
  await makeAccountByHand(iam, ACCOUNT);
  const directory = join(world.directory, 'iam');
  const manifest = join(directory, 'bootstrap.yaml');
  const captured = await world.cli([...CAPTURE, '--directory', directory]);
  expect(captured).toMatchObject({ code: 0 });
  expect(captured.stdout).toContain('! Role/batch: has arn:aws:iam::aws:policy/AdministratorAccess');
  expect(captured.stdout).toContain('1 belongs to Terraform (tag ManagedBy=terraform): Role/network');
  expect(captured.stdout).toContain('Captured 12 entities of account 111111111111: ');
  expect(writesIn(world)).toEqual([]);
  const written = await filesIn(directory);
  expect(Object.keys(written)).toEqual(['bootstrap.yaml', 'policies/boundary.json', 'policies/read-assets.json']);

  const planned = (await world.cli(['plan', '-f', manifest, '--output', 'json'])).report();
  expect(new Set(Object.values(decisionsOf(planned)))).toEqual(new Set(['adopt', 'no-op']));
  expect(planned.entities.flatMap(({ drift }) => drift)).toEqual([]);
  const unmanaged = planned.entities.flatMap((entity) => entity.unmanaged);
  expect(unmanaged.map((line) => line.replace(/AKIA\w+/, 'AKIA…'))).toEqual([
    'accessKeys: AKIA…',
    'passwordResetRequired: true',
  ]);
  expect(writesIn(world)).toEqual([]);

  const applied = (await world.cli(['apply', '-f', manifest, '--output', 'json'])).report();
  expect(applied.result).toBe('converged');
  expect(writesIn(world).filter((operation) => !operation.startsWith('Tag'))).toEqual([]);
  const again = await world.cli(['plan', '-f', manifest]);
  expect(again.stdout).toContain('No changes. 12 entities match the manifest.');

  const ours = await world.cli([...CAPTURE, '--owner', 'ours', '--directory', directory, '--force']);
  expect(ours).toMatchObject({ code: 0 });
  expect(await filesIn(directory)).toEqual(written);
});

test('the page about accounts made by hand has commands that work in their order', async () => {
  await makeAccountByHand(iam, ACCOUNT);
  const page = await readFile(join(__dirname, '../../docs/capture.md'), 'utf8');
  const blocks = [...page.matchAll(/^ *```sh\n([^]*?)^ *```$/gm)].map(([, block = '']) => block.replace(/^ +/gm, ''));
  expect(blocks).toHaveLength(6);
  const checkout = await makeCheckout(world, 'page');
  const { code, output } = await inShell(world, checkout, blocks.join(''));
  expect({ code, output }).toEqual({ code: 0, output });
  expect(output).toContain('Left out: 2 entities');
  expect(output).toContain('No changes. The manifest has what the account has.');
  expect(output).toContain('No changes. 12 entities match the manifest.');
});

test('a captured program plans the same as the manifest, for what the options choose', async () => {
  await makeAccountByHand(iam, ACCOUNT);
  const chosen = ['--kind', 'Role', '--kind', 'Policy', '--tag', 'team=platform', '--path', '/ci/'];
  const plans: Report[] = [];
  for (const format of ['yaml', 'ts']) {
    const directory = join(world.directory, `ci-${format}`);
    const captured = await world.cli([
      ...CAPTURE,
      ...chosen,
      '--format',
      format,
      '--directory',
      directory,
      '-o',
      'json',
    ]);
    const report = captureSchema.parse(JSON.parse(captured.stdout));
    expect(report).toMatchObject({
      result: 'captured',
      captured: { Policy: 1, Role: 1 },
      manifests: [`bootstrap.${format}`],
      directory,
    });
    const manifest = join(directory, `bootstrap.${format}`);
    plans.push((await world.cli(['plan', '-f', manifest, '--output', 'json'])).report());
  }
  const [first, second] = plans;
  expect(first === undefined ? {} : decisionsOf(first)).toEqual({
    'Policy/read-assets': 'adopt',
    'Role/deploy': 'adopt',
  });
  expect(second?.entities.map(({ kind, name, decision }) => [kind, name, decision])).toEqual(
    first?.entities.map(({ kind, name, decision }) => [kind, name, decision]),
  );
});

test('a manifest that exists is named before AWS is asked, and stays', async () => {
  const directory = join(world.directory, 'edited');
  await mkdir(directory);
  await writeFile(join(directory, 'bootstrap.yaml'), 'edited\n');
  const refused = await world.cli([...CAPTURE, '--directory', directory]);
  expect(refused).toMatchObject({ code: 64 });
  expect(refused.stderr).toContain(`${join(directory, 'bootstrap.yaml')} exists; nothing was written`);
  expect(world.proxy.calls).toEqual([]);
  expect(await filesIn(directory)).toEqual({ 'bootstrap.yaml': 'edited\n' });
});

test('what AWS does not let the worker read is named, and the rest is captured', async () => {
  await createRole('app');
  await iam.createGroup({ GroupName: 'people' });
  const denied = { kind: 'error', status: 403, code: 'AccessDenied', message: 'not authorized' } as const;
  world.proxy.on({ action: 'ListVirtualMFADevices' }, denied);
  const { report, files } = await captureAccount(temporal, {
    target: { account: ACCOUNT, partition: 'aws' },
    namespace: 'platform',
  });
  expect(report).toMatchObject({ result: 'incomplete', captured: { Group: 1, Role: 1 } });
  expect(report.unread).toEqual([
    {
      kind: 'VirtualMFADevice',
      name: null,
      message: expect.stringContaining('AccessDenied') as string,
      remedy: "allow iam:ListVirtualMFADevices to the worker's role",
    },
  ]);
  expect(captureExitCode(report)).toBe(1);
  expect(files.map(({ path }) => path)).toEqual(['bootstrap.yaml']);
});
