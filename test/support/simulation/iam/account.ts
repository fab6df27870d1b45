import type { Account } from '../../../../src/activities/runtime/accounts.js';
import type { AwsClients } from '../../../../src/aws/clients.js';
import { AccountGuard } from '../../../../src/aws/guard.js';
import { Reader } from '../../../../src/aws/reader.js';
import type { Send } from '../../../../src/aws/reader.js';
import type { SecretRecord } from '../../../../src/aws/secret-store.js';
import { awsFailure } from '../../fake-account.js';
import type { Scheduler } from '../scheduler.js';
import type { Attempt } from '../temporal/attempt.js';
import type { Run } from '../temporal/run.js';
import { currentAttempt, inAttempt } from '../temporal/server.js';
import { isRead, read } from './reads.js';
import { ACCOUNT, keyOfCall } from './state.js';
import type { IamEntity, IamState, Input } from './state.js';
import { write } from './writes.js';

/** A call of the engine that has arrived at AWS. */
export interface Call {
  readonly attempt: Attempt;
  readonly operation: string;
  readonly input: Input;
  readonly isWrite: boolean;
}

/** What becomes of a call. */
export type Fate =
  | { readonly is: 'answered' }
  /** AWS carries nothing out and answers with an error. */
  | { readonly is: 'refused'; readonly code: string }
  /** AWS carries it out, and the reply is lost. */
  | { readonly is: 'reply lost' }
  | { readonly is: 'call lost' }
  /** A replica answers that has not seen the last writes. */
  | { readonly is: 'stale'; readonly writes: number }
  | { readonly is: 'worker dies before it' }
  | { readonly is: 'worker dies after it' }
  /** The worker stands still for so long that Temporal gives the activity to another one, and goes on then. */
  | { readonly is: 'worker is suspended'; readonly ms: number };

/** One write that arrived at AWS, in the order in which AWS carried them out. */
export interface Entry {
  /** The attempt that sent it; for a person or another tool, a text. */
  readonly by: Attempt | string;
  readonly at: number;
  readonly operation: string;
  readonly input: Input;
  /** The entity that it is about. */
  readonly key: string;
  readonly before: IamState;
  readonly after: IamState;
  /** AWS's code where it refused; null where it carried the write out. */
  readonly code: string | null;
  /** AWS carried it out, and its sender got no answer. */
  readonly isReplyLost: boolean;
  /** The number of the state after it. */
  readonly version: number;
  /** The number of the state in which the sender's last read showed the entity; null where it did not read it. */
  readonly seen: number | null;
  /** The number of the state when it read it: a replica may have shown an older one. */
  readonly lookedAt: number | null;
  /** Its sender's attempt had read nothing at all before. */
  readonly isBlind: boolean;
}

const TARGET = { account: ACCOUNT, partition: 'aws' };

/** Reads that show what an entity is, and not only a part of it. */
const PRIMARY_READ =
  /^(Get(Role|User|Group|Policy|InstanceProfile|OpenIDConnectProvider|AccountPasswordPolicy)|ListMFADeviceTags)$/;
const BULK_READ = 'GetAccountAuthorizationDetails';

/** An account in memory behind the clients that activities use. It keeps a record of every write. */
export class SimulatedAccount implements Account {
  readonly target = TARGET;
  readonly clients: AwsClients;
  readonly guard: AccountGuard;
  /** Every write that AWS carried out or refused. */
  readonly record: Entry[] = [];
  /** The state after each write that AWS carried out, the first state included. */
  readonly states: IamState[] = [new Map()];
  readonly #scheduler: Scheduler;
  /** The number of the state that the last read of each run has shown of each entity. */
  readonly #looks = new Map<Run, Map<string, number>>();
  /** The entities that a stale read has shown a run in an earlier state. */
  readonly misled = new Map<Run, Set<string>>();
  readonly #secrets = new Map<string, SecretRecord>();
  readonly #fateOf: (call: Call) => Fate;
  #incarnations = 0;

  /** @param fateOf - decides about each call of the engine as it arrives */
  constructor(scheduler: Scheduler, fateOf: (call: Call) => Fate) {
    this.#scheduler = scheduler;
    this.#fateOf = fateOf;
    const send = (operation: string, input: Input): Promise<unknown> => this.#call(operation, input, () => undefined);
    const secretKey = (location: unknown): string => JSON.stringify(location);
    this.clients = {
      reader: new Reader(send as unknown as Send, (location) =>
        Promise.resolve(this.#secrets.get(secretKey(location))),
      ),
      turn: () => Promise.resolve(),
      write: async (operation, input, lastCheck) => {
        const output = await this.#call(operation, input, () => {
          lastCheck?.('AKIAWORKER');
        });
        return { requestId: `request-${String(this.record.length)}`, output };
      },
      secrets: {
        readText: () => Promise.resolve(undefined),
        readRecord: (location) => Promise.resolve(this.#secrets.get(secretKey(location))),
        writeRecord: (location, record) => Promise.resolve(void this.#secrets.set(secretKey(location), record)),
      },
      policyAnalyzer: { validate: () => Promise.resolve([]), compare: () => Promise.resolve([]) },
      organization: {
        accounts: () => Promise.resolve([]),
        accountsOf: () => Promise.resolve([]),
        unitsOf: () => Promise.resolve([]),
        tagsOf: () => Promise.resolve({}),
      },
      eventHistory: { lookUp: () => Promise.resolve({ events: [], truncated: false }) },
      topics: { publish: () => Promise.reject(new Error('no topics')) },
      tagIndex: { tagsOf: () => Promise.resolve(new Map()), isInUse: () => false },
      callerIdentity: () => Promise.resolve({ account: ACCOUNT, partition: 'aws', arn: 'arn:aws:iam::1:role/worker' }),
      now: () => scheduler.now,
      accessKeyId: () => Promise.resolve('AKIAWORKER'),
      renewCredentials: () => Promise.resolve(),
      destroy: () => undefined,
    };
    this.guard = new AccountGuard(this.clients, TARGET);
  }

  get state(): IamState {
    return this.states.at(-1) ?? new Map();
  }

  /** The number of the present state. */
  get version(): number {
    return this.states.length - 1;
  }

  /** Returns the number of the state in which a run has last seen an entity; null where it never read it. */
  lookOf(run: Run, key: string): number | null {
    return lastLook(this.#looks.get(run), key);
  }

  /** Writes as a person or another tool. What AWS refuses is recorded and has no effect. */
  byHand(by: string, operation: string, input: Input): void {
    try {
      this.#write(by, operation, input);
    } catch (error) {
      if (error instanceof TypeError) throw error;
    }
  }

  #call(operation: string, input: Input, lastCheck: () => void): Promise<unknown> {
    const attempt = currentAttempt();
    const { workflowId, runId } = attempt.run.start;
    const call: Call = { attempt, operation, input: plain(input), isWrite: !isRead(operation) };
    return new Promise((resolve, reject) => {
      this.#scheduler.call(`${workflowId} ${runId} ${String(attempt.attempt)}`, () => {
        this.#arrive(
          call,
          () => {
            inAttempt(attempt, lastCheck);
          },
          resolve,
          (error) => {
            reject(Object.assign(error as Error, { operation }));
          },
        );
      });
    });
  }

  #arrive(
    call: Call,
    lastCheck: () => void,
    resolve: (output: unknown) => void,
    reject: (error: unknown) => void,
  ): void {
    const fate = this.#fateOf(call);
    const { attempt } = call;
    if (fate.is === 'worker is suspended') {
      attempt.loseHeartbeats();
      this.#scheduler.after(fate.ms, () => {
        this.#answer(call, { is: 'answered' }, lastCheck, resolve, reject);
      });
      return;
    }
    if (fate.is === 'worker dies before it') {
      attempt.loseHeartbeats();
      return;
    }
    this.#answer(call, fate, lastCheck, resolve, reject);
  }

  #answer(
    call: Call,
    fate: Fate,
    lastCheck: () => void,
    resolve: (output: unknown) => void,
    reject: (error: unknown) => void,
  ): void {
    const { attempt, operation } = call;
    try {
      lastCheck();
      if (fate.is === 'call lost') throw awsFailure('ECONNRESET', operation);
      if (fate.is === 'refused') throw awsFailure(fate.code, operation);
      const version = Math.max(0, this.version - (fate.is === 'stale' ? fate.writes : 0));
      const isReplyLost = fate.is === 'reply lost';
      const output = call.isWrite
        ? this.#write(attempt, operation, call.input, isReplyLost)
        : this.#read(call, version);
      if (isReplyLost) throw awsFailure('ECONNRESET', operation);
      if (fate.is === 'worker dies after it') attempt.loseHeartbeats();
      else resolve(output ?? {});
    } catch (error) {
      if (fate.is === 'worker dies after it') attempt.loseHeartbeats();
      else reject(error);
    }
  }

  #read({ attempt, operation, input }: Call, version: number): unknown {
    attempt.hasRead = true;
    if (version < this.version) this.#mislead(attempt, keyOfCall(operation, input), version);
    for (const key of keysRead(operation, input)) {
      noteLook(attempt.looks, key, version);
      noteLook(attempt.lookedAt, key, this.version);
      const { root } = attempt.run;
      const looks = this.#looks.get(root) ?? new Map<string, number>();
      noteLook(looks, key, version);
      this.#looks.set(root, looks);
    }
    return read(this.states[version] ?? new Map(), operation, input);
  }

  /** Notes which entities a read of an earlier state shows as they no longer are. A listing is about all of them. */
  #mislead(attempt: Attempt, read: string | null, version: number): void {
    const { root } = attempt.run;
    const [shown, present] = [this.states[version] ?? new Map<string, IamEntity>(), this.state];
    const keys = read === null ? [...shown.keys(), ...present.keys()] : [read];
    for (const key of keys.filter((one) => shown.get(one) !== present.get(one))) {
      attempt.misled.add(key);
      this.misled.set(root, (this.misled.get(root) ?? new Set<string>()).add(key));
    }
  }

  #write(by: Attempt | string, operation: string, input: Input, isReplyLost = false): unknown {
    const before = this.state;
    const key = keyOfCall(operation, input) ?? '';
    const seen = typeof by === 'string' ? null : lastLook(by.looks, key);
    const lookedAt = typeof by === 'string' ? null : lastLook(by.lookedAt, key);
    const isBlind = typeof by !== 'string' && !by.hasRead;
    const entry = { by, at: this.#scheduler.now, operation, input, key, seen, lookedAt, isBlind };
    try {
      this.#incarnations += 1;
      const moment = { state: before, at: this.#scheduler.now, incarnation: this.#incarnations };
      const { state, output } = write(moment, operation, input);
      this.states.push(state);
      this.record.push({ ...entry, before, after: state, code: null, isReplyLost, version: this.version });
      return output;
    } catch (error) {
      const { Code } = error as { readonly Code?: string };
      if (Code !== undefined) {
        this.record.push({ ...entry, before, after: before, code: Code, isReplyLost: false, version: this.version });
      }
      throw error;
    }
  }
}

/** Returns the keys of what a read shows. A bulk read shows every entity of its kinds: `Role/*`. */
function keysRead(operation: string, input: Input): readonly string[] {
  if (operation !== BULK_READ) {
    const key = PRIMARY_READ.test(operation) ? keyOfCall(operation, input) : null;
    return key === null ? [] : [key];
  }
  const { Filter } = input;
  const types = Array.isArray(Filter) ? (Filter as readonly string[]) : ['Role', 'User', 'Group', 'LocalManagedPolicy'];
  return types.map((type) => `${type === 'LocalManagedPolicy' ? 'Policy' : type}/*`);
}

/** Notes what a read has shown of an entity, as the last read. */
function noteLook(looks: Map<string, number>, key: string, version: number): void {
  looks.delete(key);
  looks.set(key, version);
}

/**
 * Returns what the last read of an entity, or of its kind in bulk, has shown. A replica that is behind may show less than
 * an earlier read, and the last one counts: the engine has nothing newer to go by.
 */
function lastLook(looks: ReadonlyMap<string, number> | undefined, key: string): number | null {
  const keys = [key, key.replace(/\/.*/, '/*')];
  return [...(looks ?? [])].findLast(([read]) => keys.includes(read))?.[1] ?? null;
}

/** Returns an input as it goes over the wire. */
function plain(input: Input): Input {
  return JSON.parse(JSON.stringify(input)) as Input;
}
