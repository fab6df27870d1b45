import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { createConnection } from 'node:net';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import fc from 'fast-check';
import { validate } from '../../src/client/request.js';
import { FAILURES } from '../../src/contract/failures.js';
import { WorkflowType } from '../../src/contract/workflow-ids.js';
import { freePort } from '../../src/embedded/ports.js';
import { checkRequest } from '../../src/engine/request.js';
import { KINDS } from '../../src/kinds/index.js';
import { manifestOf, requestOf, role } from '../support/manifests-of.js';
import { malformedManifests } from '../support/manifests.js';
import { LONG_FORM, record, Tally } from '../support/trials.js';
import { ACCOUNT } from '../support/world.js';
import type { CommandResult, WorkerProcess } from '../support/world.js';
import { writesIn } from '../support/runs.js';
import { temporal, useWorld, world } from '../support/use-world.js';

useWorld({ worker: false });

const LOCAL = { provider: 'local', url: null, commit: null, actor: null };

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
        expect(reason).toContain(`belong to account ${ACCOUNT} (aws), not to 222222222222 (aws)`);
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
      expect(writesIn(world)).toEqual([]);
      expect(Date.now() - started).toBeLessThan(30_000);
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

  test.each(['status', 'worker'] as const)('%s exits 4, and says so', async (command) => {
    const address = `127.0.0.1:${String(await freePort())}`;
    const { code, stderr } = await world.cli([command], { TEMPORAL_ADDRESS: address });
    expect(code).toBe(4);
    expect(stderr).toContain(`no Temporal server answers at ${address}`);
    expect(stderr).toMatch(/remedy: .*TEMPORAL_ADDRESS/);
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

// Every ninth or so: all of them are unit tests.
const SAMPLE = malformedManifests.filter((_, index) => index % Math.ceil(malformedManifests.length / 8) === 3);

test.each(SAMPLE)(
  'a malformed manifest, %s, makes the command line exit 64 with place and remedy, before any call',
  async (_title, text) => {
    const path = await world.manifest('m.yaml', text);
    const { problems } = await validate([path], { variables: {}, pipeline: LOCAL });
    expect(problems).not.toEqual([]);
    for (const command of ['validate', 'apply']) {
      const { code, stdout, stderr } = await world.cli([command, '-f', path]);
      expect([code, stdout]).toEqual([64, '']);
      for (const { line, message, remedy } of problems) {
        expect(stderr).toContain(`${path}:${String(line)}:`);
        expect(stderr).toContain(message);
        expect(stderr).toContain(`remedy: ${remedy}`);
      }
      expect(stderr).toContain('Nothing was sent to Temporal or AWS.');
    }
    expect(world.proxy.count()).toBe(0);
  },
);

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

describe('what another client does to Temporal', () => {
  let worker: WorkerProcess;
  let started = 0;
  const tally = new Tally();

  beforeAll(async () => {
    worker = await world.startWorker();
  });
  afterAll(async () => {
    await worker.kill();
    await record({
      id: 'bad-input',
      title: 'Bad input to what listens',
      what:
        'Each case is one message that another client sends to a workflow, to a run or to the health ' +
        'endpoint. A case survives if the message fails fast, nothing is written and the worker keeps ' +
        'running, or if the run that received it ends as usual.',
      command: 'IAM_BOOTSTRAP_CHAOS=long npx jest test/integration/bad-input.test.ts -t "another client does"',
      trials: tally.trials,
    });
  });

  /** Starts a workflow with one argument, whatever it is, and gives how it ended. */
  async function send(type: string, argument: unknown, workflowId?: string): Promise<unknown> {
    started += 1;
    const handle = await temporal.client.workflow.start(type, {
      taskQueue: temporal.taskQueue,
      workflowId: workflowId ?? `sent-${String(started)}`,
      args: [argument],
      workflowExecutionTimeout: '60s',
    });
    return handle.result().catch((error: unknown) => error);
  }

  /** Whether a run has ended over its argument: by a failure of that type, or by a report that says so. */
  function isRefused(verdict: unknown): boolean {
    for (let at = verdict as Ended | undefined; at != null; at = at.cause) {
      if (at.type === 'InvalidManifest') return true;
      for (const report of [at, ...(at.details ?? [])].flatMap((one) => [one, one.report ?? {}])) {
        if (report.remedy === FAILURES.InvalidManifest.remedy) return true;
      }
    }
    return false;
  }

  /** What a client that means harm, or that is broken, puts in the place of a sound value. */
  const odd = fc.oneof(
    fc.constantFrom<unknown[]>(
      ...[
        null,
        undefined,
        true,
        -1,
        1e308,
        '',
        ' ',
        '*',
        [],
        {},
        [null],
        'a:b',
        '../..',
        '111111111111:ci',
        'CI',
        '__proto__',
      ],
      ...[
        'a'.repeat(100_000),
        '{{arn Role/x}}',
        'arn:aws:iam::222222222222:role/x',
        '\u0000',
        '\u001b[2J',
        { toString: 1 },
      ],
      JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}'),
    ),
    fc.jsonValue({ maxDepth: 2 }),
  );

  /** A valid argument with one part replaced or removed. */
  function spoilt(sound: unknown, path: readonly number[], value: unknown, gone: boolean): unknown {
    if (typeof sound !== 'object' || sound === null || path.length === 0) return value;
    const keys = Object.keys(sound);
    const [at = 0, ...rest] = path;
    const key = keys[at % Math.max(1, keys.length)];
    if (key === undefined) return value;
    const inner: unknown = Reflect.get(sound, key);
    const deeper = rest.length > 0 && typeof inner === 'object' && inner !== null;
    const others = Object.entries(sound).filter(([name]) => name !== key);
    const members = deeper ? [[key, spoilt(inner, rest, value, gone)] as const] : gone ? [] : [[key, value] as const];
    const copy: Record<string, unknown> = Object.fromEntries([...others, ...members]);
    return Array.isArray(sound) ? Object.values(copy) : copy;
  }

  /** The same argument for a namespace of its own: one lock would have all of them take turns. */
  function apart(argument: unknown, index: number): unknown {
    const own =
      typeof argument === 'object' && argument !== null && 'namespace' in argument && argument.namespace === 'any';
    return own ? { ...argument, namespace: `any-${String(index)}` } : argument;
  }

  const CASES = LONG_FORM ? 300 : 40;

  test.each([WorkflowType.Bootstrap, WorkflowType.Plan, WorkflowType.ReconcileEntity])(
    '(%s) an argument of any shape is taken for what it is, or ends the run at once, without a write',
    async (type) => {
      const account = '555555555555';
      const request = await requestOf(world, { namespace: 'any', account, assumed: true, entities: [role('any')] });
      const [entity] = request.entities;
      const { target, namespace } = request;
      const child = {
        target,
        namespace,
        entity,
        action: 'create',
        arns: {},
        planned: { action: 'create', lines: [] },
        approved: false,
        intent: 'run',
        readFirst: false,
      };
      const sound: unknown = type === WorkflowType.ReconcileEntity ? child : request;
      // Another ID than the entity's lock: even the sound one is refused.
      const isSound = (argument: unknown): boolean =>
        type !== WorkflowType.ReconcileEntity &&
        checkRequest(argument === undefined ? null : JSON.parse(JSON.stringify(argument)), KINDS) === null;
      const samples = fc.sample(fc.tuple(fc.array(fc.nat(12), { maxLength: 5 }), odd, fc.boolean()), {
        numRuns: CASES,
        ...(LONG_FORM ? {} : { seed: 7 }),
      });
      const arguments_ = samples
        .map(([path, value, gone], index) => apart(spoilt(sound, path, value, gone), index))
        .filter((one) => !isSound(one));
      expect(arguments_.length).toBeGreaterThan(CASES / 4);
      const writes = world.proxy.writes().length;
      const survived: string[] = [];
      for (let from = 0; from < arguments_.length; from += 20) {
        const batch = arguments_.slice(from, from + 20);
        const verdicts = await Promise.all(batch.map((argument) => send(type, argument)));
        for (const [index, verdict] of verdicts.entries()) {
          const held = isRefused(verdict);
          tally.count('an argument of another shape', type, held);
          if (!held) survived.push(`${JSON.stringify(batch[index] ?? null).slice(0, 2_000)}: ${deepest(verdict)}`);
        }
      }
      expect(survived).toEqual([]);
      expect(world.proxy.writes().length - writes).toBe(0);
      expect(await worker.isPolling()).toBe(true);
    },
  );

  test('no account and no namespace that holds a colon comes to the lock of another', async () => {
    const sound = await requestOf(world, { namespace: 'ci', account: ACCOUNT, entities: [role('x')] });
    const tricks: readonly [string, string][] = [
      [ACCOUNT, 'ci:x'],
      [ACCOUNT, ':ci'],
      [ACCOUNT, ''],
      ['', `${ACCOUNT}:ci`],
      [`${ACCOUNT}:ci`, 'x'],
      [`${ACCOUNT}:ci`, ''],
      [`${ACCOUNT}\n`, 'ci'],
      [ACCOUNT, 'ci\n'],
      [ACCOUNT, 'ci\u0000'],
      ['１１１１１１１１１１１１', 'ci'],
      [ACCOUNT, 'CI'],
      [ACCOUNT, 'n'.repeat(64)],
      [ACCOUNT, 'n'.repeat(5_000)],
    ];
    for (const type of [WorkflowType.Bootstrap, WorkflowType.Plan]) {
      for (const [account, namespace] of tricks) {
        const verdict = await send(type, { ...sound, namespace, target: { ...sound.target, account } });
        const held = isRefused(verdict);
        tally.count('names that would meet in one ID', type, held);
        expect([account, namespace, held]).toEqual([account, namespace, true]);
      }
    }
    expect(world.proxy.count()).toBe(0);
  });

  test('an entity is written by the workflow whose ID is its lock, and by no other', async () => {
    const sound = await requestOf(world, { namespace: 'beside', account: ACCOUNT, entities: [role('beside')] });
    const { target, namespace } = sound;
    const [entity] = sound.entities;
    const child = {
      target,
      namespace,
      entity,
      action: 'create',
      arns: {},
      planned: { action: 'create', lines: [] },
      approved: false,
      intent: 'run',
      readFirst: true,
    };
    for (const id of [
      'beside',
      `iam:${ACCOUNT}:Role:other`,
      `iam:222222222222:Role:beside`,
      `iam:${ACCOUNT}:User:beside`,
    ]) {
      const verdict = await send(WorkflowType.ReconcileEntity, child, id);
      tally.count('a write beside the lock', WorkflowType.ReconcileEntity, isRefused(verdict));
      expect([id, isRefused(verdict), deepest(verdict)]).toEqual([id, true, expect.stringContaining('is the lock')]);
    }
    expect(world.proxy.count()).toBe(0);
    // Under the lock's own ID it is as good as from a bootstrap.
    await send(WorkflowType.ReconcileEntity, child, `iam:${ACCOUNT}:Role:beside`);
    expect(world.proxy.successfulCreates()).toEqual({ 'CreateRole beside': 1 });
  });

  /** Applies a role, and does something while its Create is held at AWS's door or has been carried out. */
  async function whileCreating(
    name: string,
    act: (ids: { readonly run: string; readonly entity: string }) => Promise<void>,
  ): Promise<CommandResult> {
    const path = await world.manifest(
      `${name}.json`,
      manifestOf({ namespace: name, account: ACCOUNT, entities: [role(name)] }),
    );
    const ids = { run: `iam-bootstrap:${ACCOUNT}:${name}`, entity: `iam:${ACCOUNT}:Role:${name}` };
    world.proxy.on({ action: 'CreateRole', nth: 1 }, { kind: 'hook', times: 1, after: () => act(ids) });
    return world.cli(['apply', '-f', path, '--output', 'json']);
  }

  test('a flood of signals, queries and updates that nobody knows changes nothing', async () => {
    const { client } = temporal;
    const result = await whileCreating('flooded', async ({ run, entity }) => {
      for (const id of [run, entity]) {
        const handle = client.workflow.getHandle(id);
        for (let sent = 0; sent < 500; sent += 50) {
          await Promise.all(Array.from({ length: 50 }, (_, at) => handle.signal(`unknown-${String(at % 3)}`, { at })));
        }
        await expect(handle.query('unknown')).rejects.toThrow(/unknown/);
        await expect(handle.executeUpdate('unknown')).rejects.toThrow();
      }
    });
    const { entities, result: verdict } = result.report();
    const held = verdict === 'converged' && entities[0]?.outcome === 'created' && entities[0].confirmedBy === 'reply';
    tally.count('a flood of unknown signals', 'a run under way', held);
    expect([result.code, held]).toEqual([0, true]);
    expect(world.proxy.successfulCreates()).toEqual({ 'CreateRole flooded': 1 });
  });

  test.each(['terminate', 'cancel'] as const)(
    'a %s of an entity’s run, in the middle of its Create, makes nothing twice: the next apply finds it',
    async (how) => {
      const name = `ended-by-${how}`;
      const first = await whileCreating(name, async ({ entity }) => {
        await temporal.client.workflow.getHandle(entity)[how]();
      });
      const report = first.report();
      expect([report.result, report.entities[0]?.outcome]).toEqual(
        how === 'terminate' ? ['failed', 'failed'] : ['converged', 'created'],
      );
      const second = await world.cli(['apply', '-f', join(world.directory, `${name}.json`), '--output', 'json']);
      const held = second.code === 0 && Object.values(world.proxy.successfulCreates()).join() === '1';
      tally.count(`${how} of the child`, 'a run under way', held);
      expect([second.report().entities[0]?.outcome, held]).toEqual(['unchanged', true]);
    },
  );
});

interface Ended {
  readonly type?: string;
  readonly cause?: Ended;
  readonly remedy?: string | null;
  readonly report?: Ended;
  readonly details?: readonly Ended[];
}

describe('a manifest that is a program', () => {
  test.each([
    ['ends the process as if all were well', 'process.exit(0);'],
    ['waits for what never comes', 'await new Promise(() => undefined);'],
    ['ends the process while it makes the manifest', 'export default () => process.exit(0);'],
    [
      'throws when nobody waits',
      "setImmediate(() => { throw new Error('late'); });\nawait new Promise(() => undefined);",
    ],
    ['rejects when nobody waits', "void Promise.reject(new Error('late'));\nawait new Promise(() => undefined);"],
  ])('and %s is no success: nothing was asked for', async (_title, text) => {
    const path = await world.manifest('program.ts', text);
    for (const command of ['validate', 'apply']) {
      const { code, stdout, stderr } = await world.cli([command, '-f', path]);
      expect([command, code, stdout]).toEqual([command, 1, '']);
      expect(stderr).toMatch(/ended before the command finished|late/);
    }
    expect(world.proxy.count()).toBe(0);
  });
});

describe('a worker’s health endpoint', () => {
  test('answers its query, and survives malformed queries', async () => {
    const port = await freePort();
    const worker = world.spawnCli(['worker'], { IAM_BOOTSTRAP_HEALTH: `127.0.0.1:${String(port)}` });
    try {
      const url = `http://127.0.0.1:${String(port)}`;
      const state = async (): Promise<unknown> => {
        const answer = await fetch(`${url}/health`).catch(() => undefined);
        return answer?.ok === true ? ((await answer.json()) as { state: string }).state : undefined;
      };
      while ((await state()) === undefined) await pause(100);
      for (const [method, path] of [
        ['POST', '/health'],
        ['DELETE', '/health'],
        ['GET', '/'],
        ['GET', '/health/../../etc/passwd'],
        ['GET', `/${'a'.repeat(2_000)}`],
        ['GET', '/health?%00'],
      ] as const) {
        const answer = await fetch(`${url}${path}`, { method });
        expect([method, path, answer.status, await answer.text()]).toEqual([method, path, 404, '{}']);
      }
      /** Returns at the event, or when the connection is closed, by a reset as well: `once` would throw it. */
      const until = (event: 'connect' | 'close', socket: Socket): Promise<unknown> =>
        new Promise((resolve) => {
          socket.on('error', () => undefined);
          for (const one of [event, 'close']) socket.once(one, resolve);
        });
      /** Says something and waits until the worker hangs up. */
      const hungUp = async (text: string): Promise<string> => {
        const socket = createConnection(port, '127.0.0.1');
        let said = '';
        socket.on('data', (chunk: Buffer) => (said += chunk.toString()));
        const closed = until('close', socket);
        socket.write(text);
        await closed;
        return said.split('\r\n')[0] ?? '';
      };
      const answers = await Promise.all([
        hungUp('\u0000\u00ff\u0016\u0003\u0001 not HTTP at all\r\n\r\n'),
        hungUp(`GET /health HTTP/1.1\r\nHost: x\r\n${'A'.repeat(100)}: ${'b'.repeat(20_000)}\r\n\r\n`),
        hungUp('GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n'),
        // Slowly, and never to an end.
        hungUp('GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: '),
        hungUp('POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\nConnection: close\r\n\r\nx'),
      ]);
      expect(answers.map((answer) => answer.split(' ')[1])).toEqual([
        '400',
        '431',
        '400',
        '408',
        expect.stringMatching(/^40/),
      ]);
      const crowd = Array.from({ length: 500 }, () => createConnection(port, '127.0.0.1'));
      await Promise.all(crowd.map((socket) => until('connect', socket)));
      for (const socket of crowd) socket.destroy();
      while ((await state()) !== 'RUNNING') await pause(100);
      // What Kubernetes asks, again and again: AWS is asked until it has accepted the credentials, and no more.
      const before = world.proxy.count('GetCallerIdentity');
      const probe = async (path: string): Promise<unknown> => {
        const answer = await fetch(`${url}${path}`);
        return [answer.status, await answer.json()];
      };
      const ready = { state: 'RUNNING', pid: worker.pid, temporal: 'ok', aws: 'ok' };
      for (let time = 0; time < 3; time += 1) {
        expect(await probe('/readyz')).toEqual([200, ready]);
        expect(await probe('/livez')).toEqual([200, { state: 'RUNNING', pid: worker.pid }]);
      }
      expect(world.proxy.count('GetCallerIdentity') - before).toBe(1);
    } finally {
      worker.kill('SIGKILL');
      await once(worker, 'exit');
    }
  });
});

describe('text from elsewhere', () => {
  const hostile = [
    '\u001b[2J\u001b]0;owned\u0007 \u009b31m \u202e\u2066\u200f \b\b\r',
    '\n::set-output name=secret::x\n##[error]owned ##vso[task.setvariable variable=x]y ##teamcity[x]',
    ' | a | b | `code` [click](javascript:alert(1)) <img src=x onerror=y> \n\n# Big\n| x |',
  ].join('');

  /** What would do something to a terminal or to a CI service, line by line. */
  function harm(text: string): string[] {
    return text
      .split('\n')
      .filter((line) =>
        /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u202a-\u202e\u2066-\u2069]|^\s*::|##(\[|[a-z]+\[)/.test(line),
      );
  }

  let worker: WorkerProcess;
  beforeAll(async () => {
    worker = await world.startWorker();
  });
  afterAll(async () => {
    await worker.kill();
  });

  test('is made harmless on its way from AWS to a person, and is whole in JSON', async () => {
    const error = { kind: 'error', status: 400, code: 'MalformedPolicyDocument', message: hostile } as const;
    const entities = [role('shown')];
    for (const [output, namespace] of [
      ['text', 'shown'],
      ['json', 'shown-too'],
    ] as const) {
      const path = await world.manifest(`${namespace}.json`, manifestOf({ namespace, account: ACCOUNT, entities }));
      world.proxy.on({ action: 'CreateRole', nth: 1 }, error);
      const { code, stdout, stderr, report } = await world.cli(['apply', '-f', path, '--output', output]);
      expect(code).toBe(1);
      expect(harm(stdout)).toEqual([]);
      expect(harm(stderr)).toEqual([]);
      expect(stdout).toContain('owned');
      // XML knows no control characters: AWS cannot send them, and the rest arrives as it was sent.
      if (output === 'json') expect(report().entities[0]?.reason).toContain('##[error]owned ##vso[task');
      world.proxy.clear();
    }
  });

  test('stays in its cell in the Temporal UI', async () => {
    world.proxy.on(
      { action: 'CreateRole', nth: 1 },
      { kind: 'error', status: 400, code: 'InvalidInput', message: hostile },
    );
    const path = await world.manifest(
      'cell.json',
      manifestOf({ namespace: 'cell', account: ACCOUNT, entities: [role('cell')] }),
    );
    expect((await world.cli(['apply', '-f', path])).code).toBe(1);
    for (const id of [`iam-bootstrap:${ACCOUNT}:cell`, `iam:${ACCOUNT}:Role:cell`]) {
      const handle = temporal.client.workflow.getHandle(id);
      const { currentDetails } = await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata');
      expect(currentDetails).toContain('owned');
      const bare = currentDetails.replace(/\\./g, '');
      // A block of code is text up to its fence, which no line of the text can be.
      expect(bare.replace(/^(`{3,})diff\n[^]*?\n\1$/gm, '')).not.toMatch(/[<>[\]]|^# |^::/m);
      for (const row of bare.split('\n').filter((line) => line.startsWith('|'))) {
        expect([row, row.split('|').length]).toEqual([row, 5]);
      }
      expect(bare.split('\n').filter((line) => line.includes('Big'))).toHaveLength(1);
    }
  });

  test('of a file, a name or an argument is made harmless where it is wrong', async () => {
    const path = await world.manifest(
      'm\u001b[31m.yaml',
      `version: 1\nnamespace: "\\e[2J\\n::set-output name=x::y ##[error]"\nenvironments: { "\u202edev": { account: "1" } }\nentities:\n  - { kind: "Ro\\ele", "\\u009b31m": 1 }\n`,
    );
    for (const args of [
      ['validate', '-f', path],
      ['validate', '-f', path, '--output', 'json'],
      ['apply', '-f', path],
      ['apply', '-f', 'none\u001b[2J\n::error::x.yaml'],
      ['validate', '-f', path, '--var', '\u001b[2J=\u0007'],
      ['apply', '--\u001b[2J'],
      ['\u001b[2J\n::error::x'],
      ['status', '--account', '\u001b[2J"'],
    ]) {
      const { code, stdout, stderr } = await world.cli(args);
      expect(code).not.toBe(0);
      expect(harm(stdout)).toEqual([]);
      expect(harm(stderr)).toEqual([]);
    }
  });

  test('of another client’s run is made harmless in the list of runs, and keeps nobody from it', async () => {
    const memos: readonly Record<string, unknown>[] = [
      { pipeline: { url: hostile } },
      { pipeline: { url: 5, actor: { a: 1 } } },
      { pipeline: 'text' },
      { pipeline: null, digest: [] },
      {},
    ];
    for (const [index, memo] of memos.entries()) {
      await temporal.client.workflow.start('bootstrap', {
        taskQueue: 'nobody',
        workflowId: `iam-bootstrap:\u001b[2J\u0007::x:n${String(index)}\n::set-output name=x::y`,
        args: [null],
        memo,
        workflowExecutionTimeout: '5m',
      });
    }
    let shown = '';
    while ((shown.match(/^running /gm) ?? []).length < memos.length) {
      const { code, stdout, stderr } = await world.cli(['status', '--limit', '50']);
      expect([code, harm(stdout), harm(stderr)]).toEqual([0, [], []]);
      shown = stdout;
    }
    const { code, stdout } = await world.cli(['status', '--limit', '50', '--output', 'json']);
    expect([code, harm(stdout)]).toEqual([0, []]);
    for (const { workflowId } of (JSON.parse(stdout) as { runs: { workflowId: string }[] }).runs) {
      if (workflowId.includes('\u001b')) await temporal.client.workflow.getHandle(workflowId).terminate();
    }
  });
});

/** The message at the bottom of a failure, or the reason of a report. */
function deepest(verdict: unknown): string {
  let at = verdict as { cause?: unknown; message?: string; reason?: string };
  while (at.cause !== undefined && at.cause !== null) at = at.cause;
  return at.reason ?? at.message ?? '';
}
