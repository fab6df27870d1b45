import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { captureSchema } from '../../src/report/capture-schema.js';
import { entityId } from '../../src/contract/entity.js';
import { sandboxVariables } from '../../src/embedded/sandbox.js';
import { resolveSources } from '../support/manifests.js';
import { createRole, iam, useWorld, world } from '../support/use-world.js';
import { allowing, trusting } from '../support/manifests-of.js';
import { ACCOUNT } from '../support/world.js';

/** The options of `capture` that choose a part of an account, and a capture without a Temporal server. */

jest.setTimeout(300_000);
useWorld({ reset: 'calls' });

const CAPTURE = ['capture', '--account', ACCOUNT, '--namespace', 'platform', '--environment', 'dev'];

beforeAll(async () => {
  await world.sandbox.reset();
  await createRole('app', { team: 'platform', cost: '' });
  await createRole('batch', { team: 'data' });
  await createRole('ours', { 'iam-bootstrap:namespace': 'platform', team: 'platform' });
  await createRole('theirs', { 'iam-bootstrap:namespace': 'other' });
  await iam.createRole({
    RoleName: 'App-deploy',
    Path: '/ci/',
    AssumeRolePolicyDocument: JSON.stringify(trusting()),
  });
  await iam.createUser({ UserName: 'app', Path: '/cicd/' });
  await iam.createPolicy({
    PolicyName: 'deploy',
    Path: '/ci/',
    PolicyDocument: JSON.stringify(allowing('s3:GetObject')),
  });
});

let folders = 0;

/** Captures with options, and returns the entities that the manifest declares. */
async function declaredWith(...options: readonly string[]): Promise<readonly string[]> {
  folders += 1;
  const directory = join(world.directory, `options-${String(folders)}`);
  const { code, stdout, stderr } = await world.cli([...CAPTURE, ...options, '--directory', directory, '-o', 'json']);
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  const { manifests, files } = captureSchema.parse(JSON.parse(stdout));
  const texts: Record<string, string> = {};
  for (const path of files) texts[path] = await readFile(join(directory, path), 'utf8');
  if (manifests.length === 0) return [];
  const sources = manifests.map((file) => ({ file, text: texts[file] ?? '' }));
  const result = resolveSources(sources, {}, texts);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.request.entities.map(entityId).sort();
}

test.each([
  ['a kind', ['--kind', 'User'], ['User/app']],
  ['two kinds', ['--kind', 'User', '--kind', 'Policy'], ['Policy/deploy', 'User/app']],
  ['a name, in any case and of any kind', ['--name', 'APP'], ['Role/app', 'User/app']],
  ['a pattern of names', ['--name', 'app*'], ['Role/App-deploy', 'Role/app', 'User/app']],
  ['a pattern and a name', ['--name', '*-deploy', '--name', 'batch'], ['Role/App-deploy', 'Role/batch']],
  ['a path, and no other that begins like it', ['--path', '/ci/'], ['Policy/deploy', 'Role/App-deploy']],
  ['a tag', ['--tag', 'team'], ['Role/app', 'Role/batch', 'Role/ours']],
  ['the value of a tag', ['--tag', 'team=platform'], ['Role/app', 'Role/ours']],
  ['a tag with an empty value', ['--tag', 'cost='], ['Role/app']],
  ['two tags, where it has both', ['--tag', 'team=platform', '--tag', 'cost'], ['Role/app']],
  ['what is ours', ['--owner', 'ours'], ['Role/ours']],
  ['what nobody owns', ['--owner', 'unowned', '--kind', 'Role'], ['Role/App-deploy', 'Role/app', 'Role/batch']],
  [
    'all of them together',
    ['--kind', 'Role', '--name', 'a*', '--path', '/', '--tag', 'team', '--owner', 'unowned'],
    ['Role/app'],
  ],
  ['what is not there', ['--name', 'none'], []],
])('the options choose by %s', async (_what, options, entities) => {
  expect(await declaredWith(...options)).toEqual(entities);
});

test.each([
  [['--kind', 'role'], 'there is no kind role', 'did you mean Role?'],
  [['--kind', ''], 'there is no kind ', 'name a kind'],
  [['--name', ''], 'a name is empty', 'give a name; * in it is any text'],
  [['--name', 'x'.repeat(257)], 'a name has more than 256 characters', 'shorten it'],
  [['--path', 'ci'], 'path "ci" does not begin and end with a slash', 'write it as AWS does: /ci/'],
  [['--path', '/ci'], 'path "/ci" does not begin and end with a slash', 'write it as AWS does: /ci/'],
  [['--tag', '=platform'], 'a tag has no key', 'give key, or key=value'],
  [['--tag', 'team=a', '--tag', 'team=b'], '--tag team is given twice', 'name it with one value'],
  [['--owner', 'nobody'], "option '--owner <who>' argument 'nobody' is invalid", 'unowned, ours'],
  [['--format', 'toml'], "option '--format <format>' argument 'toml' is invalid", 'yaml, json, ts'],
  [['--namespace', 'No'], 'namespace "No" is not valid', 'lower-case letters'],
] as const)('%j are refused before AWS is asked', async (options, message, remedy) => {
  const { code, stdout, stderr } = await world.cli([...CAPTURE, ...options]);
  expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
  expect(stderr).toContain(message);
  expect(stderr).toContain(remedy);
  expect(world.proxy.calls).toEqual([]);
});

test('files of an earlier capture are kept and named, where others are replaced', async () => {
  const directory = join(world.directory, 'again');
  const all = await world.cli([...CAPTURE, '--directory', directory]);
  expect(all).toMatchObject({ code: 0 });
  expect(all.stdout).not.toContain('not part of this capture');
  const some = await world.cli([...CAPTURE, '--name', 'app', '--directory', directory, '--force']);
  expect(some).toMatchObject({ code: 0 });
  const file = join(directory, 'policies/deploy.json');
  expect(some.stdout).toContain(`Kept, and not part of this capture: delete what nothing uses\n  ${file}\n`);
  expect(await readFile(file, 'utf8')).toContain('s3:GetObject');
});

test('without a Temporal server, it starts one, and a worker with the credentials of the command', async () => {
  const env = {
    ...sandboxVariables(world.sandbox.url),
    TEMPORAL_ADDRESS: '',
    IAM_BOOTSTRAP_UI_URL: '',
    IAM_BOOTSTRAP_STATE: join(world.directory, 'state'),
  };
  const directory = join(world.directory, 'embedded');
  const captured = await world.cli([...CAPTURE, '--name', 'app', '--directory', directory], env);
  expect(captured).toMatchObject({ code: 0 });
  expect(captured.stderr).toContain('using an embedded one, with a worker in this process');
  expect(captured.stdout).toContain('Captured 2 entities of account 111111111111: 1 Role, 1 User.');
  // The worker of the test has read nothing.
  expect(world.proxy.calls).toEqual([]);
  const manifest = join(directory, 'bootstrap.yaml');
  const planned = await world.cli(['plan', '-f', manifest, '-o', 'json'], env);
  expect(planned.report().entities.map(({ decision, drift }) => [decision, drift])).toEqual([
    ['adopt', []],
    ['adopt', []],
  ]);
});
