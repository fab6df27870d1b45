import type { Logger } from 'pino';
import { type Meter, metric } from './instruments.js';

/** A change of the guardrails that are in force. */
interface Change {
  readonly digest: string | null;
  readonly previous: string | null;
  readonly error: Error | null;
}

/** The digest label of a worker without guardrails. */
const NONE = 'none';

/** Reports guardrails, and what they refuse, to the log and the metrics of a worker. */
export class GuardrailsReporter {
  readonly #log: Logger;
  readonly #show: (value: number, labels: { readonly digest: string }) => void;
  readonly #count: (value: number, labels: { readonly at: string }) => void;

  constructor(log: Logger, meter: Meter) {
    this.#log = log;
    this.#show = metric(meter, 'iam_bootstrap_guardrails');
    this.#count = metric(meter, 'iam_bootstrap_guardrails_refusals');
  }

  /** Reports that the worker has no guardrails. */
  missing(): void {
    this.#show(1, { digest: NONE });
    this.#log.warn(
      'No guardrails: every client of Temporal can have everything written that the AWS credentials allow. Set IAM_BOOTSTRAP_GUARDRAILS to a file.',
    );
  }

  changed({ digest, previous, error }: Change): void {
    if (previous !== null) this.#show(0, { digest: previous });
    if (digest !== null) this.#show(1, { digest });
    if (error === null) this.#log.info({ digest, previous }, 'Guardrails in force');
    else this.#log.error({ previous, error: error.message }, 'Guardrails cannot be used: nothing is written');
  }

  refused(at: 'plan' | 'write'): void {
    this.#count(1, { at });
  }
}
