import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { loadConfig } from '../../src/config/config.js';
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

test('a shell pipeline gets the first line', async () => {
  const { stdout, stderr } = await promisify(execFile)('bash', ['-c', `node ${CLI} --help | head -1`]);
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
  // Long enough for the command to ask for progress.
  world.proxy.on({ action: 'CreateRole' }, { kind: 'delay', ms: 4_000 });
  const { code, stderr } = await world.cli(['apply', '-f', path, '--debug']);
  world.proxy.clearRules();
  expect(code).toBe(0);
  expect(stderr).toMatch(
    /^debug: \S+ Temporal message message=start workflowType=bootstrap workflowId=\S+ .*code=OK ms=\d+$/m,
  );
  expect(stderr).toMatch(/^debug: \S+ Temporal message message=query name=progress .* ms=\d+$/m);
  expect(stderr).toMatch(/^debug: \S+ decision entity=Role\/a decision=create outcome=created$/m);
  expect(stderr).toMatch(/^debug: \S+ AWS write entity=Role\/a operation=CreateRole requestId=\S+$/m);
  expect((await world.cli(['plan', '-f', path])).stderr).not.toContain('debug:');
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
