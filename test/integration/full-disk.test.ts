import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { identify } from '../../src/embedded/process.js';
import { type Held, hold } from '../support/hold.js';
import { manifestOf, role } from '../support/manifests-of.js';
import { outcomesOf } from '../support/runs.js';
import { useWorld, world } from '../support/use-world.js';
import { ACCOUNT, type CommandResult } from '../support/world.js';

/** Adds to a database until neither its file nor its log can grow. */
const FILL_DATABASE = `
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
connection.execute('CREATE TABLE filler (data BLOB)')
for size in (100_000, 1):
    try:
        while True: connection.execute('INSERT INTO filler VALUES (zeroblob(?))', (size,))
    except sqlite3.OperationalError as error:
        if 'full' not in str(error): raise
`;

const disk = mkdtempSync(join(tmpdir(), 'iam-bootstrap-disk-'));
const state = join(disk, 'state');
const canMount = mountDisk();
let serverPid: number | undefined;

/** Mounts a small disk. Returns false where this machine does not permit that. */
function mountDisk(): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m,mode=700', 'tmpfs', disk], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Fills the disk, and what the logs have left of their last blocks. */
function fillDisk(): void {
  for (const path of [join(disk, 'filler'), join(state, 'worker.log'), join(state, 'temporal.log')]) {
    try {
      for (;;) appendFileSync(path, Buffer.alloc(65_536, '\n'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }
}

/** An apply of two roles on an embedded server with its database on the disk. */
interface FirstApply {
  /** The first Create, which the proxy holds back. */
  readonly held: Held;
  readonly ended: Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>;
  /** Runs the same command again. */
  again(): Promise<CommandResult>;
}

async function startApply(): Promise<FirstApply> {
  const entities = [role('first'), role('second')];
  const file = await world.manifest('full.json', manifestOf({ namespace: 'full', account: ACCOUNT, entities }));
  const args = ['apply', '-f', file, '--output', 'json'];
  const env = { TEMPORAL_ADDRESS: '', IAM_BOOTSTRAP_UI_URL: '', IAM_BOOTSTRAP_STATE: state };
  const held = hold(world.proxy, { action: 'CreateRole', nth: 1 });
  const child = world.spawnCli(args, env);
  const output = { stdout: '', stderr: '' };
  child.stdout?.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number, ...output }));
  await Promise.race([held.reached, ended]);
  serverPid = (JSON.parse(readFileSync(join(state, 'server.json'), 'utf8')) as { pid: number }).pid;
  return { held, ended, again: () => world.cli(args, env) };
}

async function isServerRunning(): Promise<boolean> {
  return serverPid !== undefined && (await identify(serverPid)) !== undefined;
}

const ONCE_EACH = { 'CreateRole first': 1, 'CreateRole second': 1 };

(canMount ? describe : describe.skip)(
  'a disk that fills during a run (skipped where mounting is not permitted)',
  () => {
    useWorld({ worker: false, replay: { notBecause: 'the runs are on an embedded server' } });

    beforeEach(() => {
      mkdirSync(state, { recursive: true, mode: 0o700 });
    });

    afterEach(async () => {
      if (serverPid !== undefined && (await isServerRunning())) process.kill(serverPid, 'SIGKILL');
      for (const path of [state, join(disk, 'filler')]) rmSync(path, { recursive: true, force: true, maxRetries: 5 });
    });

    test('a run with room left in the database is reported; the server ends, with a warning that names the folder', async () => {
      const { held, ended, again } = await startApply();
      fillDisk();
      held.release();
      const { code, stdout, stderr } = await ended;

      expect([code, (JSON.parse(stdout) as { result: string }).result]).toEqual([0, 'converged']);
      expect(stderr).toMatch(
        /^warning: state folder \S+\/state: ENOSPC: .*; free some space, or set IAM_BOOTSTRAP_STATE/m,
      );
      expect(await isServerRunning()).toBe(false);
      expect(existsSync(join(state, 'server.json'))).toBe(false);

      rmSync(join(disk, 'filler'));
      const second = await again();
      expect([second.code, outcomesOf(second.report())]).toEqual([
        0,
        { 'Role/first': 'unchanged', 'Role/second': 'unchanged' },
      ]);
      expect(await world.creates()).toEqual(ONCE_EACH);
    }, 60_000);

    test('a run that cannot go on ends the command and the server; the next apply goes on with that run', async () => {
      const { held, ended, again } = await startApply();
      fillDisk();
      execFileSync('python3', ['-c', FILL_DATABASE, join(state, 'temporal.db')]);
      held.release();
      const { code, stdout, stderr } = await ended;

      const problem =
        /state folder \S+\/state: its disk is full, and the embedded server can write nothing more; free some/;
      expect(code).toBe(4);
      expect(stderr).toMatch(problem);
      expect(JSON.parse(stdout)).toMatchObject({
        error: { exitCode: 4, message: expect.stringMatching(problem) as string },
      });
      expect(await isServerRunning()).toBe(false);

      rmSync(join(disk, 'filler'));
      const second = await again();
      const { workflow, result } = second.report();
      expect([second.code, result]).toEqual([0, 'converged']);
      expect(stderr).toContain(`run ${workflow.runId}\n`);
      expect(await world.creates()).toEqual(ONCE_EACH);
    }, 60_000);
  },
);

afterAll(() => {
  if (canMount) execFileSync('umount', ['-l', disk]);
  rmSync(disk, { recursive: true });
});
