import { activityInfo, CancelledFailure, log, sleep } from '@temporalio/activity';
import { failureTypeOf, type AwsError } from '../../aws/errors.js';
import { pauseAfter } from '../../aws/propagation.js';
import { describeLocation, SecretLocationError, redactSecrets, type SecretRecord } from '../../aws/secret-store.js';
import { entityId, type SecretLocation } from '../../contract/entity.js';
import { FAILURES, isRetryable } from '../../contract/failures.js';
import type { CreateRequest } from '../../contract/activities.js';
import { isCreatedSince } from '../../engine/resolve-conflict.js';
import type { Candidate, Desired, Kind, RecordChange, Write } from '../../kinds/kind.js';
import type { Account } from '../runtime/accounts.js';
import { awsAnswer, failure, notShownYet, OperationError } from '../runtime/failures.js';
import { LeaseError, CLEANUP_LEASE } from '../runtime/lease.js';
import { send, sendAll } from '../runtime/send-writes.js';
import {
  holdLease,
  holdLeaseToComplete,
  isCancelRequested,
  type ActivityContext,
} from '../runtime/activity-context.js';

/** Time for which a revealed secret waits until its location accepts it. */
const STORE_WINDOW_MS = 60_000;

/**
 * Attempts that read again where one read shows the entity and another does not. After these, it was removed a moment
 * before, and the read that showed it was stale.
 */
const MAX_STALE_READ_ATTEMPTS = 3;

/** Remedy where a lost reply cannot be told from the work of another caller. */
export const SEVERAL_ORPHANS_REMEDY =
  'find out in CloudTrail who created each of them, delete those that are not in use, and apply again';

/** Fields of a stored record that name its entity, its account and the run that stored it. */
const Field = { Entity: 'Entity', Account: 'Account', Intent: 'Intent' } as const;

/**
 * The secret of one entity, from the Create to the location that the manifest names. AWS reveals it once. A lost reply
 * leaves an orphan, which is recognized by the listing in the workflow's history, removed, and created again.
 *
 * Before the Create, the location is reserved: the entity, the account and the run are stored in it. So a location that
 * cannot be written is found before anything is created. A location that another run reserved, or none did, tells that
 * this run has created nothing yet.
 */
export class EntitySecrets {
  readonly #account: Account;
  readonly #kind: Kind;
  readonly #desired: Desired;
  readonly #request: CreateRequest;
  readonly #context: ActivityContext;
  /** True where an earlier attempt reached its Create, as the location told when this attempt began. */
  #isReserved: boolean | undefined;

  constructor(account: Account, kind: Kind, desired: Desired, request: CreateRequest, context: ActivityContext) {
    this.#account = account;
    this.#kind = kind;
    this.#desired = desired;
    this.#request = request;
    this.#context = context;
  }

  /**
   * Reserves the location before the Create, and stores the generated secret that the Create needs.
   *
   * @returns false where the location already holds the secret of an entity that the last read did not show
   */
  async reserve(): Promise<boolean> {
    const { secret } = this.#kind;
    if (secret === undefined) return true;
    const stored = await this.#storedForEntity();
    const storedId = stored === undefined || !holdsSecret(stored) ? undefined : secret.candidateIdOf?.(stored);
    const isListed = storedId !== undefined && this.#request.known?.includes(storedId) === true;
    if (isListed && activityInfo().attempt <= MAX_STALE_READ_ATTEMPTS) return false;
    if (this.#isOfThisRun(stored) && holdsSecret(stored)) {
      // A generated secret goes into the Create. A revealed one was stored by an attempt whose result was lost.
      if (secret.generateRecord !== undefined) return true;
      // The read of AWS is stale, and another Create would create a second one.
      if (activityInfo().attempt > 1) throw notShownYet();
    }
    await this.#store(secret.generateRecord?.(this.#desired) ?? {});
    return true;
  }

  /** Stores what the reply to the Create reveals. Where that fails, removes what was created: its secret is lost. */
  async storeRevealed(output: unknown): Promise<void> {
    const { secret } = this.#kind;
    if (secret?.recordFromReply === undefined) return;
    const revealed = secret.recordFromReply(output, this.#desired);
    try {
      await this.#storeWithRetry(revealed, holdLeaseToComplete);
    } catch (error) {
      const id = secret.candidateIdOf?.(revealed) ?? '';
      const removal = secret.deleteCandidate?.(id, this.#desired) ?? [];
      if (isInterruption(error)) {
        // The next attempt creates its own, or has done so: this entity came too late for it to find.
        await sendAll(this.#account, removal, { ...this.#context, lease: CLEANUP_LEASE });
        throw error;
      }
      throw await this.#removeUnstored(id, removal, error);
    }
  }

  /** Removes an entity whose secret could not be stored, and returns the failure that tells so. */
  async #removeUnstored(id: string, removal: readonly Write[], error: unknown): Promise<Error> {
    const { calls } = this.#context;
    const aws = answerIn(error);
    // Invalid credentials are no fault of the location.
    const type = aws !== null && failureTypeOf(aws) === 'CredentialsInvalid' ? 'CredentialsInvalid' : 'SecretStore';
    const reason = `${describeLocation(this.#location())} does not accept the secret (${messageOf(error)})`;
    try {
      await this.#remove(removal);
    } catch (removalError) {
      // No later attempt removes it after any other error, such as an account that cannot be verified.
      if (isInterruption(removalError) || canRetry(removalError)) throw removalError;
      const message = `${reason}, and ${id}, whose secret is lost, cannot be removed (${messageOf(removalError)}): remove it`;
      return failure(type, message, { calls });
    }
    return failure(type, `${reason}; what was created for it was removed again`, { calls });
  }

  /** Removes what nobody can use. A cancelled run has no later attempt that would. */
  async #remove(removal: readonly Write[]): Promise<void> {
    try {
      await sendAll(this.#account, removal, this.#context);
    } catch (error) {
      if (!isCancelRequested(error)) throw error;
      await sendAll(this.#account, removal, { ...this.#context, lease: CLEANUP_LEASE });
    }
  }

  /** Sends a write that changes the stored record, and stores the change before and after it. */
  async sendRecorded(write: Write, { before, after }: RecordChange): Promise<void> {
    const stored = (await this.#storedForEntity()) ?? {};
    const prepared = { ...stored, ...before?.(stored) };
    await this.#storeWithRetry(prepared);
    const output = await send(this.#account, write, this.#context);
    const changed = { ...prepared, ...after(output, prepared) };
    const complete = Object.fromEntries(Object.entries(changed).filter(([, value]) => value !== ''));
    await this.#storeWithRetry(complete, holdLeaseToComplete);
  }

  /** Empties the location of the generated secret where the entity existed already: it has another secret. */
  async clearGeneratedSecret(): Promise<void> {
    if (this.#kind.secret?.generateRecord !== undefined) await this.#store({});
  }

  /**
   * Removes what an earlier attempt created with a lost reply.
   *
   * @returns why it cannot be told which entity that is, or null
   */
  async removeOrphans(): Promise<string | null> {
    const { secret } = this.#kind;
    if (secret?.listCandidates === undefined) return null;
    const { reader } = this.#account.clients;
    const stored = await this.#stored();
    // Where this run had not reached its Create, another caller created what is new.
    this.#isReserved ??= this.#isOfThisRun(stored);
    if (!this.#isReserved) return null;
    const orphans = this.#orphans(await secret.listCandidates(reader, this.#desired), stored ?? {});
    const [first] = orphans;
    if (first === undefined) return null;
    const ids = orphans.map(({ id }) => id).join(', ');
    if (this.#request.known === undefined && this.#context.awsStartedAt === null) {
      return `nothing tells whether this run created ${ids}: AWS has shown no date, and no secret of them is stored`;
    }
    if (orphans.length > 1) return `${ids} appeared while this run was creating one, and no secret of them is stored`;
    if ((await secret.isCandidateUsed?.(reader, first.id)) === true) {
      return `${ids} appeared while this run was creating one, and is in use`;
    }
    log.warn(
      `removing ${first.id}, which an earlier attempt created for ${entityId(this.#request.entity)} with a lost reply`,
    );
    await sendAll(this.#account, secret.deleteCandidate?.(first.id, this.#desired) ?? [], this.#context);
    return null;
  }

  #orphans(candidates: readonly Candidate[], stored: SecretRecord): readonly Candidate[] {
    const storedId = this.#kind.secret?.candidateIdOf?.(stored);
    const { awsStartedAt } = this.#context;
    return candidates.filter(
      ({ id, createdAt }) =>
        id !== storedId &&
        this.#request.known?.includes(id) !== true &&
        (createdAt === null || awsStartedAt === null || isCreatedSince(createdAt, awsStartedAt)),
    );
  }

  #isOfThisRun(record: SecretRecord | undefined): record is SecretRecord {
    const { entity, account } = this.#owner();
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

  /** Returns what is stored. A location that holds something of another owner is an error. */
  async #storedForEntity(): Promise<SecretRecord | undefined> {
    const stored = await this.#stored();
    const { entity, account } = this.#owner();
    if (stored === undefined || (stored[Field.Entity] === entity && stored[Field.Account] === account)) return stored;
    const otherEntity = stored[Field.Entity];
    const owner =
      otherEntity === undefined ? 'something else' : `${otherEntity} of account ${stored[Field.Account] ?? ''}`;
    throw new SecretLocationError(
      `${describeLocation(this.#location())} holds the secret of ${owner}; name another location, or empty it`,
    );
  }

  async #store(secret: SecretRecord, hold = holdLease): Promise<void> {
    const { entity, account } = this.#owner();
    const owner = { [Field.Entity]: entity, [Field.Account]: account, [Field.Intent]: this.#request.intent };
    await hold(this.#context);
    try {
      await this.#account.clients.secrets.writeRecord(this.#location(), { ...owner, ...secret });
    } catch (error) {
      throw asOperation('PutSecretValue', redactSecrets(error, Object.values(secret)));
    }
  }

  /** Retries for a while: the location was just reserved, so most errors pass, and the Create cannot be repeated. */
  async #storeWithRetry(secret: SecretRecord, hold = holdLease): Promise<void> {
    let waited = 0;
    for (let attempt = 1; ; attempt += 1) {
      try {
        // Another run that found the location empty at the same moment may have reserved it after this one.
        await this.#storedForEntity();
        await this.#store(secret, hold);
        return;
      } catch (error) {
        if (waited >= STORE_WINDOW_MS || !canRetry(error)) throw error;
        const pause = pauseAfter(attempt);
        await (hold === holdLease ? sleep(pause) : sleepToComplete(pause));
        waited += pause;
      }
    }
  }

  #location(): SecretLocation {
    const location = this.#kind.secret?.locationOf(this.#desired.spec);
    if (location === undefined) throw new TypeError(`${this.#kind.name} has no secret`);
    return location;
  }

  #owner(): { readonly entity: string; readonly account: string } {
    return { entity: entityId(this.#request.entity), account: this.#request.target.account };
  }
}

/** Waits although the run was cancelled. */
async function sleepToComplete(ms: number): Promise<void> {
  try {
    await sleep(ms);
  } catch (error) {
    if (!isCancelRequested(error)) throw error;
    await new Promise((resolve) => setTimeout(resolve, ms));
  }
}

/** Reports whether a record holds a secret, and not only a reservation. */
function holdsSecret(record: SecretRecord): boolean {
  return Object.keys(record).some((field) => !Object.values<string>(Field).includes(field));
}

/** Adds the operation to an error of AWS. The message of a location names it already. */
function asOperation(operation: string, error: unknown): unknown {
  return error instanceof SecretLocationError ? error : new OperationError(operation, error);
}

/** Reports whether this attempt may not go on, and another one may. */
function isInterruption(error: unknown): boolean {
  return error instanceof LeaseError || error instanceof CancelledFailure;
}

function canRetry(error: unknown): boolean {
  const aws = answerIn(error);
  return aws !== null && isRetryable(FAILURES[failureTypeOf(aws)].retry);
}

function messageOf(error: unknown): string {
  const aws = answerIn(error);
  if (aws === null) return error instanceof Error ? error.message : String(error);
  return `${aws.operation} answered ${aws.code}: ${aws.message}`;
}

/** Returns the answer of AWS, STS included, and the operation; null for an error of another origin. */
function answerIn(error: unknown): (AwsError & { readonly operation: string }) | null {
  const { operation, ...aws } = awsAnswer(error);
  return operation === null ? null : { ...aws, operation };
}
