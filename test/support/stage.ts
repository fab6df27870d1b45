import { join } from 'node:path';
import type { IAM } from '@aws-sdk/client-iam';
import { startFaultProxy } from './fault-proxy.js';
import type { FaultProxy } from './fault-proxy.js';
import { iamClient } from './sandbox.js';
import type { WorkerProcess, World } from './world.js';

/** One act in an account of its own, with a worker and a proxy of its own, so that several can be played at a time. */
export interface Stage {
  readonly account: string;
  readonly proxy: FaultProxy;
  /** Which workers carry out what is asked for here. */
  readonly taskQueue: string;
  /** For commands. */
  readonly env: Readonly<Record<string, string>>;
  /** A client that does not use the proxy. */
  readonly iam: IAM;
  startWorker(): Promise<WorkerProcess>;
  /**
   * Kills the worker right before or after a call, has another one take over, and waits for the end of what was
   * running. The call is lost, or its answer is.
   */
  killedAt<T>(when: 'before' | 'after', action: string, run: () => Promise<T>): Promise<T>;
}

/** Plays several acts at a time, each to its end, and then throws what the first that failed has thrown. */
export async function together<T>(parts: readonly T[], act: (part: T) => Promise<void>): Promise<void> {
  const ended = await Promise.allSettled(parts.map(act));
  for (const one of ended) if (one.status === 'rejected') throw one.reason;
}

let accounts = 0;

/** Plays an act. The worker is there when it begins. */
export async function onStage<T>(world: World, act: (stage: Stage) => Promise<T>): Promise<T> {
  accounts += 1;
  const account = String(400_000_000_000 + accounts);
  const taskQueue = `stage-${account}`;
  const proxy = await startFaultProxy(world.sandbox.url);
  const env = {
    IAM_BOOTSTRAP_TASK_QUEUE: taskQueue,
    AWS_ENDPOINT_URL_IAM: proxy.url,
    AWS_ENDPOINT_URL_STS: proxy.url,
    IAM_BOOTSTRAP_SECRETS: join(world.directory, `secrets-${account}`),
  };
  const workers: WorkerProcess[] = [];
  const startWorker = async (): Promise<WorkerProcess> => {
    const worker = await world.startWorker(env);
    workers.push(worker);
    return worker;
  };
  try {
    await startWorker();
    return await act({
      account,
      proxy,
      taskQueue,
      env,
      iam: iamClient(world.sandbox.url, account),
      startWorker,
      killedAt: async (when, action, run) => {
        const doomed = workers.at(-1);
        if (doomed === undefined) throw new Error('no worker runs');
        const die = async (): Promise<'drop'> => {
          await doomed.kill();
          return 'drop';
        };
        const rule = proxy.on({ action, nth: 1 }, { kind: 'hook', [when]: die });
        const running = run();
        const early = running.then((ended) => {
          throw new Error(`the run ended before ${action}: ${JSON.stringify(ended)}`);
        });
        early.catch(() => undefined);
        await Promise.race([doomed.exited, early]);
        rule.remove();
        await startWorker();
        return running;
      },
    });
  } finally {
    await Promise.all(workers.map((worker) => worker.kill()));
    await proxy.stop();
  }
}
