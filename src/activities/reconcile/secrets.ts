import { activityInfo, CancelledFailure, sleep } from '@temporalio/activity';
import { awsError, failureTypeOf } from '../../aws/errors.js';
import type { AwsError } from '../../aws/errors.js';
import { pauseAfter } from '../../aws/propagation.js';
import { placeOf, SecretLocationError, withoutValues } from '../../aws/secrets.js';
import type { SecretRecord } from '../../aws/secrets.js';
import { entityId } from '../../contract/entity.js';
import type { SecretLocation } from '../../contract/entity.js';
import { FAILURES } from '../../contract/failures.js';
import type { CreateRequest } from '../../contract/activities.js';
import type { Candidate, Desired, Kind } from '../../kinds/kind.js';
import type { Account } from '../runtime/accounts.js';
import { failure, notShownYet, OperationError } from '../runtime/failures.js';
import { LeaseError, CLEANUP_LEASE } from '../runtime/lease.js';
import { sendAll } from '../runtime/send-writes.js';
import { CLOCK_TOLERANCE_MS, holdLease } from '../runtime/activity-context.js';
import type { ActivityContext } from '../runtime/activity-context.js';

/** A secret that is there to be stored waits so long for its place, in milliseconds. */
const STORE_WINDOW_MS = 60_000;

/**
 * Attempts that look again for what one read shows and another does not. After these it was removed a moment before,
 * and the one that showed it was behind.
 */
const DOUBTS = 3;

/** What to do where a lost reply cannot be told from somebody else's work. */
export const SEVERAL_ORPHANS_REMEDY =
  'find out whose they are (CloudTrail shows who made each), delete those that nobody holds, and apply again';

/** Fields of a stored record that are the engine's: whose it is, and which run stored it. */
const Field = { Entity: 'Entity', Account: 'Account', Intent: 'Intent' } as const;

/**
 * The secret of one entity, from the Create to where the manifest wants it. AWS reveals it once: a reply that is lost
 * leaves an orphan, which is recognised by the listing that history keeps, removed, and made anew.
 *
 * Before the Create, the place is written with whose it is and which run is about to make it. So a place that refuses
 * does so before anything is made, and a place without this run's mark says that this run has made nothing yet.
 */
export class EntitySecrets {
  readonly #account: Account;
  readonly #kind: Kind;
  readonly #desired: Desired;
  readonly #request: CreateRequest;
  readonly #work: ActivityContext;
  /** Whether an earlier attempt came to its Create, as the place said when this one began. */
  #begun: boolean | undefined;

  constructor(account: Account, kind: Kind, desired: Desired, request: CreateRequest, work: ActivityContext) {
    this.#account = account;
    this.#kind = kind;
    this.#desired = desired;
    this.#request = request;
    this.#work = work;
  }

  /**
   * Before the Create: the place can be used, and what the Create needs from it is there.
   *
   * @returns false where what the place holds the secret of is there, and the read that did not show it was behind
   */
  async prepare(): Promise<boolean> {
    const { secret } = this.#kind;
    if (secret === undefined) return true;
    const stored = await this.#storedOfOurs();
    const held = stored === undefined || !holdsSecret(stored) ? undefined : secret.candidateIdOf?.(stored);
    const shown = held !== undefined && this.#request.known?.includes(held) === true;
    if (shown && activityInfo().attempt <= DOUBTS) return false;
    if (this.#isOfThisRun(stored) && holdsSecret(stored)) {
      // What was generated goes into the Create. What AWS revealed was stored by an attempt whose end nobody heard of.
      if (secret.generateRecord !== undefined) return true;
      // The read of AWS is behind, and another Create would make another one.
      if (activityInfo().attempt > 1) throw notShownYet();
    }
    await this.#store(secret.generateRecord?.(this.#desired) ?? {});
    return true;
  }

  /** After the Create: what the reply reveals is stored, or what was made is removed, since nobody could hold it. */
  async keep(output: unknown): Promise<void> {
    const { secret } = this.#kind;
    if (secret?.recordFromReply === undefined) return;
    const revealed = secret.recordFromReply(output, this.#desired);
    try {
      await this.#storePatiently(revealed);
    } catch (error) {
      const id = secret.candidateIdOf?.(revealed) ?? '';
      const removal = secret.deleteCandidate?.(id, this.#desired) ?? [];
      const { calls } = this.#work;
      if (error instanceof LeaseError || error instanceof CancelledFailure) {
        // Another attempt makes its own, or has done so: this one came too late for it to find.
        await sendAll(this.#account, removal, { ...this.#work, lease: CLEANUP_LEASE });
        throw error;
      }
      const aws = answerIn(error);
      // Whose credentials are no good is no fault of the place.
      const type = aws !== null && failureTypeOf(aws) === 'CredentialsInvalid' ? 'CredentialsInvalid' : 'SecretStore';
      const why = `${placeOf(this.#location())} does not take the secret (${reasonOf(error)})`;
      try {
        await sendAll(this.#account, removal, this.#work);
      } catch (late) {
        // Of whatever else stands in the way, nobody comes back to remove it: the account cannot be verified, say.
        if (late instanceof LeaseError || late instanceof CancelledFailure || isForARetry(late)) throw late;
        const message = `${why}, and ${id}, which nobody holds now, cannot be removed (${reasonOf(late)}): remove it`;
        throw failure(type, message, { calls });
      }
      throw failure(type, `${why}: what was made for it is removed again`, { calls });
    }
  }

  /** What was there all along has a secret of its own: the one that was generated for it opens nothing. */
  async clearGeneratedSecret(): Promise<void> {
    if (this.#kind.secret?.generateRecord !== undefined) await this.#store({});
  }

  /**
   * Removes what an earlier attempt made and nobody holds.
   *
   * @returns why it cannot be told which one that is, or null
   */
  async removeOrphans(): Promise<string | null> {
    const { secret } = this.#kind;
    if (secret?.listCandidates === undefined) return null;
    const { reader } = this.#account.clients;
    const stored = await this.#stored();
    // Where this run had not come to its Create before, what is new is not of its making.
    this.#begun ??= this.#isOfThisRun(stored);
    if (!this.#begun) return null;
    const orphans = this.#orphans(await secret.listCandidates(reader, this.#desired), stored ?? {});
    const [first] = orphans;
    if (first === undefined) return null;
    const ids = orphans.map(({ id }) => id).join(', ');
    if (orphans.length > 1) return `${ids} appeared while this run made one, and the secret of none is stored`;
    if ((await secret.isCandidateUsed?.(reader, first.id)) === true) {
      return `${ids} appeared while this run made one, and somebody else makes use of it`;
    }
    await sendAll(this.#account, secret.deleteCandidate?.(first.id, this.#desired) ?? [], this.#work);
    return null;
  }

  #orphans(candidates: readonly Candidate[], stored: SecretRecord): readonly Candidate[] {
    const held = this.#kind.secret?.candidateIdOf?.(stored);
    const since = activityInfo().scheduledTimestampMs - CLOCK_TOLERANCE_MS;
    return candidates.filter(
      ({ id, createdAt }) =>
        id !== held &&
        this.#request.known?.includes(id) !== true &&
        (createdAt === null || Date.parse(createdAt) >= since),
    );
  }

  #isOfThisRun(record: SecretRecord | undefined): record is SecretRecord {
    const { entity, account } = this.#whose();
    return (
      record?.[Field.Entity] === entity &&
      record[Field.Account] === account &&
      record[Field.Intent] === this.#request.intent
    );
  }

  async #stored(): Promise<SecretRecord | undefined> {
    try {
      return await this.#account.clients.secrets.readRecord(this.#location());
    } catch (error) {
      throw asOperation('GetSecretValue', error);
    }
  }

  /** What is stored, where it is this entity's. */
  async #storedOfOurs(): Promise<SecretRecord | undefined> {
    const stored = await this.#stored();
    const { entity, account } = this.#whose();
    if (stored === undefined || (stored[Field.Entity] === entity && stored[Field.Account] === account)) return stored;
    const theirs = stored[Field.Entity];
    const owner = theirs === undefined ? 'something else' : `${theirs} of account ${stored[Field.Account] ?? ''}`;
    throw new SecretLocationError(
      `${placeOf(this.#location())} holds the secret of ${owner}; name another place, or empty it`,
    );
  }

  async #store(secret: SecretRecord): Promise<void> {
    const { entity, account } = this.#whose();
    const owner = { [Field.Entity]: entity, [Field.Account]: account, [Field.Intent]: this.#request.intent };
    await holdLease(this.#work);
    try {
      await this.#account.clients.secrets.writeRecord(this.#location(), { ...owner, ...secret });
    } catch (error) {
      throw asOperation('PutSecretValue', withoutValues(error, Object.values(secret)));
    }
  }

  /** The place has just been written: what stands in the way now mostly passes, and a Create is not had again. */
  async #storePatiently(secret: SecretRecord): Promise<void> {
    let waited = 0;
    for (let attempt = 1; ; attempt += 1) {
      try {
        // Another run that found the place empty at the same moment may have marked it after this one.
        await this.#storedOfOurs();
        await this.#store(secret);
        return;
      } catch (error) {
        if (waited >= STORE_WINDOW_MS || !isForARetry(error)) throw error;
        const pause = pauseAfter(attempt);
        await sleep(pause);
        waited += pause;
      }
    }
  }

  #location(): SecretLocation {
    const location = this.#kind.secret?.locationOf(this.#desired.spec);
    if (location === undefined) throw new TypeError(`${this.#kind.name} has no secret`);
    return location;
  }

  #whose(): { readonly entity: string; readonly account: string } {
    return { entity: entityId(this.#request.entity), account: this.#request.target.account };
  }
}

/** Whether a record has more than whose it is. */
function holdsSecret(record: SecretRecord): boolean {
  return Object.keys(record).some((field) => !Object.values<string>(Field).includes(field));
}

/** The message of a place says it all; that of AWS needs to be told what was asked for. */
function asOperation(operation: string, error: unknown): unknown {
  return error instanceof SecretLocationError ? error : new OperationError(operation, error);
}

function isForARetry(error: unknown): boolean {
  const aws = answerIn(error);
  return aws !== null && FAILURES[failureTypeOf(aws)].retry === 'retry';
}

function reasonOf(error: unknown): string {
  const aws = answerIn(error);
  if (aws === null) return error instanceof Error ? error.message : String(error);
  return `${aws.operation} answered ${aws.code}: ${aws.message}`;
}

/** What AWS has answered, STS included, and to what; null for an error of another origin. */
function answerIn(error: unknown): (AwsError & { readonly operation: string }) | null {
  const aws = awsError(error instanceof OperationError ? error.cause : error);
  const operation = aws.operation ?? (error instanceof OperationError ? error.operation : null);
  return operation === null ? null : { ...aws, operation };
}
