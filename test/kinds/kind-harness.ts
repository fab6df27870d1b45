import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as sdk from '@aws-sdk/client-iam';
import { readAccount, type ReadAccount } from '../../src/activities/capture/read-account.js';
import type { Account } from '../../src/activities/runtime/accounts.js';
import { createAwsClients } from '../../src/aws/clients.js';
import type { AwsClients } from '../../src/aws/clients.js';
import { awsError } from '../../src/aws/errors.js';
import type { AwsError } from '../../src/aws/errors.js';
import { takeSnapshot } from '../../src/aws/inventory.js';
import type { Input, Operation, Output } from '../../src/aws/operations.js';
import { Reader } from '../../src/aws/reader.js';
import { deriveSecretMembers, readSecretMembers } from '../../src/aws/secret-store.js';
import type { Json, JsonObject, SecretLocation, Target } from '../../src/contract/entity.js';
import { compare } from '../../src/engine/compare.js';
import { orderByEffect } from '../../src/engine/write-order.js';
import type { Comparison, Desired, Dependent, Kind, Observed, OwnedEntity, Write } from '../../src/kinds/kind.js';
import { ACCOUNT } from '../support/kind-fixtures/index.js';
import { startSandbox } from '../support/sandbox.js';
import type { TestSandbox } from '../support/sandbox.js';

/** The account that the sandbox plays. */
export const TARGET = { account: ACCOUNT, partition: 'aws' };

/** How a kind is to be compared, where it is not as usual. */
export interface ComparisonOptions {
  readonly removeUnmanaged?: boolean;
  readonly shared?: boolean;
}

/** Compares as the engine does. */
export function compareSpec(
  kind: Kind,
  spec: JsonObject,
  observed: Observed,
  options: ComparisonOptions = {},
): Comparison {
  const { removeUnmanaged = false, shared = false } = options;
  return compare(spec, observed, {
    rules: kind.properties,
    partition: TARGET.partition,
    removesUnmanaged: () => removeUnmanaged,
    shared,
  });
}

/** A spec as the engine hands it to a kind, without marks. */
export function desiredOf(kind: Kind, spec: JsonObject, target: Target = TARGET): Desired {
  const tags = kind.ownable ? ((spec['tags'] ?? {}) as Record<string, string>) : {};
  return { name: kind.nameOf(spec), spec, tags, target };
}

/** The given properties of what was observed, sets in one order. */
export function withSortedSets(observed: Observed, properties: readonly string[]): unknown {
  const state = Object.fromEntries(
    properties.map((property) => {
      const value = observed.state[property];
      return [property, Array.isArray(value) ? [...(value as readonly Json[])].sort() : value];
    }),
  );
  return { ...observed, state };
}

/** Sends a write, perhaps more than once. */
type Attempt = (operation: Operation, send: () => Promise<unknown>) => Promise<unknown>;

const once: Attempt = (_operation, send) => send();

/** Options of a harness in front of another endpoint. */
interface HarnessOptions {
  readonly accessKeyId?: string;
  readonly secretAccessKey?: string;
  /** Default: once. */
  readonly attempt?: Attempt;
}

/** Runs a kind against an endpoint: it does what the engine's activities do, and nothing else. */
export class KindHarness {
  readonly #sandbox: TestSandbox;
  readonly #target: Target;
  readonly #clients: AwsClients;
  /** Actions that each kind made use of. */
  readonly #used = new Map<string, Set<string>>();

  readonly #folder: string;

  readonly #attempt: Attempt;

  private constructor(sandbox: TestSandbox, target: Target, folder: string, attempt: Attempt) {
    this.#attempt = attempt;
    this.#sandbox = sandbox;
    this.#target = target;
    this.#folder = folder;
    this.#clients = createAwsClients(target, {
      iamEndpoint: sandbox.url,
      stsEndpoint: sandbox.url,
      secretsFolder: folder,
    });
  }

  readonly #stored = (location: SecretLocation): Promise<Readonly<Record<string, string>> | undefined> =>
    this.#clients.secrets.readRecord(location);

  /** Starts a harness with a sandbox of its own, or in front of another endpoint and its account. */
  static async start(
    sandbox?: TestSandbox,
    target: Target = TARGET,
    { accessKeyId = 'test', secretAccessKey = 'test', attempt = once }: HarnessOptions = {},
  ): Promise<KindHarness> {
    process.env['AWS_ACCESS_KEY_ID'] = accessKeyId;
    process.env['AWS_SECRET_ACCESS_KEY'] = secretAccessKey;
    const folder = await mkdtemp(join(tmpdir(), 'iam-bootstrap-laws-'));
    return new KindHarness(sandbox ?? (await startSandbox()), target, folder, attempt);
  }

  async stop(): Promise<void> {
    await this.#sandbox.stop();
    await this.removeFiles();
  }

  /** Removes the folder of the secrets. */
  async removeFiles(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  async reset(): Promise<void> {
    await this.#sandbox.reset();
    for (const name of await readdir(this.#folder)) await rm(join(this.#folder, name), { recursive: true });
  }

  get reader(): Reader {
    return this.#clients.reader;
  }

  /** Actions that the kind made use of since the bench was started, by the sandbox's account. */
  actionsUsedBy(kind: Kind): string[] {
    return [...(this.#used.get(kind.name) ?? [])].sort();
  }

  /** Lets a kind work, and notes what it asked the sandbox for. */
  async recordCalls<T>(kind: Kind, work: () => Promise<T>): Promise<{ readonly result: T; readonly calls: string[] }> {
    const before = (await this.#sandbox.journal()).length;
    const result = await work();
    const calls = (await this.#sandbox.journal()).slice(before).map(({ action }) => action);
    const all = this.#used.get(kind.name) ?? new Set<string>();
    for (const operation of calls) all.add(`iam:${operation}`);
    this.#used.set(kind.name, all);
    return { result, calls };
  }

  /** Sends writes directly, as a person does without the engine. */
  async sendDirectly(steps: readonly Write[]): Promise<void> {
    for (const step of steps) await this.#write(step);
  }

  /** Sends a kind's writes; gives the operations that the sandbox was asked for. */
  async send(kind: Kind, steps: readonly Write[]): Promise<string[]> {
    const sending = async (): Promise<void> => {
      for (const step of orderByEffect(steps)) {
        const { isAlreadyApplied, isOutdated, waitUntilApplied } = step;
        try {
          const output = await this.#write(step);
          await waitUntilApplied?.(this.reader, output);
        } catch (error) {
          const aws = awsError(error);
          // The engine would read the entity again, and find that there is nothing to take away.
          if (isAlreadyApplied?.(aws) !== true && isOutdated?.(aws) !== true) throw error;
        }
      }
    };
    return (await this.recordCalls(kind, sending)).calls;
  }

  /** The error that a write meets. */
  async errorFrom(step: Write): Promise<AwsError> {
    try {
      await this.#write(step);
    } catch (error) {
      return awsError(error);
    }
    throw new Error(`${step.operation} met no error`);
  }

  async read(kind: Kind, spec: JsonObject, reader = this.reader): Promise<Observed | undefined> {
    return (await this.recordCalls(kind, () => kind.read(reader, { name: kind.nameOf(spec), spec }, this.#target)))
      .result;
  }

  async readMany(
    kind: Kind,
    specs: readonly JsonObject[],
    reader = this.reader,
  ): Promise<{ readonly result: ReadonlyMap<string, Observed> | undefined; readonly calls: string[] }> {
    const types = new Set(kind.detailType === null ? [] : [kind.detailType]);
    const snapshot = takeSnapshot({ reader, types, budget: Number.POSITIVE_INFINITY, sleep });
    const wanted = specs.map((spec) => ({ name: kind.nameOf(spec), spec }));
    return this.recordCalls(kind, () => kind.readMany(snapshot, wanted, this.#target));
  }

  /** Reads both ways, and insists that both see the same of what is declared. */
  async observe(kind: Kind, spec: JsonObject, reader = this.reader): Promise<Observed> {
    const single = await this.read(kind, spec, reader);
    const bulk = (await this.readMany(kind, [spec], reader)).result?.get(kind.nameOf(spec).toLowerCase());
    if (single === undefined) throw new Error(`${kind.name} is not shown by a single read`);
    if (bulk === undefined) throw new Error(`${kind.name} is not shown by the bulk read`);
    const declared = Object.keys(kind.properties).filter((property) => spec[property] !== undefined);
    const { readRest } = kind;
    const complete = async (read: Observed): Promise<Observed> =>
      readRest === undefined ? read : (await this.recordCalls(kind, () => readRest(reader, read))).result;
    // Sets that are not declared are sorted as well, since the rest shows them.
    const sets = readRest === undefined ? declared : Object.keys(kind.properties);
    expect(withSortedSets(await complete(bulk), sets)).toEqual(withSortedSets(await complete(single), sets));
    return single;
  }

  /** Captures all entities of a kind, as a worker does for a client that asks for the kind by name. */
  async capture(kind: Kind, reader = this.reader): Promise<ReadAccount> {
    const guard = { ensure: () => Promise.resolve() } as unknown as Account['guard'];
    const account: Account = { target: this.#target, clients: { ...this.#clients, reader }, guard };
    const ledgers = { entityClaims: () => Promise.resolve([]) };
    const filter = { namespace: 'law', kinds: [kind.name], names: [], path: null, tags: {}, owner: null };
    return (await this.recordCalls(kind, () => readAccount(account, ledgers, filter))).result;
  }

  async create(kind: Kind, spec: JsonObject): Promise<Observed> {
    const desired = desiredOf(kind, spec, this.#target);
    const { secret } = kind;
    const { secrets } = this.#clients;
    if (secret?.generateRecord !== undefined)
      await secrets.writeRecord(secret.locationOf(spec), secret.generateRecord(desired));
    const { result: output } = await this.recordCalls(kind, () => this.#write(kind.create(desired)));
    if (secret?.recordFromReply !== undefined) {
      await secrets.writeRecord(secret.locationOf(spec), secret.recordFromReply(output, desired));
    }
    return kind.observedAfterCreate(desired, output);
  }

  /** Lets a resource make use of a service-linked role or a server certificate, which cannot be deleted then. */
  async markInUse(name: string): Promise<void> {
    const body = JSON.stringify({ account: ACCOUNT, name });
    const response = await fetch(`${this.#sandbox.url}/sandbox/in-use`, { method: 'POST', body });
    if (!response.ok) throw new Error(`${name} is not there to be used`);
  }

  /** Stores a text where a manifest says that a secret comes from. */
  async storeSecret(file: string, text: string): Promise<void> {
    await writeFile(join(this.#folder, file), text, { mode: 0o600 });
  }

  /** What a kind's Create has stored. */
  async storedRecord(kind: Kind, spec: JsonObject): Promise<Readonly<Record<string, string>> | undefined> {
    return kind.secret && this.#clients.secrets.readRecord(kind.secret.locationOf(spec));
  }

  async #write(step: Write): Promise<unknown> {
    const { record } = step;
    if (record === undefined) return this.#sendOne(step);
    const { secrets } = this.#clients;
    const stored = (await secrets.readRecord(record.location)) ?? {};
    const prepared = { ...stored, ...record.before?.(stored) };
    await secrets.writeRecord(record.location, prepared);
    const output = await this.#sendOne(step);
    const changed = Object.entries({ ...prepared, ...record.after(output, prepared) });
    await secrets.writeRecord(record.location, Object.fromEntries(changed.filter(([, value]) => value !== '')));
    return output;
  }

  async #sendOne({ operation, input, secretInput }: Write): Promise<unknown> {
    const stored = await readSecretMembers(this.#clients.secrets, secretInput);
    const secret = deriveSecretMembers(secretInput, stored, Date.now());
    const sent = (): Promise<unknown> =>
      this.#clients.write(operation, { ...input, ...secret }).then(({ output }) => output);
    return this.#attempt(operation, sent);
  }

  /** Updates what differs; returns the operations that the sandbox received. */
  async update(kind: Kind, spec: JsonObject, observed: Observed, options: ComparisonOptions = {}): Promise<string[]> {
    const { changes } = compareSpec(kind, spec, observed, options);
    return this.send(kind, kind.update(desiredOf(kind, spec, this.#target), observed, changes));
  }

  /** Creates and updates, as a run does with a missing entity. */
  async converge(kind: Kind, spec: JsonObject): Promise<Observed> {
    await this.update(kind, spec, await this.create(kind, spec));
    return this.observe(kind, spec);
  }

  async deletionWrites(kind: Kind, observed: Observed, reader = this.reader): Promise<readonly Write[]> {
    return (await this.recordCalls(kind, async () => kind.delete(reader, observed))).result;
  }

  async listTrusting(kind: Kind, observed: Observed, reader = this.reader): Promise<readonly OwnedEntity[]> {
    return (await this.recordCalls(kind, async () => (await kind.listTrusting?.(reader, observed)) ?? [])).result;
  }

  async listDependents(kind: Kind, observed: Observed, reader = this.reader): Promise<readonly Dependent[]> {
    return (await this.recordCalls(kind, async () => (await kind.listDependents?.(reader, observed)) ?? [])).result;
  }

  async listMemberships(kind: Kind, member: string, reader = this.reader): Promise<readonly string[]> {
    return (await this.recordCalls(kind, async () => (await kind.memberships?.list(reader, member)) ?? [])).result;
  }

  /** Reads the same account in pages of one: the sandbox's, or cut here where it gives all at once. */
  readerWithSmallPages(): Reader {
    return new Reader(async <O extends Operation>(operation: O, input: Input<O>): Promise<Output<O>> => {
      if (!isPaged(operation)) return this.reader.get(operation, input);
      const { Marker } = input as { Marker?: string };
      const cut = /^cut:(\d+)$/.exec(Marker ?? '')?.[1];
      const asked = cut === undefined ? input : { ...input, Marker: undefined };
      const page = await this.reader.get(operation, { ...asked, MaxItems: 1 });
      const lists = Object.entries(page as object).filter((entry): entry is [string, unknown[]] =>
        Array.isArray(entry[1]),
      );
      if (lists.every(([, list]) => list.length <= 1)) return page;
      const from = Number(cut ?? 0);
      const part = Object.fromEntries(lists.map(([member, list]) => [member, list.slice(from, from + 1)]));
      const isLast = lists.every(([, list]) => list.length <= from + 1);
      const next = isLast ? undefined : `cut:${String(from + 1)}`;
      return Object.assign(page, part, { IsTruncated: !isLast, Marker: next });
    }, this.#stored);
  }

  /** A reader to whom one operation answers what the sandbox cannot. */
  readerReplying(answered: Operation, output: object): Reader {
    return new Reader(<O extends Operation>(operation: O, input: Input<O>): Promise<Output<O>> => {
      if (operation !== answered) return this.reader.get(operation, input);
      return Promise.resolve(output as Output<O>);
    }, this.#stored);
  }

  /** A reader to whom AWS denies everything that lists. */
  readerWithoutLists(): Reader {
    return this.readerDenied((operation) => /^(List|GetAccountAuthorizationDetails)/.test(operation));
  }

  /** A reader to whom AWS denies some operations, or all. */
  readerDenied(isDenied: (operation: Operation) => boolean = () => true): Reader {
    return new Reader(<O extends Operation>(operation: O, input: Input<O>): Promise<Output<O>> => {
      if (!isDenied(operation)) return this.reader.get(operation, input);
      const denied = { name: 'AccessDenied', Code: 'AccessDenied', $metadata: { httpStatusCode: 403 } };
      return Promise.reject(Object.assign(new Error('not authorized'), denied));
    }, this.#stored);
  }
}

/** Whether IAM gives the operation's lists in pages. The SDK has no paginator for one that does. */
function isPaged(operation: Operation): boolean {
  return `paginate${operation}` in sdk || operation === 'ListServiceSpecificCredentials';
}

/** The harness of the test file. */
export let harness: KindHarness;

/** Starts a harness for the test file, and by default resets it before each test. */
export function useHarness({ reset = true } = {}): void {
  beforeAll(async () => {
    harness = await KindHarness.start();
  });
  beforeEach(async () => {
    if (reset) await harness.reset();
  });
  afterAll(() => harness.stop());
}
