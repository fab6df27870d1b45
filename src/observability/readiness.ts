import type { Logger } from 'pino';
import { type AwsClients, type AwsOptions, createAwsClients } from '../aws/clients.js';
import type { AwsSettings } from '../aws/settings.js';

/** Checks one thing that a worker needs. Rejects with the reason while it is unavailable. */
type Check = () => Promise<unknown>;

/** The result of each check: `ok`, or the name of the error. */
type Needs = Readonly<Record<'temporal' | 'aws', string>>;

/** Reports whether a worker can do its work: Temporal answers, and AWS has accepted the worker's own credentials. */
export class Readiness {
  readonly #log: Logger;
  readonly #checks: Readonly<Record<keyof Needs, Check>>;
  #reading: Promise<Needs> | undefined;
  #last: Partial<Needs> = {};

  /**
   * Creates the readiness checks of a worker.
   *
   * @param log - gets each change of an answer
   * @param temporal - asks Temporal, each time
   * @param aws - asks AWS, until it has accepted the credentials: later, each write verifies them
   */
  constructor(log: Logger, temporal: Check, aws: Check) {
    this.#log = log;
    this.#checks = { temporal, aws: once(aws) };
  }

  /** Asks now. All who ask meanwhile get the same answer, so that many probes make one call at a time. */
  async read(): Promise<Needs> {
    this.#reading ??= this.#ask().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #ask(): Promise<Needs> {
    const [temporal, aws] = await Promise.all([this.#answer('temporal'), this.#answer('aws')]);
    return { temporal, aws };
  }

  async #answer(need: keyof Needs): Promise<string> {
    const { answer, error } = await this.#checks[need]().then(
      () => ({ answer: 'ok', error: undefined }),
      (reason: unknown) => ({ answer: reason instanceof Error ? reason.name : 'Error', error: reason }),
    );
    if (answer !== this.#last[need]) {
      if (answer === 'ok') this.#log.info({ need }, 'Ready');
      else this.#log.warn({ need, err: error }, 'Not ready');
      this.#last = { ...this.#last, [need]: answer };
    }
    return answer;
  }
}

/** Returns a check that asks nothing any more once it has passed. */
function once(check: Check): Check {
  let hasPassed = false;
  return async () => {
    if (hasPassed) return;
    await check();
    hasPassed = true;
  };
}

/** Returns a function that asks STS whose the worker's own credentials are. It rejects with the SDK's error. */
export function ownIdentity(
  options: AwsOptions,
  { partition }: Pick<AwsSettings, 'partition'>,
): AwsClients['callerIdentity'] {
  return async () => {
    const clients = createAwsClients({ account: '', partition: partition?.value ?? '' }, options);
    try {
      return await clients.callerIdentity();
    } finally {
      clients.destroy();
    }
  };
}
