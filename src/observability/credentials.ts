import type { Logger } from 'pino';
import { type CertificateState, type ConnectionCertificate, NOT_YET_VALID_REMEDY } from '../contract/certificate.js';
import { type Meter, metric } from './instruments.js';

const TITLES = {
  client: "The worker's client certificate for Temporal",
  ca: 'The CA certificate for Temporal',
} as const;

const REMEDY = 'Renew it: the worker reads the file again, tries it, and then exits with 4, to be started again';

/** Reports the credentials of a worker's connection to Temporal, to its log and its metrics. */
export class CredentialsReporter {
  readonly #log: Logger;
  readonly #showStart: (value: number, labels: { readonly certificate: string }) => void;
  readonly #showEnd: (value: number, labels: { readonly certificate: string }) => void;
  readonly #states = new Map<string, CertificateState>();

  constructor(log: Logger, meter: Meter) {
    this.#log = log;
    this.#showStart = metric(meter, 'iam_bootstrap_temporal_certificate_not_before_timestamp_seconds');
    this.#showEnd = metric(meter, 'iam_bootstrap_temporal_certificate_not_after_timestamp_seconds');
  }

  /** Shows the certificates in use, and logs each change of their state. */
  inUse(certificates: readonly (ConnectionCertificate & { readonly state: CertificateState })[]): void {
    for (const { role, notBefore, notAfter, state } of certificates) {
      this.#showStart(toSeconds(notBefore), { certificate: role });
      this.#showEnd(toSeconds(notAfter), { certificate: role });
      if (state === (this.#states.get(role) ?? 'valid')) continue;
      this.#states.set(role, state);
      const fields = { certificate: role, notBefore: notBefore.toISOString(), notAfter: notAfter.toISOString() };
      if (state === 'expiring') this.#log.warn(fields, `${TITLES[role]} is about to expire. ${REMEDY}`);
      else if (state === 'not yet valid')
        this.#log.error(fields, `${TITLES[role]} is ${state}: ${NOT_YET_VALID_REMEDY}`);
      else if (state === 'expired') this.#log.error(fields, `${TITLES[role]} is ${state}. ${REMEDY}`);
    }
  }

  apiKeyReplaced(): void {
    this.#log.info('The API key of Temporal was replaced, without a restart');
  }

  unusable(err: Error): void {
    this.#log.error({ err }, 'New credentials for Temporal cannot be used; the current ones stay in use');
  }

  certificatesRenewed(): void {
    this.#log.warn(
      'The certificates for Temporal were renewed: the worker finishes what it has begun and exits with 4',
    );
  }
}

function toSeconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}
