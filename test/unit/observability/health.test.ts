import { createLogger } from '../../../src/observability/logging.js';
import { serveHealth, type ServedWorker } from '../../../src/observability/health.js';
import { Readiness } from '../../../src/observability/readiness.js';
import { freePort } from '../../../src/embedded/ports.js';

const log = createLogger('silent', 2);
const fine = (): Promise<unknown> => Promise.resolve({});

type State = ReturnType<ServedWorker['worker']['getState']>;
type Poller = ReturnType<ServedWorker['worker']['getStatus']>['activityPollerState'];

/** Stands for a worker in a state. */
function workerIn(state: State, activityPollerState: Poller = 'POLLING'): ServedWorker['worker'] {
  return {
    getState: () => state,
    getStatus: () => ({ runState: state, workflowPollerState: 'POLLING', activityPollerState }) as never,
  };
}

/** Serves the health of a worker, and returns the status and the reply for each path. */
async function ask(
  served: ServedWorker | undefined,
  ...paths: readonly string[]
): Promise<(readonly [number, Record<string, unknown>])[]> {
  const address = `127.0.0.1:${String(await freePort())}`;
  const close = await serveHealth(address, () => served);
  try {
    const answers = await Promise.all(paths.map((path) => fetch(`http://${address}${path}`)));
    return await Promise.all(
      answers.map(async (answer) => [answer.status, (await answer.json()) as Record<string, unknown>] as const),
    );
  } finally {
    await close();
  }
}

describe('the health of a worker', () => {
  test.each<[string, ServedWorker['worker'] | undefined, number, number, number]>([
    ['has not connected yet', undefined, 503, 200, 503],
    ['was made and does not poll yet', workerIn('INITIALIZED'), 503, 200, 503],
    ['polls', workerIn('RUNNING'), 200, 200, 200],
    ['has lost a poller', workerIn('RUNNING', 'FAILED'), 200, 503, 503],
    ['polls for one type of tasks only', workerIn('RUNNING', 'SHUTDOWN'), 200, 503, 503],
    ['finishes its activities after a signal', workerIn('DRAINING', 'SHUTDOWN'), 503, 200, 503],
    ['has failed', workerIn('FAILED', 'FAILED'), 503, 503, 503],
    ['has stopped', workerIn('STOPPED', 'SHUTDOWN'), 503, 503, 503],
  ])('that %s: /health, /livez and /readyz', async (_title, worker, health, livez, readyz) => {
    const served = worker && { worker, readiness: new Readiness(log, fine, fine) };
    const answers = await ask(served, '/health', '/livez', '/readyz', '/healthz', '/toString');
    expect(answers.map(([status]) => status)).toEqual([health, livez, readyz, 404, 404]);
    for (const [, body] of answers.slice(0, 3)) expect(body).toMatchObject({ pid: process.pid });
  });

  test('is served at an IPv6 address, in brackets as everywhere, and at all addresses of both kinds', async () => {
    for (const [given, asked] of [
      ['[::1]', ['[::1]']],
      ['[::]', ['[::1]', '127.0.0.1']],
    ] as const) {
      const port = String(await freePort());
      const close = await serveHealth(`${given}:${port}`, () => undefined);
      try {
        const answers = await Promise.all(asked.map((host) => fetch(`http://${host}:${port}/livez`)));
        expect(answers.map(({ status }) => status)).toEqual(asked.map(() => 200));
      } finally {
        await close();
      }
    }
  });

  test.each([
    ['Temporal does not answer', { temporal: 'TypeError', aws: 'ok' }],
    ['AWS does not accept the credentials', { temporal: 'ok', aws: 'ExpiredToken' }],
  ])('is not ready, but alive, while %s, and the reply has the name of the error alone', async (_title, needs) => {
    const end = (name: string) => () =>
      name === 'ok' ? fine() : Promise.reject(Object.assign(new Error('key AKIASECRET'), { name }));
    const readiness = new Readiness(log, end(needs.temporal), end(needs.aws));
    const [live, ready] = await ask({ worker: workerIn('RUNNING'), readiness }, '/livez', '/readyz');
    expect(live?.[0]).toBe(200);
    expect(ready).toEqual([503, { state: 'RUNNING', pid: process.pid, ...needs }]);
  });
});

describe('readiness', () => {
  test('asks AWS until it has accepted the credentials, and Temporal each time', async () => {
    const asked = { temporal: 0, aws: 0 };
    const readiness = new Readiness(
      log,
      () => Promise.resolve((asked.temporal += 1)),
      () => ((asked.aws += 1) < 3 ? Promise.reject(new TypeError('no credentials')) : fine()),
    );
    const answers = [];
    for (let time = 0; time < 5; time += 1) answers.push((await readiness.read()).aws);
    expect(answers).toEqual(['TypeError', 'TypeError', 'ok', 'ok', 'ok']);
    expect(asked).toEqual({ temporal: 5, aws: 3 });
  });

  test('asks once for all probes that come at a time', async () => {
    let asked = 0;
    let answer: (value: unknown) => void = () => undefined;
    const waits = new Promise((resolve) => (answer = resolve));
    const readiness = new Readiness(log, () => (asked++, waits), fine);
    const probes = Array.from({ length: 100 }, () => readiness.read());
    answer('here');
    await Promise.all(probes);
    expect(asked).toBe(1);
  });

  test('logs a change, with its reason, and not each probe', async () => {
    const lines: unknown[] = [];
    const add = (...line: unknown[]): unknown => lines.push(line);
    let reason: Error | undefined = new Error('connection refused');
    const readiness = new Readiness(
      { info: add, warn: add } as never,
      () => (reason === undefined ? fine() : Promise.reject(reason)),
      fine,
    );
    await readiness.read();
    await readiness.read();
    expect(lines).toContainEqual([{ need: 'temporal', err: reason }, 'Not ready']);
    reason = undefined;
    await readiness.read();
    await readiness.read();
    expect(lines).toHaveLength(3);
  });
});
