import type { JSONWebKeySet } from 'jose';
import type { TokenIssuer } from '../contract/identity.js';
import type { FetchJson } from './fetch-json.js';

/** Time for which keys count as current, in milliseconds. */
const FRESH_MS = 600_000;

/** Time for which known keys still count where the issuer does not answer. */
const STALE_MS = 3_600_000;

/** Pause between two reads for keys that the last one did not have: any client may send tokens with invented ones. */
const COOLDOWN_MS = 30_000;

/** Pause after a read that failed: tokens with invented keys must not cause one each while the issuer does not answer. */
const FAILED_COOLDOWN_MS = 5_000;

/** An issuer whose keys are needed. */
export type KeyOwner = Pick<TokenIssuer, 'name' | 'issuer' | 'jwksUri'>;

/** Reports that the keys of an issuer cannot be read now. */
export class IssuerUnavailableError extends Error {
  override readonly name = 'IssuerUnavailableError';

  constructor({ name, issuer }: KeyOwner, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`the keys of the issuer ${name} (${issuer}) cannot be read: ${reason}`, { cause });
  }
}

interface Known {
  readonly keys: JSONWebKeySet;
  readonly at: number;
}

/** The public keys of issuers, read again once they are old and once a token names one that is not known. */
export class IssuerKeys {
  readonly #fetchJson: FetchJson;
  readonly #now: () => number;
  readonly #known = new Map<string, Known>();
  readonly #reading = new Map<string, Promise<Known>>();
  readonly #failed = new Map<string, { readonly at: number; readonly error: unknown }>();

  constructor(fetchJson: FetchJson, now: () => number = Date.now) {
    this.#fetchJson = fetchJson;
    this.#now = now;
  }

  /**
   * Returns the keys of an issuer.
   *
   * @param owner - the issuer
   * @param kid - the ID of the key that is looked for; undefined where the token names none
   * @throws IssuerUnavailableError
   */
  async keysOf(owner: KeyOwner, kid: string | undefined): Promise<JSONWebKeySet> {
    const id = JSON.stringify([owner.issuer, owner.jwksUri]);
    const known = this.#known.get(id);
    const hasKey = known?.keys.keys.some((key) => kid === undefined || key.kid === kid) === true;
    const age = known === undefined ? Infinity : this.#now() - known.at;
    if (known !== undefined && age < (hasKey ? FRESH_MS : COOLDOWN_MS)) return known.keys;
    try {
      return (await this.#read(id, owner)).keys;
    } catch (error) {
      if (known !== undefined && hasKey && age < STALE_MS) return known.keys;
      throw new IssuerUnavailableError(owner, error);
    }
  }

  /** Reads keys, once for all that need them at a time. */
  async #read(id: string, owner: KeyOwner): Promise<Known> {
    const failed = this.#failed.get(id);
    if (failed !== undefined && this.#now() - failed.at < FAILED_COOLDOWN_MS) throw failed.error;
    const reading =
      this.#reading.get(id) ??
      this.#load(owner).then(
        (keys) => {
          const known = { keys, at: this.#now() };
          this.#known.set(id, known);
          return known;
        },
        (error: unknown) => {
          this.#failed.set(id, { at: this.#now(), error });
          throw error;
        },
      );
    this.#reading.set(id, reading);
    return reading.finally(() => this.#reading.delete(id));
  }

  async #load({ issuer, jwksUri }: KeyOwner): Promise<JSONWebKeySet> {
    const uri = jwksUri ?? (await this.#discover(issuer));
    const { keys } = await this.#fetchJson(uri);
    if (!Array.isArray(keys)) throw new Error(`${uri} has no list of keys`);
    const isKey = (key: unknown): key is JSONWebKeySet['keys'][number] => typeof key === 'object' && key !== null;
    return { keys: keys.filter(isKey) };
  }

  async #discover(issuer: string): Promise<string> {
    const address = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
    const { issuer: own, jwks_uri: uri } = await this.#fetchJson(address);
    if (own !== issuer) throw new Error(`${address} is the document of another issuer: ${JSON.stringify(own)}`);
    if (typeof uri !== 'string') throw new Error(`${address} names no jwks_uri`);
    return uri;
  }
}
