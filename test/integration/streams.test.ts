import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { loadConfig } from '../../src/config/config.js';
import { errorSchema } from '../../src/report/output-schemas.js';
import { manifestOf, role } from '../support/manifests-of.js';
import { ACCOUNT, CLI } from '../support/world.js';
import { useWorld, world } from '../support/use-world.js';

/** Standard output and standard error as other programs see them: closed pipes, warnings, `--debug`. */

useWorld({ reset: false });

let path: string;

beforeAll(async () => {
  path = await world.manifest(
    'streams.json',
    manifestOf({ namespace: 'streams', account: ACCOUNT, entities: [role('a')] }),
  );
});

/** Runs a command and closes one of its streams after the first bytes, or at once. */
async function closing(
  stream: 'stdout' | 'stderr',
  args: readonly string[],
): Promise<{ code: unknown; stderr: string }> {
  const child = spawn(process.execPath, [CLI, ...args], { env: world.env });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  child[stream].destroy();
  const [code] = (await once(child, 'exit')) as [number | null];
  return { code, stderr };
}

test.each([
  ['stdout', ['--help']],
  ['stdout', ['completion', 'bash']],
  ['stderr', ['aply']],
] as const)('a closed pipe on %s of %j ends quietly', async (stream, args) => {
  const { code, stderr } = await closing(stream, args);
  expect(stderr).toBe('');
  expect(code).toBe(stream === 'stderr' ? 64 : 0);
});

test.each(['stdout', 'stderr'] as const)('a plan whose reader closes %s still finishes', async (stream) => {
  const { code, stderr } = await closing(stream, ['plan', '-f', path, '--output', 'json']);
  expect(code).toBe(0);
  expect(stderr).not.toMatch(/EPIPE|at /);
});

describe('a command that fails with --output json', () => {
  const RUN = ['--account', ACCOUNT, '--namespace', 'streams'];
  const NOWHERE = { TEMPORAL_ADDRESS: '127.0.0.1:1' };

  test.each<[readonly string[], number, string]>([
    [['status', ...RUN], 4, 'no Temporal server answers at 127.0.0.1:1'],
    [['conflicts'], 4, 'no Temporal server answers at 127.0.0.1:1'],
    [['explain', 'Role/a'], 4, 'no Temporal server answers at 127.0.0.1:1'],
    [['cancel', ...RUN], 4, 'no Temporal server answers at 127.0.0.1:1'],
    [['approve', '--as', 'ada', '--yes', ...RUN], 4, 'no Temporal server answers at 127.0.0.1:1'],
    [['cancel'], 64, 'the options do not name one namespace'],
    [['plan'], 64, 'no manifest is named, and this folder has no iam/bootstrap.yaml'],
    [['plan', '-f', 'x.yaml', '--frobnicate'], 64, "unknown option '--frobnicate'"],
  ])('%j prints the error as one document', async (args, exitCode, message) => {
    const { code, stdout, stderr } = await world.cli([...args, '-o', 'json'], NOWHERE);
    const { error } = errorSchema.parse(JSON.parse(stdout));
    expect([code, error.exitCode, error.problems]).toEqual([exitCode, exitCode, []]);
    expect(error.message).toContain(message);
    expect(error.remedy).not.toBe('');
    expect(stderr).toContain(error.message);
  });

  test.each(['plan', 'apply', 'destroy'])('%s prints the problems of a manifest as validate does', async (command) => {
    for (const file of ['missing.yaml', await world.manifest('odd.yaml', 'namespace: [\n')]) {
      const checked = await world.cli(['validate', '-f', file, '--output=json']);
      const { code, stdout } = await world.cli([command, '-f', file, '--output=json'], NOWHERE);
      const { error } = errorSchema.parse(JSON.parse(stdout));
      expect([code, error]).toEqual([
        64,
        {
          message: 'the manifest is invalid',
          remedy: 'correct its problems',
          exitCode: 64,
          problems: (JSON.parse(checked.stdout) as { readonly problems: unknown }).problems,
        },
      ]);
      expect(error.problems.length).toBeGreaterThan(0);
    }
  });

  test('prints one document where it has a report: the report', async () => {
    const { code, stdout } = await world.cli(['plan', '-f', path, '-o', 'json'], NOWHERE);
    expect([code, JSON.parse(stdout)]).toMatchObject([4, { version: 2, result: 'busy' }]);
  });

  test('prints the error of a manifest that ends the process', async () => {
    const program = await world.manifest('ends.ts', 'process.exit(0);');
    const { code, stdout } = await world.cli(['plan', '-f', program, '-o', 'json'], NOWHERE);
    const { error } = errorSchema.parse(JSON.parse(stdout));
    expect([code, error.message]).toEqual([1, 'the process ended before the command finished']);
  });
});

describe.each([
  ['apply', () => ['apply', '-f', path]],
  ['plan', () => ['plan', '-f', path]],
  ['status', () => ['status', '--account', ACCOUNT, '--namespace', 'streams']],
  ['explain', () => ['explain', 'Role/a', '--account', ACCOUNT]],
] as const)('the JSON of %s', (_command, args) => {
  test('may have a reader that goes early: the exit code is the same, and there is no stack', async () => {
    const open = await world.cli([...args(), '--output', 'json']);
    expect(JSON.parse(open.stdout)).toBeInstanceOf(Object);
    const { code, stderr } = await closing('stdout', [...args(), '--output', 'json']);
    expect(code).toBe(open.code);
    expect(stderr).not.toMatch(/EPIPE|    at /);
  });

  test('may not fit on the disk: that is an error with words, and no success', async () => {
    const script = 'exec "$0" "$@" >/dev/full';
    const { code, stderr } = await promisify(execFile)(
      'bash',
      ['-c', script, process.execPath, CLI, ...args(), '--output', 'json'],
      { env: world.env },
    ).then(
      (written) => ({ ...written, code: 0 }),
      (error: unknown) => error as { code: number; stderr: string },
    );
    expect(stderr).toMatch(/error: the output is incomplete: .*no space left on device/);
    expect(stderr).not.toContain('    at ');
    expect(code).toBe(1);
  });
});

test('a shell pipeline gets the first line', async () => {
  const script = `node ${CLI} --help | head -1`;
  const { stdout, stderr } = await promisify(execFile)('bash', ['-c', script], { env: process.env });
  expect([stdout, stderr]).toEqual(['Usage: iam-bootstrap [options] [command]\n', '']);
});

test("the AWS SDK's warning about the version of Node.js does not reach the user, and other warnings do", async () => {
  const { environment } = loadConfig();
  const warn = `data:text/javascript,process.emitWarning('another')`;
  const env = { ...environment, ...world.env, NODE_OPTIONS: `--import=${warn}` };
  const { stderr } = await promisify(execFile)(process.execPath, [CLI, 'doctor'], { env }).catch(
    (error: unknown) => error as { stderr: string },
  );
  expect(stderr).toContain('Warning: another');
  expect(stderr).not.toContain('NodeVersionSupportWarning');
});

test('--debug shows messages to Temporal, decisions and writes; without it there are none', async () => {
  const content = manifestOf({ namespace: 'debugged', account: ACCOUNT, entities: [role('b')] });
  const fresh = await world.manifest('debugged.json', content);
  // Long enough for the command to ask for progress.
  world.proxy.on({ action: 'CreateRole' }, { kind: 'delay', ms: 4_000 });
  const { code, stderr } = await world.cli(['apply', '-f', fresh, '--debug']);
  world.proxy.clearRules();
  expect(code).toBe(0);
  expect(stderr).toMatch(
    /^debug: \S+ Temporal message message=start workflowType=bootstrap workflowId=\S+ .*code=OK ms=\d+$/m,
  );
  expect(stderr).toMatch(/^debug: \S+ Temporal message message=query name=progress .* ms=\d+$/m);
  expect(stderr).toMatch(/^debug: \S+ decision entity=Role\/b decision=create outcome=created$/m);
  expect(stderr).toMatch(/^debug: \S+ AWS write entity=Role\/b operation=CreateRole requestId=\S+$/m);
  expect((await world.cli(['plan', '-f', fresh])).stderr).not.toContain('debug:');
  const doctor = await world.cli(['doctor'], { IAM_BOOTSTRAP_LOG: 'debug' });
  expect(doctor.stderr).toMatch(
    /^debug: \S+ AWS call service=STS operation=GetCallerIdentity code=OK requestId=\S+ ms=\d+$/m,
  );
});

test('IAM_BOOTSTRAP_LOG has to be a level', async () => {
  const { code, stderr } = await world.cli(['plan', '-f', path], { IAM_BOOTSTRAP_LOG: 'loud' });
  expect(code).toBe(64);
  expect(stderr).toContain('remedy: choose one of trace, debug');
});
