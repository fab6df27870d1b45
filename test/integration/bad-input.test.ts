import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectTemporal } from '../../src/client/connect.js';
import type { TemporalConnection } from '../../src/client/connect.js';
import { loadRequest, validate } from '../../src/client/request.js';
import { loadConfig } from '../../src/config.js';
import type { BootstrapRequest } from '../../src/contract/messages.js';
import { freePort } from '../../src/embedded/ports.js';
import { manifestOf, requestOf, role, trusting } from '../support/manifests-of.js';
import { malformedManifests } from '../support/manifests.js';
import { ACCOUNT, startWorld } from '../support/world.js';
import type { CommandResult, World, WorkerProcess } from '../support/world.js';

jest.setTimeout(300_000);

let world: World;

beforeAll(async () => {
  world = await startWorld();
});

beforeEach(async () => {
  await world.sandbox.reset();
  world.proxy.clear();
});

afterAll(async () => {
  await world.stop();
});

async function apply(
  options: {
    readonly namespace?: string;
    readonly account?: string;
    readonly command?: 'plan' | 'apply';
    readonly waitTimeout?: string;
    readonly output?: 'json' | 'text';
  },
  env: Readonly<Record<string, string>> = {},
): Promise<CommandResult> {
  const { namespace = 'ci', account = ACCOUNT, command = 'apply', waitTimeout = '2m', output = 'json' } = options;
  const entities = [role('deploy'), { kind: 'User', userName: 'robot' }];
  const path = await world.manifest('manifest.json', manifestOf({ namespace, account, entities }));
  return world.cli([command, '-f', path, '--output', output, '--wait-timeout', waitTimeout], env);
}

function writes(): string[] {
  return world.proxy.writes().map(({ action }) => action);
}

/** Lets a worker of its own credentials serve while something runs. */
async function withWorker<T>(env: Readonly<Record<string, string>>, work: (queue: string) => Promise<T>): Promise<T> {
  const queue = `queue-${Object.values(env).join('-')}`;
  const worker = await world.startWorker({ ...env, IAM_BOOTSTRAP_TASK_QUEUE: queue });
  try {
    return await work(queue);
  } finally {
    await worker.kill();
  }
}

describe('credentials that are no good', () => {
  test('of another account: nothing is read of it or written, and both accounts are named', async () => {
    await withWorker({}, async (queue) => {
      for (const command of ['plan', 'apply'] as const) {
        const result = await apply({ account: '222222222222', command }, { IAM_BOOTSTRAP_TASK_QUEUE: queue });
        expect(result.code).toBe(3);
        const { result: verdict, reason, remedy } = result.report();
        expect(verdict).toBe('refused');
        expect(reason).toContain(`belong to account ${ACCOUNT} (aws), and the manifest declares 222222222222 (aws)`);
        expect(remedy).toContain('assumeRole');
      }
      expect(Object.keys(world.proxy.countBy())).toEqual(['GetCallerIdentity']);
    });
  });

  test.each<[string, string, RegExp, RegExp]>([
    ['that have expired', 'AKIAEXPIRED0000000001', /ExpiredToken/, /renew the worker's AWS credentials/],
    ['that are denied everything', 'AKIADENIED0000000001', /AccessDenied/, /grant the action to the worker's role/],
  ])('%s: the run fails at once, says so, and writes nothing', async (_title, key, reason, remedy) => {
    await withWorker({ AWS_ACCESS_KEY_ID: key }, async (queue) => {
      const started = Date.now();
      const result = await apply({}, { IAM_BOOTSTRAP_TASK_QUEUE: queue });
      expect(result.code).toBe(1);
      const report = result.report();
      expect(report.result).toBe('failed');
      expect(report.reason).toMatch(reason);
      expect(report.reason).toMatch(/\(request \S+\)/);
      expect(report.remedy).toMatch(remedy);
      expect(writes()).toEqual([]);
      expect(Date.now() - started).toBeLessThan(30_000);
    });
  });

  test('that expire in the middle of a run: what was made stays, and the entity says why it failed', async () => {
    await withWorker({ AWS_ACCESS_KEY_ID: 'AKIAMIDDLE' }, async (queue) => {
      world.proxy.on(
        { action: 'CreateUser' },
        {
          kind: 'error',
          status: 403,
          code: 'ExpiredToken',
          message: 'The security token included in the request is expired',
        },
      );
      const result = await apply({ namespace: 'middle' }, { IAM_BOOTSTRAP_TASK_QUEUE: queue });
      world.proxy.clearRules();
      expect(result.code).toBe(1);
      const [deploy, robot] = result.report().entities;
      expect(deploy?.outcome).toBe('created');
      expect(robot).toMatchObject({ outcome: 'failed', remedy: expect.stringContaining('renew') as string });
      expect(robot?.reason).toMatch(/^CreateUser answered ExpiredToken/);
    });
  });

  test('are never shown: no key or secret stands in what a command prints', async () => {
    const secret = 'do-not-print-me';
    await withWorker({ AWS_ACCESS_KEY_ID: 'AKIAEXPIRED0000000002', AWS_SECRET_ACCESS_KEY: secret }, async (queue) => {
      for (const output of ['json', 'text'] as const) {
        const { stdout, stderr } = await apply({ output }, { IAM_BOOTSTRAP_TASK_QUEUE: queue });
        expect(stdout + stderr).not.toContain(secret);
      }
    });
  });
});

describe('no Temporal server', () => {
  test.each(['plan', 'apply'] as const)(
    '%s exits 4 within seconds, with the address and what to do',
    async (command) => {
      const address = `127.0.0.1:${String(await freePort())}`;
      const started = Date.now();
      const { code, stderr, report } = await apply({ command }, { TEMPORAL_ADDRESS: address });
      expect(code).toBe(4);
      expect(report()).toMatchObject({ command, result: 'busy', entities: [] });
      expect(report().reason).toContain(address);
      expect(report().remedy).toContain('TEMPORAL_ADDRESS');
      expect(stderr).toContain(`no Temporal server answers at ${address}`);
      expect(stderr).toMatch(/remedy: .*TEMPORAL_ADDRESS/);
      expect(Date.now() - started).toBeLessThan(20_000);
      expect(world.proxy.count()).toBe(0);
    },
  );

  test.each(['status', 'worker'] as const)('%s does not hang, and says so', async (command) => {
    const address = `127.0.0.1:${String(await freePort())}`;
    const { code, stderr } = await world.cli([command], { TEMPORAL_ADDRESS: address });
    expect(code).not.toBe(0);
    expect(stderr).toContain(address);
  });
});

describe('no worker', () => {
  test.each(['plan', 'apply'] as const)('%s exits 4 after its time, and names the task queue', async (command) => {
    const started = Date.now();
    const { code, stderr, report } = await apply(
      { command, namespace: `nobody-${command}`, waitTimeout: '3s' },
      { IAM_BOOTSTRAP_TASK_QUEUE: 'nobody-polls' },
    );
    expect(code).toBe(4);
    expect(report()).toMatchObject({ command, result: 'busy', entities: [] });
    expect(report().remedy).toContain('iam-bootstrap worker');
    expect(stderr).toContain('no worker polls the task queue nobody-polls');
    expect(stderr).toMatch(/remedy: .*iam-bootstrap worker/);
    expect(Date.now() - started).toBeLessThan(45_000);
    expect(world.proxy.count()).toBe(0);
  });
});

describe('a malformed manifest', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'iam-bootstrap-manifests-'));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  const pipeline = { provider: 'local', url: null, commit: null, actor: null };
  const options = (): Parameters<typeof validate>[1] => ({ variables: {}, pipeline, cwd: folder });

  test('has at least forty ways of being wrong here', () => {
    expect(malformedManifests.length).toBeGreaterThanOrEqual(40);
  });

  test.each(malformedManifests.map((one) => [one.title, one] as const))(
    'with %s is refused with the kinds that ship, at its place and with a remedy',
    async (_title, { text, message, remedy, line, column }) => {
      await writeFile(join(folder, 'm.yaml'), text);
      const checked = await validate(['m.yaml'], options());
      const loaded = await loadRequest(['m.yaml'], options());
      expect(checked.ok).toBe(false);
      expect(loaded.ok).toBe(false);
      expect(checked.problems).toContainEqual(
        expect.objectContaining({
          file: 'm.yaml',
          line,
          ...(column === undefined ? {} : { column }),
          message: expect.stringMatching(message) as string,
          remedy: expect.stringMatching(remedy) as string,
        }),
      );
    },
  );

  // Every ninth or so, through the real command line.
  const sample = malformedManifests.filter((_, index) => index % Math.ceil(malformedManifests.length / 8) === 3);
  test.each(sample.map((one) => [one.title, one] as const))(
    'with %s makes the command line exit 64, with place and remedy, before any call',
    async (_title, { text, message, remedy, line }) => {
      const path = await world.manifest('m.yaml', text);
      for (const command of ['validate', 'apply']) {
        const { code, stdout, stderr } = await world.cli([command, '-f', path]);
        expect(code).toBe(64);
        expect(stdout).toBe('');
        expect(stderr).toContain(`${path}:${String(line)}:`);
        expect(stderr).toMatch(message);
        expect(
          stderr
            .split('\n')
            .filter((text) => text.includes('remedy:'))
            .join('\n'),
        ).toMatch(remedy);
        expect(stderr).toContain('nothing was called, nothing was written');
      }
      expect(world.proxy.count()).toBe(0);
    },
  );
});

describe('a command that is called wrongly', () => {
  test.each<[string, readonly string[], RegExp]>([
    ['an unknown option', ['apply', '--frobnicate'], /unknown option '--frobnicate'/],
    ['an unknown command', ['frobnicate'], /unknown command 'frobnicate'/],
    ['a file that does not exist', ['apply', '-f', 'nowhere.yaml'], /nowhere\.yaml.*there is no such file/s],
    ['a folder in place of a file', ['apply', '-f', 'folder.yaml'], /folder\.yaml.*it is a folder/s],
    ['a file of another type', ['apply', '-f', 'manifest.txt'], /manifest\.txt.*type/s],
    ['no file at all', ['apply'], /-f|file/],
    ['an option without its value', ['apply', '-f'], /argument missing/],
    ['a duration in words', ['apply', '-f', 'x.yaml', '--wait-timeout', 'long'], /90s, 30m or 2h/],
    ['a variable without a value', ['apply', '-f', 'x.yaml', '--var', 'a'], /name=value/],
    ['an output that does not exist', ['plan', '-f', 'x.yaml', '--output', 'xml'], /text, json/],
  ])('with %s exits 64 and says what is wrong', async (_title, args, message) => {
    await world.manifest('manifest.txt', '');
    await mkdir(join(world.directory, 'folder.yaml'), { recursive: true });
    const { code, stdout, stderr } = await world.cli(args);
    expect(stderr).toMatch(message);
    expect([code, stdout]).toEqual([64, '']);
    expect(world.proxy.count()).toBe(0);
  });

  test.each<[string, readonly string[], RegExp]>([
    ['an environment that is not declared', ['--environment', 'prod'], /prod/],
    ['a variable that nothing knows', ['--var', 'colour=red'], /colour/],
    ['the adoption of what is not declared', ['--adopt', 'foreign:Role/other'], /Role\/other/],
    ['an adoption that is not written as one', ['--adopt', 'everything'], /foreign:/],
  ])('with %s exits 64 and names it', async (_title, args, message) => {
    const path = await world.manifest(
      'm.json',
      manifestOf({ namespace: 'ci', account: ACCOUNT, entities: [role('x')] }),
    );
    const { code, stdout, stderr } = await world.cli(['apply', '-f', path, ...args]);
    expect(stderr).toMatch(message);
    expect(stderr).toContain('remedy:');
    expect([code, stdout]).toEqual([64, '']);
    expect(world.proxy.count()).toBe(0);
  });
});

describe('a run that another client starts with an argument that is none', () => {
  let temporal: TemporalConnection;
  let worker: WorkerProcess;
  let sound: BootstrapRequest;
  let started = 0;

  beforeAll(async () => {
    worker = await world.startWorker();
    temporal = await connectTemporal(loadConfig(world.env));
    sound = await requestOf(world, { namespace: 'raw', account: ACCOUNT, entities: [role('deploy'), role('other')] });
  });
  afterAll(async () => {
    await temporal.close();
    await worker.kill();
  });

  function entity(index: number, more: object): object {
    const entities = sound.entities.map((one, position) => (position === index ? { ...one, ...more } : one));
    return { ...sound, entities };
  }

  const bad: readonly [string, () => unknown, RegExp][] = [
    ['nothing', () => undefined, /no bootstrap request/],
    ['null', () => null, /no bootstrap request/],
    ['text', () => 'deploy', /no bootstrap request/],
    ['a list', () => [], /no bootstrap request/],
    ['an empty object', () => ({}), /no bootstrap request/],
    ['no target', () => ({ ...sound, target: null }), /no bootstrap request/],
    ['entities that are no list', () => ({ ...sound, entities: 'all' }), /no bootstrap request/],
    ['another version', () => ({ ...sound, version: 2 }), /version/],
    ['an account of three digits', () => ({ ...sound, target: { ...sound.target, account: '123' } }), /account/],
    ['a namespace that no workflow ID can hold', () => ({ ...sound, namespace: 'a b/c' }), /namespace/],
    ['an entity that is null', () => ({ ...sound, entities: [null] }), /entities\.0/],
    ['an unknown kind', () => entity(0, { kind: 'Robot' }), /Robot\/deploy: this worker knows no kind Robot/],
    [
      'an unknown field',
      () => entity(0, { spec: { ...sound.entities[0]?.spec, colour: 'red' } }),
      /Role\/deploy: .*colour/,
    ],
    ['a name that is not the spec’s', () => entity(0, { name: 'deploi' }), /Role\/deploi: the spec names deploy/],
    ['one entity twice', () => entity(1, sound.entities[0] ?? {}), /Role\/deploy is declared twice/],
    [
      'a reference to nothing',
      () =>
        entity(0, {
          spec: { roleName: 'deploy', assumeRolePolicyDocument: trusting({ AWS: '{{arn User/nobody}}' }) },
        }),
      /Role\/deploy: \{\{arn User\/nobody\}\}/,
    ],
    [
      'entities that wait for each other',
      () => ({
        ...sound,
        entities: sound.entities.map((one, index) => ({
          ...one,
          dependsOn: [index === 0 ? 'Role/other' : 'Role/deploy'],
        })),
      }),
      /Role\/deploy, Role\/other wait for each other/,
    ],
  ];

  test.each(['bootstrap', 'plan'])(
    '(%s) as garbage ends at once, says what is wrong, and calls nothing',
    async (type) => {
      const verdicts = await Promise.all(
        bad.map(async ([title, argument]) => {
          started += 1;
          const handle = await temporal.client.workflow.start(type, {
            taskQueue: temporal.taskQueue,
            workflowId: `raw-${String(started)}`,
            args: [onItsOwn(argument(), started)],
            workflowExecutionTimeout: '60s',
          });
          const verdict: unknown = await handle.result().then(
            (report: { result: string; reason: string }) => report,
            (error: unknown) => error,
          );
          return [title, deepest(verdict)] as const;
        }),
      );
      expect(verdicts.map(([title]) => title)).toEqual(bad.map(([title]) => title));
      for (const [index, [title, message]] of verdicts.entries()) {
        expect(`${title}: ${message}`).toMatch(bad[index]?.[2] ?? /never/);
      }
      expect(world.proxy.count()).toBe(0);
    },
  );

  test('fails with the type InvalidManifest, and without a report', async () => {
    const handle = await temporal.client.workflow.start('bootstrap', {
      taskQueue: temporal.taskQueue,
      workflowId: 'raw-type',
      args: [{ garbage: true }],
    });
    await expect(handle.result()).rejects.toMatchObject({ cause: { type: 'InvalidManifest', nonRetryable: true } });
    const { status, historyLength } = await handle.describe();
    expect(status.name).toBe('FAILED');
    expect(historyLength).toBeLessThan(10);
  });
});

/** The same request for a namespace that no other run holds. */
function onItsOwn(argument: unknown, number: number): unknown {
  const named = typeof argument === 'object' && argument !== null && 'namespace' in argument;
  return named && argument.namespace === 'raw' ? { ...argument, namespace: `raw-${String(number)}` } : argument;
}

/** The message at the bottom of a failure, or the reason of a report. */
function deepest(verdict: unknown): string {
  let at = verdict as { cause?: unknown; message?: string; reason?: string };
  while (at.cause !== undefined && at.cause !== null) at = at.cause;
  return at.reason ?? at.message ?? '';
}
