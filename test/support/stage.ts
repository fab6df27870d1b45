import { join } from 'node:path';
import type { IAM } from '@aws-sdk/client-iam';
import { startFaultProxy } from './fault-proxy.js';
import type { FaultProxy } from './fault-proxy.js';
import { iamClient } from './sandbox.js';
import type { WorkerProcess, World } from './world.js';

/** An account with its own worker and proxy, so that several tests can run concurrently. */
export interface Stage {
  readonly account: string;
  readonly proxy: FaultProxy;
  /** The task queue of its workers. */
  readonly taskQueue: string;
  /** The environment of commands. */
  readonly env: Readonly<Record<string, string>>;
  /** A client that does not use the proxy. */
  readonly iam: IAM;
  startWorker(): Promise<WorkerProcess>;
  /**
   * Kills the worker right before or after a call, starts another one, and waits for the run to finish. Either the
   * call or its reply is lost.
   */
  killedAt<T>(when: 'before' | 'after', action: string, run: () => Promise<T>): Promise<T>;
}

let accounts = 0;

/** Runs a function on a new stage whose worker has started. */
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
