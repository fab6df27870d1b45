import { join } from 'node:path';
import { startFaultProxy } from './fault-proxy.js';
import type { FaultProxy } from './fault-proxy.js';
import type { WorkerProcess, World } from './world.js';

/** A call of a run at which the worker dies. */
export interface Death {
  /** The account of the run. */
  readonly account: string;
  /** `before`: the call never arrives. `after`: AWS executes it, and the reply is lost. */
  readonly when: 'before' | 'after';
  readonly action: string;
}

/** A worker with a proxy of its own: other tests of the world do not notice its death. */
export interface Stage {
  readonly proxy: FaultProxy;
  /** The task queue of its workers. */
  readonly taskQueue: string;
  /** Returns an account that no other test uses. */
  newAccount(): string;
  /**
   * Holds each run at its call until all have reached theirs, kills the worker that all of them share, starts another
   * one, and returns each death with the result of its run. Either the call or its reply is lost.
   */
  killedAt<D extends Death, T>(
    deaths: readonly D[],
    run: (death: D) => Promise<T>,
  ): Promise<(D & { readonly ended: T })[]>;
}

let accounts = 0;
let stages = 0;

/** Runs a function on a new stage whose worker has started. */
export async function onStage<T>(world: World, act: (stage: Stage) => Promise<T>): Promise<T> {
  stages += 1;
  const taskQueue = `stage-${String(stages)}`;
  const proxy = await startFaultProxy(world.sandbox.url);
  const env = {
    IAM_BOOTSTRAP_TASK_QUEUE: taskQueue,
    AWS_ENDPOINT_URL_IAM: proxy.url,
    AWS_ENDPOINT_URL_STS: proxy.url,
    IAM_BOOTSTRAP_SECRETS: join(world.directory, `secrets-${taskQueue}`),
  };
  let worker: WorkerProcess | undefined;
  try {
    const doomed = (worker = await world.startWorker(env));
    return await act({
      proxy,
      taskQueue,
      newAccount: () => {
        accounts += 1;
        return String(400_000_000_000 + accounts);
      },
      killedAt: async (deaths, run) => {
        let die = (): void => undefined;
        const dead = new Promise<void>((resolve) => (die = resolve));
        const held = deaths.map((death) => ({ death, ...holdAt(proxy, death, dead, () => run(death)) }));
        await Promise.all(held.map(({ reached }) => reached));
        await doomed.kill();
        die();
        worker = await world.startWorker(env);
        return Promise.all(held.map(async ({ death, running }) => ({ ...death, ended: await running })));
      },
    });
  } finally {
    await worker?.kill();
    await proxy.stop();
  }
}

/** Starts a run and holds its first such call until the worker is dead. */
function holdAt<T>(
  proxy: FaultProxy,
  { account, when, action }: Death,
  dead: Promise<void>,
  run: () => Promise<T>,
): { readonly reached: Promise<void>; readonly running: Promise<T> } {
  let reach = (): void => undefined;
  const atCall = new Promise<void>((resolve) => (reach = resolve));
  const hold = async (): Promise<'drop'> => {
    reach();
    await dead;
    return 'drop';
  };
  proxy.on({ account, action, nth: 1 }, { kind: 'hook', [when]: hold });
  const running = run();
  const early = running.then((ended) => {
    throw new Error(`the run ended before ${action}: ${JSON.stringify(ended)}`);
  });
  early.catch(() => undefined);
  return { reached: Promise.race([atCall, early]), running };
}
