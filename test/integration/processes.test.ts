import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commitAll } from '../support/git.js';
import { manifestOf, role } from '../support/manifests-of.js';
import { AS_UNKNOWN_USER, runScript } from '../support/processes.js';
import { ACCOUNT } from '../support/world.js';

/** The built package as a process: its streams, its exit codes and its surroundings. Needs no server. */

let cwd: string;

/** The manifest of {@link PROGRAM}. */
const MANIFEST = manifestOf({ namespace: 'ci', account: ACCOUNT, entities: [role('a')] });

/** A manifest that prints while it is loaded, when it is called and as long as the process lives. */
const PROGRAM = `
import { NAMESPACE } from '@names/namespace';
console.log('printed');
process.stdout.write('printed\\n');
setInterval(() => { console.log('printed'); }, 1).unref();
export default () => {
  console.info('printed');
  return { ...${JSON.stringify(MANIFEST)}, namespace: NAMESPACE };
};
`;

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'iam-bootstrap-processes-'));
  await chmod(cwd, 0o755);
  await writeFile(join(cwd, 'iam.json'), JSON.stringify(MANIFEST));
  await writeFile(join(cwd, 'iam.ts'), PROGRAM);
  await writeFile(join(cwd, 'namespace.ts'), "export const NAMESPACE: string = 'from-paths';");
  // As TypeScript allows it, with a comment and a comma at the end.
  const options = '{ "compilerOptions": { /* ours */ "paths": { "@names/*": ["./*"] } }, }';
  await writeFile(join(cwd, 'tsconfig.json'), options);
  await writeFile(
    join(cwd, 'old-node.cjs'),
    "Object.defineProperty(process.versions, 'node', { value: '18.20.0' });" +
      "Object.defineProperty(process, 'version', { value: 'v18.20.0' });",
  );
});

afterAll(async () => {
  await rm(cwd, { recursive: true });
});

test('standard output has the result and nothing else, whatever a TypeScript manifest prints, and its tsconfig paths work', async () => {
  const { code, stdout, stderr } = await runScript('$CLI validate -f iam.ts -o json', { cwd });
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ ok: true, environments: [{ namespace: 'from-paths' }] });
  expect(stderr).toMatch(/^(printed\n)+$/);
});

test('a reader that goes early does not change the exit code, and leaves no stack', async () => {
  const script = '$CLI validate -f iam.ts -o json | head -1; exit ${PIPESTATUS[0]}';
  const { code, stdout, stderr } = await runScript(script, { cwd });
  expect([code, stdout]).toEqual([0, '{\n']);
  expect(stderr).toMatch(/^(printed\n)+$/);
});

test('output that cannot be written is an error with words, and fails what had succeeded', async () => {
  const full = await runScript('$CLI validate -f iam.json -o json >/dev/full', { cwd });
  expect(full.stderr).toMatch(/^error: the output is incomplete: .*no space left on device.*\nremedy: free space/);
  expect(full.stderr).not.toContain('    at ');
  expect(full.code).toBe(1);
  expect((await runScript('$CLI validate -f none.json -o json >/dev/full', { cwd })).code).toBe(64);
  expect((await runScript('$CLI validate -f iam.json 2>/dev/full', { cwd })).code).toBe(0);
});

test('a user whom the system does not know, without HOME, validates offline', async () => {
  const { code, stdout, stderr } = await runScript(`${AS_UNKNOWN_USER} $CLI validate -f iam.json`, { cwd });
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toContain('valid');
});

test("where git refuses another user's checkout, the warning has git's words and names safe.directory", async () => {
  commitAll(cwd, 1_700_000_000);
  const env = {
    GITHUB_ACTIONS: 'true',
    GITHUB_RUN_ID: '42',
    // Ends the command before it connects.
    TEMPORAL_ADDRESS: 'https://temporal.example.com',
    GIT_TEST_ASSUME_DIFFERENT_OWNER: '1',
  };
  const { stderr } = await runScript('$CLI apply -f iam.json', { cwd, env });
  expect(stderr).toContain(`applied after this one: fatal: detected dubious ownership in repository at '${cwd}'`);
  expect(stderr).toContain(`run \`git config --global --add safe.directory ${cwd}\` before this command`);
});

test('a working folder that was removed is named, and is no fault to report', async () => {
  const script = 'mkdir gone && cd gone && rmdir ../gone && $CLI validate -f iam.json';
  const { code, stderr } = await runScript(script, { cwd });
  expect(stderr).toBe('error: the working folder does not exist any more\nremedy: change to a folder that exists\n');
  expect(code).toBe(64);
});

test('a version of Node.js that is too old is refused with a sentence', async () => {
  const env = { NODE_OPTIONS: `--require ${join(cwd, 'old-node.cjs')}` };
  const { code, stderr } = await runScript('$CLI validate -f iam.json', { cwd, env });
  expect(stderr).toBe(
    'error: Node.js v18.20.0 is too old for iam-bootstrap\nremedy: install Node.js 22, or at least 20.19\n',
  );
  expect(code).toBe(64);
});
