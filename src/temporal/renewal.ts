import type { NativeConnection } from '@temporalio/worker';
import type { Config } from '../config/config.js';
import type { CertificateState, ConnectionCertificate } from '../contract/certificate.js';
import { ConfigError } from '../contract/user-facing-error.js';
import { certificatesOf, certificateState, digestTls } from './certificates.js';
import { tryConnection } from './connect-worker.js';
import { UnreachableError } from './diagnose.js';
import { type ConnectionSettings, temporalSettings } from './settings.js';

/** The pause between two readings of the files, in milliseconds. Kubernetes takes a minute to renew a mounted secret. */
const INTERVAL_MS = 10_000;

/** The receiver of what happens to the credentials of a connection. */
interface RenewalObserver {
  /** Gets the certificates in use and their state, at each reading. */
  readonly inUse: (certificates: readonly (ConnectionCertificate & { readonly state: CertificateState })[]) => void;
  /** An API key was replaced, without a new connection. */
  readonly apiKeyReplaced: () => void;
  /** New credentials cannot be used, and the old ones stay. Called once for each reason. */
  readonly unusable: (reason: Error) => void;
  /** Temporal accepts the new certificates, and the worker exits to be started with them. */
  readonly certificatesRenewed: () => void;
}

/** The effects of a renewal. */
interface RenewalParts {
  readonly connection: Pick<NativeConnection, 'setApiKey'>;
  readonly observer: RenewalObserver;
  /** Called once Temporal has accepted renewed certificates. They take effect with a new connection only. */
  readonly onRenewal: () => void;
  /** Tries a connection, and rejects where Temporal does not accept it. */
  readonly tryConnection: typeof tryConnection;
}

/**
 * Follows the files with the credentials of a worker's connection: certificates, key, API key, profile. Their content is
 * compared, because Kubernetes replaces a link above them.
 */
export class Renewal {
  readonly #readConfig: () => Config;
  readonly #parts: RenewalParts;
  readonly #certificates: readonly ConnectionCertificate[];
  readonly #digest: string;
  #apiKey: string | undefined;
  #unusable = '';
  #isRenewed = false;

  /**
   * Follows a connection.
   *
   * @param readConfig - returns the configuration with the files of its network as they are now
   * @param inUse - the settings that the connection was made with
   */
  constructor(readConfig: () => Config, inUse: ConnectionSettings, parts: RenewalParts) {
    this.#readConfig = readConfig;
    this.#parts = parts;
    this.#certificates = certificatesOf(inUse);
    this.#digest = digestTls(inUse);
    this.#apiKey = apiKeyOf(inUse);
  }

  /** Reads the files at an interval, and returns a function that ends it. */
  start(intervalMs = INTERVAL_MS): () => void {
    let isReading = false;
    const read = (): void => {
      if (isReading) return;
      isReading = true;
      void this.check().finally(() => (isReading = false));
    };
    read();
    const timer = setInterval(read, intervalMs).unref();
    return () => {
      clearInterval(timer);
    };
  }

  /** Reads the files once. */
  async check(now = new Date()): Promise<void> {
    this.#parts.observer.inUse(this.#certificates.map((one) => ({ ...one, state: certificateState(one, now) })));
    if (this.#isRenewed) return;
    try {
      const config = this.#readConfig();
      await this.#takeOver(config, temporalSettings(config));
      this.#unusable = '';
    } catch (error) {
      if (!(error instanceof ConfigError || error instanceof UnreachableError)) throw error;
      if (error.message !== this.#unusable) this.#parts.observer.unusable(error);
      this.#unusable = error.message;
    }
  }

  async #takeOver(config: Config, found: ConnectionSettings): Promise<void> {
    const { connection, observer, onRenewal } = this.#parts;
    if (digestTls(found) !== this.#digest) {
      await this.#parts.tryConnection(config, found);
      this.#isRenewed = true;
      observer.certificatesRenewed();
      onRenewal();
      return;
    }
    const apiKey = apiKeyOf(found);
    if (apiKey === undefined || apiKey === this.#apiKey) return;
    await connection.setApiKey(apiKey);
    this.#apiKey = apiKey;
    observer.apiKeyReplaced();
  }
}

/** Follows the credentials of a worker's connection, and returns a function that ends it. */
export function followCredentials(
  readConfig: () => Config,
  settings: ConnectionSettings,
  parts: Omit<RenewalParts, 'tryConnection'>,
): () => void {
  return new Renewal(readConfig, settings, { ...parts, tryConnection }).start();
}

function apiKeyOf({ connectionOptions: { apiKey } }: ConnectionSettings): string | undefined {
  return typeof apiKey === 'string' ? apiKey : undefined;
}
