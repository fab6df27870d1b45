import { join } from 'node:path';
import { allowing, manifestOf, role } from '../support/manifests-of.js';
import { useWorld, world } from '../support/use-world.js';
import { ACCOUNT, type CommandResult } from '../support/world.js';

/**
 * The commands of a first hour, with a worker. `scripts/node-versions.sh` runs this file on each supported version of
 * Node.js.
 */

useWorld();

/** Runs a command that must end with a code and print no warning of Node.js. */
async function end(code: number, ...args: string[]): Promise<CommandResult> {
  const result = await world.cli(args);
  expect([args[0], result.code, result.stderr]).toEqual([args[0], code, expect.not.stringMatching(/Warning\b/)]);
  return result;
}

test(`the commands from validate to destroy work on Node.js ${process.version}, without a warning of its own`, async () => {
  const policy = { kind: 'Policy', policyName: 'smoke', policyDocument: allowing('s3:GetObject') };
  const content = manifestOf({ namespace: 'smoke', account: ACCOUNT, entities: [role('smoke'), policy] });
  const manifest = ['-f', await world.manifest('smoke.json', content)];
  const namespace = ['--account', ACCOUNT, '--namespace', 'smoke'];

  await end(0, 'validate', ...manifest);
  await end(2, 'plan', ...manifest, '--detailed-exitcode');
  expect((await end(0, 'apply', ...manifest, '-o', 'json')).report().summary).toMatchObject({ created: 2 });
  expect((await end(0, 'apply', ...manifest, '-o', 'json')).report().summary).toMatchObject({ unchanged: 2 });
  await end(0, 'drift', ...namespace);
  expect((await end(0, 'status', ...namespace)).stdout).toContain('smoke');
  expect((await end(0, 'explain', 'Role/smoke', '--account', ACCOUNT)).stdout).toContain('Role/smoke');
  await end(0, 'capture', ...namespace, '--directory', join(world.directory, 'captured'));
  await end(0, 'doctor');
  await end(0, 'destroy', ...manifest, '--yes');
  expect(await world.creates()).toEqual({ 'CreatePolicy smoke': 1, 'CreateRole smoke': 1 });
});
