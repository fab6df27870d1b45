import { activityInfo } from '@temporalio/activity';
import { placeOf, SecretLocationError } from '../aws/secrets.js';
import type { SecretRecord } from '../aws/secrets.js';
import { entityId } from '../contract/entity.js';
import type { CreateRequest } from '../contract/steps.js';
import type { Candidate, Desired, Kind } from '../kinds/kind.js';
import type { Account } from './accounts.js';
import { sendAll } from './send.js';
import type { Work } from './work.js';

/** Clocks of AWS and of the worker may differ by so much. In milliseconds. */
const CLOCK_TOLERANCE_MS = 2_000;

/** What to do where a lost reply cannot be told from somebody else's work. */
export const SEVERAL_ORPHANS_REMEDY =
  'find out whose they are (CloudTrail shows who made each), delete those that nobody holds, and apply again';

/** Fields of a stored record that are the engine's: whose it is, and which run stored it. */
const Field = { Entity: 'Entity', Account: 'Account', Intent: 'Intent' } as const;

/**
 * The secret of one entity, from the Create to where the manifest wants it. AWS reveals it once: a reply that is lost
 * leaves an orphan, which is recognised by the listing that history keeps, removed, and made anew.
 */
export class EntitySecrets {
  readonly #account: Account;
  readonly #kind: Kind;
  readonly #desired: Desired;
  readonly #request: CreateRequest;

  constructor(account: Account, kind: Kind, desired: Desired, request: CreateRequest) {
    this.#account = account;
    this.#kind = kind;
    this.#desired = desired;
    this.#request = request;
  }

  /** Before the Create: the place can be used, and what the Create needs from it is there. */
  async prepare(): Promise<void> {
    const { secret } = this.#kind;
    if (secret === undefined) return;
    const location = secret.location(this.#desired.spec);
    const { secrets } = this.#account.clients;
    const stored = await secrets.readRecord(location);
    const { entity, account } = this.#whose();
    if (stored !== undefined && (stored[Field.Entity] !== entity || stored[Field.Account] !== account)) {
      const owner =
        stored[Field.Entity] === undefined
          ? 'something else'
          : `${stored[Field.Entity] ?? ''} of account ${stored[Field.Account] ?? ''}`;
      throw new SecretLocationError(
        `${placeOf(location)} holds the secret of ${owner}; name another place, or empty it`,
      );
    }
    if (secret.generated === undefined || stored?.[Field.Intent] === this.#request.intent) return;
    await secrets.writeRecord(location, this.#record(secret.generated(this.#desired)));
  }

  /** After the Create: what the reply reveals is stored, or what was made is removed, since nobody could hold it. */
  async keep(output: unknown, work: Work): Promise<void> {
    const { secret } = this.#kind;
    if (secret?.revealed === undefined) return;
    const record = this.#record(secret.revealed(output, this.#desired));
    try {
      await this.#account.clients.secrets.writeRecord(secret.location(this.#desired.spec), record);
    } catch (error) {
      const id = secret.idOf?.(record);
      if (id !== undefined) await sendAll(this.#account, secret.removal?.(id, this.#desired) ?? [], work);
      throw error;
    }
  }

  /** What was there all along has a secret of its own: the one that was generated for it opens nothing. */
  async disown(): Promise<void> {
    const { secret } = this.#kind;
    if (secret?.generated === undefined) return;
    await this.#account.clients.secrets.writeRecord(secret.location(this.#desired.spec), this.#record({}));
  }

  /**
   * Removes what an earlier attempt made and nobody holds.
   *
   * @returns why it cannot be told which one that is, or null
   */
  async removeOrphans(work: Work): Promise<string | null> {
    const { secret } = this.#kind;
    if (secret?.candidates === undefined) return null;
    const { reader } = this.#account.clients;
    const orphans = await this.#orphans(await secret.candidates(reader, this.#desired));
    const [first] = orphans;
    if (first === undefined) return null;
    const ids = orphans.map(({ id }) => id).join(', ');
    if (orphans.length > 1) return `${ids} appeared while this run made one, and the secret of none is stored`;
    if ((await secret.isUsed?.(reader, first.id)) === true) {
      return `${ids} appeared while this run made one, and somebody else makes use of it`;
    }
    await sendAll(this.#account, secret.removal?.(first.id, this.#desired) ?? [], work);
    return null;
  }

  async #orphans(candidates: readonly Candidate[]): Promise<readonly Candidate[]> {
    const { secret } = this.#kind;
    const record = secret && (await this.#account.clients.secrets.readRecord(secret.location(this.#desired.spec)));
    const held = record === undefined ? undefined : secret?.idOf?.(record);
    const since = activityInfo().scheduledTimestampMs - CLOCK_TOLERANCE_MS;
    return candidates.filter(
      ({ id, createdAt }) =>
        id !== held &&
        this.#request.known?.includes(id) !== true &&
        (createdAt === null || Date.parse(createdAt) >= since),
    );
  }

  #record(secret: SecretRecord): SecretRecord {
    const { entity, account } = this.#whose();
    return { [Field.Entity]: entity, [Field.Account]: account, [Field.Intent]: this.#request.intent, ...secret };
  }

  #whose(): { readonly entity: string; readonly account: string } {
    return { entity: entityId(this.#request.entity), account: this.#request.target.account };
  }
}
