import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { hold } from '../support/hold.js';
import { manifestOf, role } from '../support/manifests-of.js';
import { ACCOUNT } from '../support/world.js';
import type { CommandResult } from '../support/world.js';
import { useWorld, world } from '../support/use-world.js';

/** An older manifest never reverts a newer one, in whatever order the pipelines run. */

useWorld();

async function manifest(namespace: string, description: string): Promise<string> {
  const parts = { namespace, account: ACCOUNT, entities: [role(namespace, { description })] };
  return world.manifest(`${namespace}-${description}.json`, manifestOf(parts));
}

async function apply(namespace: string, revision: number, ...more: readonly string[]): Promise<CommandResult> {
  const path = await manifest(namespace, String(revision));
  return world.cli(['apply', '-f', path, '--revision', String(revision), '-o', 'json', ...more]);
}

/** Returns the descriptions of a namespace's role that were sent to AWS, in order. */
function writes(name: string): string[] {
  return world.proxy
    .writes()
    .flatMap(({ params }) => (params['RoleName'] === name ? (params['Description'] ?? []) : []));
}

test('refuses an older revision without a write, accepts an equal one, and goes back with --allow-older', async () => {
  expect((await apply('guarded', 5)).code).toBe(0);
  const refused = await apply('guarded', 4);
  expect(refused.code).toBe(3);
  expect(refused.report()).toMatchObject({
    result: 'refused',
    reason: expect.stringMatching(/^revision given 4 .* is older than given 5 /) as string,
    remedy: expect.stringContaining('--allow-older') as string,
    revision: { value: 4, source: 'given', last: { value: 5, source: 'given' } },
    entities: [{ outcome: 'skipped', writes: [] }],
  });
  expect((await apply('guarded', 5)).report()).toMatchObject({ result: 'converged', summary: { unchanged: 1 } });
  const path = await manifest('guarded', 'unrevised');
  expect((await world.cli(['apply', '-f', path])).code).toBe(0);
  // A request without a revision does not reset the last one.
  expect((await apply('guarded', 4)).code).toBe(3);
  expect((await apply('guarded', 4, '--allow-older')).code).toBe(0);
  expect(writes('guarded')).toEqual(['5', 'unrevised', '4']);
  // The older revision is now the last one.
  expect((await apply('guarded', 4)).code).toBe(0);
});

test('keeps the revisions of two environments in one account apart', async () => {
  const path = await world.manifest('environments.json', {
    version: 1,
    namespace: 'environments',
    environments: { dev: { account: ACCOUNT }, prod: { account: ACCOUNT } },
    entities: [role('{{environment}}-deploy')],
  });
  const applyTo = async (environment: string, revision: number): Promise<number | null> =>
    (await world.cli(['apply', '-f', path, '--environment', environment, '--revision', String(revision)])).code;
  expect(await applyTo('dev', 2)).toBe(0);
  expect(await applyTo('prod', 1)).toBe(0);
  expect(await applyTo('dev', 1)).toBe(3);
});

test('uses the commit time as the revision in CI, and never compares it with a given one', async () => {
  const git = async (...args: readonly string[]): Promise<unknown> => promisify(execFile)('git', [...args]);
  const checkout = async (name: string, seconds: number): Promise<string> => {
    const folder = join(world.directory, name);
    await mkdir(folder);
    const path = join(folder, 'iam.json');
    const entities = [role('committed', { description: name })];
    await writeFile(path, JSON.stringify(manifestOf({ namespace: 'committed', account: ACCOUNT, entities })));
    const author = ['-c', 'user.name=a', '-c', 'user.email=a@example.com', '-c', 'commit.gpgsign=false'];
    await git('-C', folder, 'init', '-q');
    await git('-C', folder, 'add', '.');
    const at = `${String(seconds)} +0000`;
    await promisify(execFile)('git', ['-C', folder, ...author, 'commit', '-qm', name], {
      env: { ...world.env, GIT_COMMITTER_DATE: at, GIT_AUTHOR_DATE: at },
    });
    return path;
  };
  const github = { GITHUB_ACTIONS: 'true', GITHUB_REPOSITORY: 'acme/infra', GITHUB_RUN_ID: '42' };
  const newer = await world.cli(['apply', '-f', await checkout('newer', 1_700_000_100), '-o', 'json'], github);
  expect(newer.report().revision).toEqual({ value: 1_700_000_100, source: 'commit-time' as const, last: null });
  const path = await checkout('older', 1_700_000_000);
  const older = await world.cli(['apply', '-f', path, '-o', 'json'], github);
  expect(older.code).toBe(3);
  expect(older.report().reason).toContain('2023-11-14T22:13:20Z');
  const given = await world.cli(['apply', '-f', path, '--revision', '1']);
  expect(given.code).toBe(0);
  expect(given.stdout).toContain('revision given 1 was not compared with the last applied one, commit-time 1700000100');
  expect(writes('committed')).toEqual(['newer', 'older']);
});

test.each([[[3, 9, 0, 5, 1, 8, 2, 7, 4, 6]], [[9, 8, 7, 6, 5, 4, 3, 2, 1, 0]], [[0, 5, 9, 1, 6, 2, 7, 3, 8, 4]]])(
  'ten pipelines that come as %j each end with a report of their own, and the newest manifest stands',
  async (order) => {
    const namespace = `ten-${String(order[0])}`;
    const held = hold(world.proxy, { action: 'CreateRole' });
    const ends = [apply(namespace, order[0] ?? 0)];
    await held.reached;
    const waiting = order.slice(1).map(async (revision) => {
      const path = await manifest(namespace, String(revision));
      const child = world.spawnCli(['apply', '-f', path, '--revision', String(revision), '-o', 'json']);
      let [stdout, stderr] = ['', ''];
      child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
      const exited = new Promise<number | null>((done) => child.once('close', done));
      await new Promise<void>((done, fail) => {
        child.stderr?.on('data', (chunk: Buffer) => {
          stderr += chunk.toString();
          if (stderr.includes('waiting for the namespace')) done();
        });
        void exited.then(() => {
          fail(new Error(`ended without a wait: ${stderr}`));
        });
      });
      return { exited, said: () => stdout };
    });
    const all = await Promise.all(waiting);
    held.release();
    const codes = [(await Promise.all(ends))[0]?.code, ...(await Promise.all(all.map(({ exited }) => exited)))];
    const applied = writes(namespace).map(Number);
    // Each that went through was newer than the one before it; all others were refused as older.
    expect(applied).toEqual([...applied].sort((a, b) => a - b));
    expect(applied.at(-1)).toBe(9);
    expect(order.map((revision, index) => [revision, codes[index]])).toEqual(
      order.map((revision) => [revision, applied.includes(revision) ? 0 : 3]),
    );
    for (const [index, { said }] of all.entries()) {
      expect(JSON.parse(said())).toMatchObject({ revision: { value: order[index + 1] } });
    }
  },
);
