import { once } from 'node:events';
import type { ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { RunSummary } from '../../src/client/runs.js';
import type { JsonObject } from '../../src/contract/entity.js';
import type { Report } from '../../src/contract/report.js';
import type { ErrorOutput } from '../../src/contract/user-facing-error.js';
import { commandLine } from '../../src/embedded/process.js';
import { hold } from '../support/hold.js';
import { manifestOf, role } from '../support/manifests-of.js';
import { ACCOUNT } from '../support/world.js';
import type { CommandResult } from '../support/world.js';
import { useWorld, world } from '../support/use-world.js';

/** How a person follows runs in progress, and cancels one. */

useWorld();

const GITHUB = {
  GITHUB_ACTIONS: 'true',
  GITHUB_REPOSITORY: 'acme/infra',
  GITHUB_SERVER_URL: 'https://github.com',
  GITHUB_RUN_ID: '42',
  GITHUB_RUN_ATTEMPT: '1',
  GITHUB_JOB: 'bootstrap',
  GITHUB_SHA: '0123456789abcdef0123456789abcdef01234567',
  GITHUB_ACTOR: 'ada',
};
const RUN = 'https://github.com/acme/infra/actions/runs/42';

async function manifest(namespace: string, entities: readonly JsonObject[]): Promise<string> {
  return world.manifest(`${namespace}.json`, manifestOf({ namespace, account: ACCOUNT, entities }));
}

const place = (namespace: string): string[] => ['--account', ACCOUNT, '--namespace', namespace];

/** A running command with its output so far. */
interface Command {
  readonly child: ChildProcess;
  /** Resolves once its standard error contains the text. */
  readonly says: (text: string) => Promise<void>;
  readonly ended: Promise<Pick<CommandResult, 'code' | 'stdout' | 'stderr'>>;
}

function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Command {
  const child = world.spawnCli(args, env);
  const said = { stdout: '', stderr: '' };
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...said }));
  child.stdout?.on('data', (chunk: Buffer) => (said.stdout += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (said.stderr += chunk.toString()));
  const says = (text: string): Promise<void> =>
    new Promise((done, fail) => {
      const look = (): void => {
        if (said.stderr.includes(text)) done();
      };
      child.stderr?.on('data', look);
      look();
      void ended.then(({ stderr }) => {
        fail(new Error(`ended without saying ${text}: ${stderr}`));
      });
    });
  return { child, says, ended };
}

/** Starts an apply that is held at its first role, which another entity depends on, until it is released. */
async function startHeld(namespace: string): Promise<Command & { readonly release: () => void }> {
  const held = hold(world.proxy, { action: 'CreateRole', params: { RoleName: namespace } });
  const later = { kind: 'InstanceProfile', instanceProfileName: namespace, roles: [namespace] };
  const path = await manifest(namespace, [role(namespace), later]);
  const command = start(['apply', '-f', path, '--revision', '1', '-o', 'json'], GITHUB);
  await Promise.race([held.reached, command.ended]);
  return { ...command, release: held.release };
}

test('a pipeline that waits sees which run holds the namespace, since when, how far it is, and its link', async () => {
  const first = await startHeld('held');
  const second = start([
    'apply',
    '-f',
    await world.manifest('second.json', manifestOf({ namespace: 'held', account: ACCOUNT, entities: [role('other')] })),
  ]);
  await second.says('waiting for the namespace');
  await second.says('still waiting for the namespace');
  first.release();
  expect((await first.ended).code).toBe(0);
  const { code, stderr } = await second.ended;
  expect(code).toBe(0);
  const lines = stderr.split('\n');
  expect(stderr).toMatch(
    /^waiting for the namespace: held by https:\/\/github\.com\/acme\/infra\/actions\/runs\/42\S* \(job bootstrap, commit 0123456789ab, by ada\), since \d{4}-\d\d-\d\dT[\d:.]+Z\nhttp\S+\/workflows\/\S+\n/m,
  );
  expect(lines.find((line) => line.startsWith('still'))).toMatch(
    /^still waiting for the namespace, for [\d.]+ s: reconciling, 0 of 2 done; held by https:/,
  );
});

test('a pipeline with --no-wait is told which run holds the namespace, with exit code 4', async () => {
  const first = await startHeld('busy');
  const path = await world.manifest(
    'other.json',
    manifestOf({ namespace: 'busy', account: ACCOUNT, entities: [role('other')] }),
  );
  const { code, stderr } = await world.cli(['apply', '-f', path, '--no-wait']);
  expect(code).toBe(4);
  expect(stderr).toContain(`the namespace is held by a run of ${RUN}`);
  expect(stderr).toContain('(job bootstrap, commit 0123456789ab, by ada) since');
  first.release();
  expect((await first.ended).code).toBe(0);
});

test.each([
  ['SIGINT', 130, 'interrupted'],
  ['SIGTERM', 143, 'terminated'],
] as const)(
  'a job that ends by %s while it waits has requested nothing; one that follows its run says how to see and cancel it',
  async (signal, exitCode, word) => {
    const namespace = `ended-by-${signal.toLowerCase()}`;
    const first = await startHeld(namespace);
    const other = manifestOf({ namespace, account: ACCOUNT, entities: [role('other')] });
    const second = start(['apply', '-f', await world.manifest('third.json', other)]);
    await second.says('waiting for the namespace');
    second.child.kill(signal);
    expect((await second.ended).stderr).toContain(`${word} before the run started; nothing was written`);
    first.child.kill(signal);
    const { code, stderr } = await first.ended;
    expect(code).toBe(exitCode);
    expect(stderr).toMatch(new RegExp(`${word}; run \\S+ goes on in Temporal without this command\n`));
    // The link stands once, where the run started.
    expect(stderr.match(/^http\S+$/gm)).toHaveLength(1);
    expect(stderr).not.toMatch(/\S +http\S+\/workflows\//);
    const told = [...stderr.matchAll(/`iam-bootstrap ([^`]+)`/g)].map(([, command = '']) => command);
    expect(told).toEqual([`status ${place(namespace).join(' ')}`, `cancel ${place(namespace).join(' ')}`]);
    // Both commands work as printed.
    const [status = '', cancel = ''] = told;
    expect((await world.cli(status.split(' '))).stdout).toContain('running');
    const ending = start([...cancel.split(' '), '-o', 'json']);
    await ending.says('Cancelling run');
    first.release();
    const { code: ended, stdout } = await ending.ended;
    expect([ended, (JSON.parse(stdout) as { report: unknown }).report]).toMatchObject([
      0,
      { result: 'cancelled', reason: `the run was cancelled by ${userInfo().username}` },
    ]);
    expect(world.proxy.successfulCreates()).toMatchObject({ [`CreateRole ${namespace}`]: 1 });
    expect(world.proxy.successfulCreates()).not.toHaveProperty('CreateRole other');
  },
);

test.each([
  ['SIGINT', 130, 'interrupted'],
  ['SIGTERM', 143, 'terminated'],
] as const)(
  'an embedded run that %s ends is paused, its server ends with it, and the next apply continues it',
  async (signal, exitCode, word) => {
    const namespace = `embedded-${signal.toLowerCase()}`;
    const state = join(world.directory, namespace);
    const embedded = { TEMPORAL_ADDRESS: '', IAM_BOOTSTRAP_STATE: state };
    const held = hold(world.proxy, { action: 'CreateRole', params: { RoleName: namespace } });
    const later = { kind: 'InstanceProfile', instanceProfileName: namespace, roles: [namespace] };
    const path = await manifest(namespace, [role(namespace), later]);
    const first = start(['apply', '-f', path, '-o', 'json'], embedded);
    await Promise.race([held.reached, first.ended]);
    const server = JSON.parse(await readFile(join(state, 'server.json'), 'utf8')) as { readonly pid: number };
    expect(await commandLine(server.pid)).toContain(state);
    first.child.kill(signal);
    held.release();
    const { code, stdout, stderr } = await first.ended;
    const { error } = JSON.parse(stdout) as { readonly error: ErrorOutput['error'] };
    expect([code, error.exitCode]).toEqual([exitCode, exitCode]);
    expect(error.message).toMatch(
      new RegExp(`^${word}; run \\S+ is paused: it goes on at the next apply, where it was$`),
    );
    expect(error.remedy).toContain(`\`iam-bootstrap status ${place(namespace).join(' ')}\``);
    expect(stderr).toContain(`error: ${error.message}\nremedy: ${error.remedy ?? ''}\n`);
    expect(stderr).toContain('Press Ctrl-C again to end at once');
    // The UI ends with the server: a link to it would be dead.
    expect(stderr).not.toContain('/workflows/');
    expect((await commandLine(server.pid)) ?? '').not.toContain(state);
    const next = start(['apply', '-f', path, '-o', 'json'], embedded);
    const { code: last, stdout: printed } = await next.ended;
    expect([last, (JSON.parse(printed) as Report).result]).toEqual([0, 'converged']);
    expect((await next.ended).stderr).toContain('an equal request is already running; following run');
    expect(world.proxy.successfulCreates()).toMatchObject({
      [`CreateRole ${namespace}`]: 1,
      [`CreateInstanceProfile ${namespace}`]: 1,
    });
  },
);

test('a second interrupt ends an embedded run at once, though a call to AWS is in flight', async () => {
  const namespace = 'interrupted-twice';
  const state = join(world.directory, namespace);
  const held = hold(world.proxy, { action: 'CreateRole', params: { RoleName: namespace } });
  const path = await manifest(namespace, [role(namespace)]);
  const first = start(['apply', '-f', path], { TEMPORAL_ADDRESS: '', IAM_BOOTSTRAP_STATE: state });
  await Promise.race([held.reached, first.ended]);
  const server = JSON.parse(await readFile(join(state, 'server.json'), 'utf8')) as { readonly pid: number };
  first.child.kill('SIGINT');
  await first.says('Press Ctrl-C again to end at once');
  const exited = once(first.child, 'exit');
  first.child.kill('SIGINT');
  // A shell reads this end as 130.
  expect(await exited).toEqual([null, 'SIGINT']);
  held.release();
  process.kill(server.pid);
});

describe('cancel', () => {
  test('finishes what has begun, starts nothing else, and reports who cancelled and why', async () => {
    const first = await startHeld('cancelled');
    const cancelling = start([
      'cancel',
      ...place('cancelled'),
      '--as',
      'grace',
      '--reason',
      'wrong branch',
      '-o',
      'json',
    ]);
    await cancelling.says('waiting for calls in flight');
    first.release();
    const { code, stdout } = await cancelling.ended;
    expect(code).toBe(0);
    const answer = JSON.parse(stdout) as { run: { runId: string }; report: ReturnType<CommandResult['report']> };
    expect(answer.report).toMatchObject({
      result: 'cancelled',
      reason: 'the run was cancelled by grace: wrong branch',
      entities: [{ outcome: 'created' }, { outcome: 'skipped' }],
    });
    const followed = await first.ended;
    expect(followed.code).toBe(1);
    expect(JSON.parse(followed.stdout)).toMatchObject({ result: 'cancelled', reason: answer.report.reason });
    const { runs } = JSON.parse((await world.cli(['status', ...place('cancelled'), '-o', 'json'])).stdout) as {
      runs: RunSummary[];
    };
    expect(runs).toMatchObject([{ runId: answer.run.runId, status: 'CANCELLED' }]);
  });

  test('ends an entity that AWS keeps refusing between two attempts, and reports what was written before', async () => {
    const policy = 'arn:aws:iam::aws:policy/ReadOnlyAccess';
    const refusing = world.proxy.on(
      { action: 'AttachRolePolicy', params: { RoleName: 'refused-for-ever' } },
      { kind: 'error', status: 503, code: 'ServiceUnavailable' },
    );
    const path = await manifest('refused-for-ever', [role('refused-for-ever', { managedPolicyArns: [policy] })]);
    const followed = start(['apply', '-f', path, '-o', 'json']);
    await followed.says('AttachRolePolicy answered ServiceUnavailable');
    const { code, stdout } = await world.cli(['cancel', ...place('refused-for-ever'), '-o', 'json']);
    const attempts = refusing.fired;
    expect(code).toBe(0);
    const { report } = JSON.parse(stdout) as { report: ReturnType<CommandResult['report']> };
    expect(report).toMatchObject({
      result: 'cancelled',
      reason: `the run was cancelled by ${userInfo().username}`,
      entities: [
        {
          outcome: 'cancelled',
          reason: 'its run was cancelled before all of it was written',
          remedy: 'apply again',
          // AWS may have carried out what it answered with 503.
          writes: expect.arrayContaining([
            expect.objectContaining({ operation: 'CreateRole', requestId: expect.any(String) as string }),
            expect.objectContaining({ operation: 'AttachRolePolicy', requestId: null }),
          ]) as unknown[],
          remainingWrites: [`AttachRolePolicy refused-for-ever ${policy}`],
        },
      ],
    });
    expect((await followed.ended).code).toBe(1);
    const { code: pending } = await world.cli(['plan', '-f', path, '--detailed-exitcode']);
    expect([pending, refusing.fired]).toEqual([2, attempts]);
    refusing.remove();
    expect((await world.cli(['apply', '-f', path])).code).toBe(0);
    expect(world.proxy.successfulCreates()).toMatchObject({ 'CreateRole refused-for-ever': 1 });
  });

  test('without a run in progress does nothing, and is not an error', async () => {
    const { code, stdout } = await world.cli(['cancel', ...place('nobody')]);
    expect([code, stdout]).toEqual([
      0,
      `Nothing to cancel. No run of namespace nobody in account ${ACCOUNT} is open.\n`,
    ]);
    const { stdout: json } = await world.cli(['cancel', ...place('nobody'), '-o', 'json']);
    expect(JSON.parse(json)).toEqual({ version: 1, run: null, report: null });
  });

  test('of another run lets the run in progress continue', async () => {
    const first = await startHeld('another');
    const other = ['--run', '00000000-0000-4000-8000-000000000000'];
    expect((await world.cli(['cancel', ...place('another'), ...other])).stdout).toContain('Nothing to cancel');
    first.release();
    expect((await first.ended).code).toBe(0);
  });

  test('without waiting returns at once', async () => {
    const first = await startHeld('at-once');
    const { code, stdout } = await world.cli(['cancel', ...place('at-once'), '--no-wait', '-o', 'json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ run: { workflowId: `iam-bootstrap:${ACCOUNT}:at-once` }, report: null });
    first.release();
    expect(JSON.parse((await first.ended).stdout)).toMatchObject({ result: 'cancelled' });
  });

  test('requires the account and the namespace', async () => {
    const { code, stderr } = await world.cli(['cancel', '--account', ACCOUNT]);
    expect(code).toBe(64);
    expect(stderr).toContain(
      'give --account and --namespace, or a manifest with --file; without options, iam/bootstrap.yaml is read',
    );
  });
});

describe('status', () => {
  test('lists the runs of exactly one namespace, with their results', async () => {
    const applied = async (namespace: string, entities: JsonObject[]): Promise<number | null> =>
      (await world.cli(['apply', '-f', await manifest(namespace, entities)])).code;
    expect(await applied('same', [role('one')])).toBe(0);
    expect(await applied('same-2', [role('one')])).toBe(3);
    expect((await world.cli(['status', ...place('same')])).stdout).not.toContain('same-2');
    const { stdout } = await world.cli(['status', '--account', ACCOUNT]);
    const rows = stdout.split('\n').filter((line) => line.includes(' same'));
    expect(rows).toHaveLength(2);
    expect(rows[0]).toMatch(/^refused +(just now|\d+ \w+ ago) +\d.* s {2,}(\d{12} {2})?same-2 +local$/);
    expect(rows[1]).toMatch(/^converged +(just now|\d+ \w+ ago) +\d.* s {2,}(\d{12} {2})?same +local$/);
  });

  test('shows how far a run is, and with --watch each change until it is interrupted', async () => {
    const watching = start(['status', ...place('watched'), '--watch', '-o', 'json']);
    const lines: { runs: RunSummary[] }[] = [];
    const { stdout } = watching.child;
    if (stdout === null) throw new Error('the command has no standard output');
    const reader = createInterface({ input: stdout });
    const seen = (what: (run: RunSummary | undefined) => boolean): Promise<void> =>
      new Promise((done) => {
        reader.on('line', (line) => {
          lines.push(JSON.parse(line) as (typeof lines)[number]);
          if (what(lines.at(-1)?.runs[0])) done();
        });
      });
    await seen((run) => run === undefined);
    const reconciling = seen((run) => run?.progress?.phase === 'reconciling');
    const first = await startHeld('watched');
    await reconciling;
    expect(lines.at(-1)?.runs).toMatchObject([{ status: 'RUNNING', result: null, progress: { done: 0, total: 2 } }]);
    expect((await world.cli(['status', ...place('watched')])).stdout).toContain('reconciling, 0 of 2 done');
    const converged = seen((run) => run?.result === 'converged');
    first.release();
    await converged;
    watching.child.kill('SIGINT');
    expect((await watching.ended).code).toBe(0);
  });
});

test('in CI a manifest that is not in git is applied with a warning that no revision guards it', async () => {
  const path = await manifest('unguarded', [role('unguarded')]);
  const { code, stderr } = await world.cli(['apply', '-f', path], GITHUB);
  expect(code).toBe(0);
  expect(stderr).toContain('nothing prevents an older manifest from being applied after this one');
  expect((await world.cli(['apply', '-f', path, '--revision', '1'], GITHUB)).stderr).not.toContain('older manifest');
  expect((await world.cli(['apply', '-f', path])).stderr).not.toContain('older manifest');
});
