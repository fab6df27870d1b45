import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createAwsClients } from '../../src/aws/clients.js';
import type { AwsClients } from '../../src/aws/clients.js';
import { deriveSecretMembers, readSecretMembers } from '../../src/aws/secret-store.js';
import type { TemporalConnection } from '../../src/temporal/connect.js';
import { apply, plan } from '../../src/client/run/start.js';
import type { JsonObject, Target } from '../../src/contract/entity.js';
import type { Confirmation, Outcome, Report } from '../../src/contract/report.js';
import { compare } from '../../src/engine/compare.js';
import { KINDS } from '../../src/kinds/index.js';
import type { Kind, Observed, Write } from '../../src/kinds/kind.js';
import type { Call } from './fault-proxy.js';
import { ACCOUNT, KIND_FIXTURES } from './kind-fixtures/index.js';
import type { KindFixture } from './kind-fixtures/index.js';
import { requestOf } from './manifests-of.js';
import type { World } from './world.js';

/** Fresh: the entity is not there. Update: another tool changed every property. Deletion: it is to be absent. */
export type Phase = 'fresh' | 'update' | 'deletion';
export const PHASES: readonly Phase[] = ['fresh', 'update', 'deletion'];

/** A kind, with its secret in a file or, where AWS reveals or takes one, in Secrets Manager as well. */
export interface KindCase {
  readonly name: string;
  readonly kind: Kind;
  readonly secretsManager: boolean;
}

/** Every kind, in every way that it is played. */
export const KIND_CASES: readonly KindCase[] = KINDS.flatMap((kind) => [
  { name: kind.name, kind, secretsManager: false },
  ...(kind.secret === undefined
    ? []
    : [{ name: `${kind.name}, secret in Secrets Manager`, kind, secretsManager: true }]),
]);

/** What a run came to. */
export interface Result {
  readonly report: Report;
  /** The calls of it, as the proxy saw them. */
  readonly calls: readonly Call[];
  /** Those that change IAM. */
  readonly writes: readonly Call[];
}

/** Whether a call only reads. Secrets Manager counts as beside: no report lists what is stored there. */
export function isRead({ action, protocol }: Call): boolean {
  return protocol === 'json' ? action.startsWith('Get') : /^(Get|List|Simulate|AssumeRole)/.test(action);
}

let accounts = 0;

/** An account that nobody has used. */
export function nextUnusedAccount(): string {
  accounts += 1;
  return String(400_000_000_000 + accounts);
}

/** One kind's fixture in an account of its own. */
export class KindStage {
  readonly account = nextUnusedAccount();
  readonly kindCase: KindCase;
  readonly #world: World;
  readonly #temporal: TemporalConnection;
  readonly #fixture: KindFixture;
  readonly #target: Target;
  readonly #clients: AwsClients;

  constructor(world: World, temporal: TemporalConnection, part: KindCase) {
    const fixture = KIND_FIXTURES[part.kind.name];
    if (fixture === undefined) throw new Error(`${part.kind.name} has no fixture`);
    this.kindCase = part;
    this.#world = world;
    this.#temporal = temporal;
    this.#fixture = this.#here(fixture);
    const assumeRole = `arn:aws:iam::${this.account}:role/bootstrap`;
    this.#target = { account: this.account, partition: 'aws', assumeRole };
    this.#clients = createAwsClients(this.#target, {
      iamEndpoint: world.sandbox.url,
      stsEndpoint: world.sandbox.url,
      secretsManagerEndpoint: world.sandbox.url,
      secretsFolder: join(world.directory, 'secrets'),
    });
  }

  get kind(): Kind {
    return this.kindCase.kind;
  }

  /** Makes what the specs refer to. */
  async createPrerequisites(): Promise<void> {
    const folder = join(this.#world.directory, 'secrets', this.account);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    for (const [file, text] of Object.entries(this.#fixture.secrets ?? {})) {
      await writeFile(join(folder, file), text, { mode: 0o600 });
    }
    await this.#byHand(this.#fixture.prerequisites);
  }

  get operationOfCreate(): string {
    const spec = this.#spec;
    const desired = { name: this.kind.nameOf(spec), spec, tags: {}, target: this.#target };
    return this.kind.create(desired).operation;
  }

  /** What a phase is, as the report says. What every account has is not created. */
  outcomeOf(phase: Phase): Outcome {
    if (phase === 'fresh') return this.#fixture.alwaysPresent === undefined ? 'created' : 'updated';
    return phase === 'update' ? 'updated' : 'deleted';
  }

  /** Whether the entity can be deleted. */
  get canBeDeleted(): boolean {
    return this.#fixture.alwaysPresent !== 'for good';
  }

  /** Whether a deletion leaves nothing behind, so that the account serves for the next round. */
  get leavesNothingBehind(): boolean {
    return this.canBeDeleted && this.#fixture.deletionBlockers.length === 0 && !this.kindCase.secretsManager;
  }

  /** Changes the entity in every way that the fixture knows, or gives it all that stands in the way of its deletion. */
  async applyManualChanges(phase: Phase): Promise<void> {
    if (phase === 'update') {
      for (const { manualWrites: byHand = [] } of Object.values(this.#fixture.properties)) {
        await this.#byHand(typeof byHand === 'function' ? this.#here(byHand(await this.#present())) : byHand);
      }
      await this.#byHand(this.#fixture.unmanaged?.byHand ?? []);
    }
    if (phase === 'deletion') await this.#byHand(this.#fixture.deletionBlockers);
  }

  /** Runs a phase, and gives what came of it. */
  async run(phase: Phase): Promise<Result> {
    const { account } = this;
    const { proxy } = this.#world;
    proxy.clear(account);
    const report = await apply(this.#temporal, await this.#requestOf(phase));
    const calls = proxy.calls.filter((call) => call.account === account);
    return { report, calls, writes: calls.filter((call) => call.protocol === 'xml' && !isRead(call)) };
  }

  /** Plans a phase. Returns the report and the calls that it took. */
  async plan(phase: Phase): Promise<Pick<Result, 'report' | 'calls'>> {
    const { proxy } = this.#world;
    proxy.clear(this.account);
    const report = await plan(this.#temporal, await this.#requestOf(phase));
    return { report, calls: proxy.calls.filter((call) => call.account === this.account) };
  }

  async #requestOf(phase: Phase): ReturnType<typeof requestOf> {
    const { kind, account } = this;
    const entity: JsonObject =
      phase === 'deletion'
        ? { kind: kind.name, ...this.#key, state: 'absent' }
        : { kind: kind.name, ...this.#spec, unmanaged: 'remove' };
    const parts = { namespace: 'chaos', account, assumed: true, entities: [entity], removeUnmanaged: true };
    return requestOf(this.#world, parts);
  }

  /** Deletes the entity as a person does. */
  async deleteByHand(): Promise<void> {
    await this.#byHand(await this.kind.delete(this.#clients.reader, await this.#present()));
  }

  /** The entity is as declared, by a look that does not go through the engine's activities. */
  async expectAsDeclared(): Promise<Observed> {
    const observed = await this.#present();
    const rules = { rules: this.kind.properties, partition: 'aws', removesUnmanaged: () => true, shared: false };
    expect(compare(this.#spec, observed, rules).drift.filter(({ path }) => !path.includes('iam-bootstrap:'))).toEqual(
      [],
    );
    return observed;
  }

  async expectAbsent(): Promise<void> {
    const wanted = { name: this.kind.nameOf(this.#spec), spec: this.#key };
    expect(await this.kind.read(this.#clients.reader, wanted, this.#target)).toBeUndefined();
  }

  /** What is stored is of the run, and of the one that is live; no other is. */
  async expectStored(runId: string, writes: readonly Call[]): Promise<void> {
    const { secret } = this.kind;
    if (secret === undefined) return;
    const stored = await this.#clients.secrets.readRecord(secret.locationOf(this.#spec));
    expect(stored).toMatchObject({ Account: this.account, Intent: runId });
    if (secret.listCandidates !== undefined && !this.kind.ownable) {
      const desired = {
        name: this.kind.nameOf(this.#spec),
        spec: this.#spec,
        tags: {},
        target: this.#target,
      };
      const live = await secret.listCandidates(this.#clients.reader, desired);
      expect(live.map(({ id }) => id)).toEqual([secret.candidateIdOf?.(stored ?? {})]);
    }
    if (secret.generateRecord === undefined) return;
    const sent = writes.filter((call) => call.committed && call.action === this.operationOfCreate);
    expect(sent.map(({ params }) => params['Password'] === stored?.['Password'])).toEqual([true]);
  }

  /** How a run knows that its Create has made the entity. */
  confirmationAfter(lost: boolean): Confirmation {
    const { kind } = this;
    if (!lost || kind.secret?.recordFromReply !== undefined) return 'reply';
    return kind.ownable && kind.tagsAfterCreate !== true ? 'intent-tag' : 'recorded-attempt';
  }

  get #spec(): JsonObject {
    return this.#fixture.full;
  }

  get #key(): JsonObject {
    const { keyProperties } = this.kind;
    return Object.fromEntries(Object.entries(this.#spec).filter(([name]) => keyProperties.includes(name)));
  }

  async #present(): Promise<Observed> {
    const wanted = { name: this.kind.nameOf(this.#spec), spec: this.#spec };
    const observed = await this.kind.read(this.#clients.reader, wanted, this.#target);
    if (observed === undefined) throw new Error(`${this.kind.name} is not there`);
    return observed;
  }

  async #byHand(steps: readonly Write[]): Promise<void> {
    for (const { operation, input, secretInput } of steps) {
      const stored = await readSecretMembers(this.#clients.secrets, secretInput);
      const secret = deriveSecretMembers(secretInput, stored, Date.now());
      await this.#clients.write(operation, { ...input, ...secret });
    }
  }

  /** A fixture, moved to this account: its ARNs, its secrets, and the one name that all accounts share. */
  #here<T>(value: T): T {
    const moved = (part: unknown): unknown => {
      if (typeof part === 'string') return part.replaceAll(ACCOUNT, this.account);
      if (Array.isArray(part)) return part.map(moved);
      if (typeof part !== 'object' || part === null) return part;
      const members = Object.entries(part).map(([name, member]) => {
        if (name === 'file' && this.kindCase.secretsManager)
          return ['secretsManager', `law/${String(member)}`] as const;
        if (name === 'file') return [name, `${this.account}/${String(member)}`] as const;
        if (name === 'accountAliases') return [name, [`law-${this.account}`]] as const;
        return [name, moved(member)] as const;
      });
      return Object.fromEntries(members);
    };
    return moved(value) as T;
  }
}
