import { readFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { join } from 'node:path';
import type { IAM } from '@aws-sdk/client-iam';
import { connectTemporal } from '../../src/temporal/connect.js';
import type { TemporalConnection } from '../../src/temporal/connect.js';
import { apply, plan } from '../../src/client/run/start.js';
import { loadConfig } from '../../src/config/config.js';
import type { JsonObject } from '../../src/contract/entity.js';
import type { Report } from '../../src/contract/report.js';
import { forEachConcurrently } from '../support/concurrency.js';
import { startFaultProxy } from '../support/fault-proxy.js';
import type { Call, FaultProxy } from '../support/fault-proxy.js';
import { allowing, requestOf, role, trusting } from '../support/manifests-of.js';
import { iamClient } from '../support/sandbox.js';
import { LONG_FORM, record, Tally } from '../support/trials.js';
import { startWorld } from '../support/world.js';
import type { WorkerProcess, World } from '../support/world.js';

/**
 * A worker that is paused in the middle of an activity for longer than its heartbeat timeout. Another worker finishes
 * the activity, more runs follow, and then the first worker resumes without knowing.
 */

jest.setTimeout(600_000);

/** Scenes that run at a time. Most of a scene is waiting. */
const LANES = 6;

/** Repetitions of each scene. */
const ROUNDS = LONG_FORM ? 3 : 1;

let world: World;
let temporal: TemporalConnection;
const tally = new Tally();
const lateWrites = { stopped: 0, arrived: 0 };

beforeAll(async () => {
  world = await startWorld({ secured: true });
  temporal = await connectTemporal(loadConfig(world.env));
}, 300_000);

afterAll(async () => {
  await record({
    id: 'zombies',
    title: 'Zombies',
    what:
      'A worker is paused (SIGSTOP) or cut off from Temporal in the middle of an activity until another ' +
      'worker has finished the activity and the account has changed again. Then it resumes. A case survives ' +
      'if the worker sends nothing that it had not sent before the pause, if a call that was in flight ' +
      'creates nothing twice, and if the next run finds and repairs its effect.',
    command: 'IAM_BOOTSTRAP_CHAOS=long npx jest test/chaos/zombie.test.ts',
    trials: tally.trials,
    figures: [
      { what: 'writes that a zombie was about to send, and did not', value: lateWrites.stopped, unit: 'calls' },
      { what: 'writes that were on the wire, and arrived late', value: lateWrites.arrived, unit: 'calls' },
    ],
  });
  await temporal.close();
  await world.stop();
}, 300_000);

/** A connection from one process to the Temporal server that can be cut. */
class Link {
  #isCut = false;
  #heard: () => void = () => undefined;
  readonly #near = new Set<Socket>();
  readonly #far = new Set<Socket>();
  readonly #server: Server;

  private constructor(host: string, port: number) {
    this.#server = createServer((near) => {
      this.#near.add(near);
      near.on('error', () => near.destroy()).on('close', () => this.#near.delete(near));
      // Calls while it is cut reach nothing.
      near.on('data', () => {
        this.#heard();
      });
      if (this.#isCut) return;
      const far = connect(port, host);
      this.#far.add(far);
      far.on('error', () => far.destroy());
      far.on('close', () => {
        this.#far.delete(far);
        if (!this.#isCut) near.destroy();
      });
      near.on('close', () => far.destroy());
      near.pipe(far).pipe(near, { end: false });
    });
  }

  static async to(address: string): Promise<Link> {
    const [host = '', port] = address.split(':');
    const link = new Link(host, Number(port));
    await new Promise<void>((resolve) => link.#server.listen(0, '127.0.0.1', resolve));
    return link;
  }

  get address(): string {
    return `127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`;
  }

  /** The server sees the connections break and sends no more tasks; the process sees nothing. */
  cut(): void {
    this.#isCut = true;
    for (const near of this.#near) near.unpipe().resume();
    for (const far of this.#far) far.destroy();
  }

  /** Resolves when the process next sends data. */
  async saysSomething(): Promise<void> {
    await new Promise<void>((resolve) => (this.#heard = resolve));
  }

  /** The process sees its connections break and reconnects. */
  reconnect(): void {
    this.#isCut = false;
    for (const near of this.#near) near.destroy();
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of [...this.#near, ...this.#far]) socket.destroy();
    await closed;
  }
}

/** Two workers on one task queue, each with its own proxy, which shows what each one sent. */
class Scene {
  readonly account: string;
  readonly iam: IAM;
  #link: Link | undefined;
  #zombie: WorkerProcess | undefined;
  #heir: WorkerProcess | undefined;
  #zombieProxy: FaultProxy | undefined;
  #heirProxy: FaultProxy | undefined;

  constructor(account: string) {
    this.account = account;
    this.iam = iamClient(world.sandbox.url, account);
  }

  /** The first worker. */
  get zombie(): WorkerProcess {
    return there(this.#zombie);
  }

  /** Its connection with Temporal. */
  get link(): Link {
    return there(this.#link);
  }

  get zombieProxy(): FaultProxy {
    return there(this.#zombieProxy);
  }

  get heirProxy(): FaultProxy {
    return there(this.#heirProxy);
  }

  async open(): Promise<void> {
    [this.#zombieProxy, this.#heirProxy, this.#link] = await Promise.all([
      startFaultProxy(world.sandbox.url),
      startFaultProxy(world.sandbox.url),
      Link.to(world.temporal.address),
    ]);
    this.#zombie = await this.#startWorker(this.#zombieProxy, { TEMPORAL_ADDRESS: this.#link.address });
  }

  /** The second worker, which takes over the work. */
  async startHeir(): Promise<void> {
    this.#heir = await this.#startWorker(this.heirProxy);
  }

  async close(): Promise<void> {
    await Promise.all([this.#zombie?.kill(), this.#heir?.kill()]);
    await Promise.all([this.#zombieProxy?.stop(), this.#heirProxy?.stop(), this.#link?.close()]);
  }

  async apply(...entities: readonly JsonObject[]): Promise<Report> {
    return apply(this.#temporal, await this.#request(entities));
  }

  async plan(...entities: readonly JsonObject[]): Promise<Report> {
    return plan(this.#temporal, await this.#request(entities));
  }

  /** Reads a stored secret. */
  async secret(file: string): Promise<Record<string, string>> {
    return JSON.parse(await readFile(join(this.#secrets, file), 'utf8')) as Record<string, string>;
  }

  get #temporal(): TemporalConnection {
    return { ...temporal, taskQueue: `zombie-${this.account}` };
  }

  get #secrets(): string {
    return join(world.directory, `secrets-${this.account}`);
  }

  #request(entities: readonly JsonObject[]): ReturnType<typeof requestOf> {
    return requestOf(world, { namespace: 'zombie', account: this.account, assumed: true, entities });
  }

  #startWorker(proxy: FaultProxy, more: Readonly<Record<string, string>> = {}): Promise<WorkerProcess> {
    return world.startWorker({
      IAM_BOOTSTRAP_TASK_QUEUE: `zombie-${this.account}`,
      AWS_ENDPOINT_URL_IAM: proxy.url,
      AWS_ENDPOINT_URL_STS: proxy.url,
      IAM_BOOTSTRAP_SECRETS: this.#secrets,
      // A reply that arrives while a process is paused is read when it resumes.
      IAM_BOOTSTRAP_AWS_TIMEOUT: '120',
      ...more,
    });
  }
}

function there<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the scene is not open');
  return value;
}

/** An event to wait for. */
class Moment {
  readonly reached: Promise<void>;
  reach: () => void = () => undefined;

  constructor() {
    this.reached = new Promise((resolve) => (this.reach = resolve));
  }
}

/** Where the first worker is paused, and what happens before it resumes. */
interface Play {
  /** Entities that exist before. */
  readonly before?: readonly JsonObject[];
  /** The run that the first worker executes. */
  readonly entities: readonly JsonObject[];
  /** The call at which it is paused. */
  readonly at: string;
  /**
   * `reply`: AWS executed the call, and the reply is unread in the socket of the process.
   * `throttled`: AWS throttled the call, and the process will retry it.
   * `wire`: the process sent the call, and it has not arrived.
   */
  readonly held: 'reply' | 'throttled' | 'wire';
  /** True where it is cut off from Temporal and runs on, instead of being paused. Default: false. */
  readonly awake?: boolean;
  /** True where its connections with Temporal stay, so that it gets tasks that it does not do. Default: false. */
  readonly connected?: boolean;
  /** What happens while it is paused, including the end of its run. */
  readonly meanwhile?: (scene: Scene) => Promise<void>;
  /** Checks the state after it resumed. `late` has the calls that it sent after that, or that arrived late. */
  readonly then: (scene: Scene, late: readonly Call[]) => Promise<void>;
}

/** Pauses the first worker, lets the second one finish its work, and resumes the first one. */
async function perform(scene: Scene, play: Play): Promise<void> {
  await scene.open();
  if (play.before !== undefined) expect((await scene.apply(...play.before)).result).toBe('converged');
  const [held, wake] = [new Moment(), new Moment()];
  const { zombieProxy: proxy } = scene;
  proxy.clear();
  const hold = async (): Promise<void> => {
    if (play.awake !== true) await scene.zombie.pause();
    // Tasks that the server hands to a paused process would time out again and again.
    if (play.connected !== true) scene.link.cut();
    held.reach();
    if (play.held === 'wire' || play.awake === true) await wake.reached;
  };
  const match = { action: play.at, nth: 1 };
  proxy.on(match, { kind: 'hook', times: 1, [play.held === 'reply' ? 'after' : 'before']: hold });
  if (play.held === 'throttled') proxy.on(match, { kind: 'throttle', times: 1 });

  const running = scene.apply(...play.entities);
  const early = running.then((report) => {
    throw new Error(`the run ended before ${play.at}: ${JSON.stringify(report)}`);
  });
  early.catch(() => undefined);
  await Promise.race([held.reached, early]);
  const sent = proxy.calls.length;
  await scene.startHeir();
  const report = await running;
  expect([report.result, report.reason ?? null]).toEqual(['converged', null]);
  await play.meanwhile?.(scene);

  if (play.awake === true) {
    const asked = scene.link.saysSomething();
    wake.reach();
    await asked;
  }
  scene.link.reconnect();
  wake.reach();
  if (play.awake !== true) scene.zombie.resume();
  // It finishes its activity, whatever the result, and disconnects.
  await scene.zombie.stop();
  const late = proxy.writes().filter(({ seq }) => seq > sent);
  await play.then(scene, late);
  lateWrites[play.held === 'wire' ? 'arrived' : 'stopped'] += 1;
}

const OLD = allowing('s3:GetObject');
const NEW = allowing('s3:PutObject');

const KEY = { kind: 'AccessKey', userName: 'owner', secret: { file: 'key.json' } };
const OWNER = { kind: 'User', userName: 'owner' };

function policy(policyDocument: JsonObject): JsonObject {
  return { kind: 'Policy', policyName: 'work', policyDocument };
}

async function documentOf({ iam }: Scene, RoleName: string, PolicyName: string): Promise<unknown> {
  const { PolicyDocument = '' } = await iam.getRolePolicy({ RoleName, PolicyName });
  return JSON.parse(decodeURIComponent(PolicyDocument));
}

async function keysOf({ iam }: Scene): Promise<string[]> {
  const { AccessKeyMetadata = [] } = await iam.listAccessKeys({ UserName: 'owner' });
  return AccessKeyMetadata.map(({ AccessKeyId = '' }) => AccessKeyId);
}

/** Expects that the next run repairs the drift, and that a plan then finds no changes. */
async function expectHealed(scene: Scene, outcome: string, ...entities: readonly JsonObject[]): Promise<void> {
  const healed = await scene.apply(...entities);
  expect([healed.result, healed.entities.map((entity) => entity.outcome)]).toEqual(['converged', [outcome]]);
  const after = await scene.plan(...entities);
  expect(after.entities.map(({ decision, drift }) => [decision, drift])).toEqual([['no-op', []]]);
}

const two = (document: JsonObject): JsonObject => role('deploy', { inlinePolicies: { a: OLD, b: document } });

/** The first of two documents is written. A newer run writes the second one. */
const BETWEEN_TWO_WRITES: Play = {
  entities: [two(OLD)],
  at: 'PutRolePolicy',
  held: 'reply',
  meanwhile: async (scene) => {
    expect((await scene.apply(two(NEW))).entities).toMatchObject([{ outcome: 'updated' }]);
  },
  then: async (scene, late) => {
    expect(late).toEqual([]);
    expect(await documentOf(scene, 'deploy', 'b')).toEqual(NEW);
  },
};

const PLAYS: Readonly<Record<string, Play>> = {
  'between two writes of a step: the older document of the second is not put over the one of a newer run':
    BETWEEN_TWO_WRITES,
  ...(LONG_FORM && {
    'the same, while the server goes on to hand it work': { ...BETWEEN_TWO_WRITES, connected: true },
  }),
  'between two writes of a deletion: a role that another tool created in between is not deleted': {
    before: [two(OLD)],
    entities: [{ kind: 'Role', roleName: 'deploy', state: 'absent' }],
    at: 'DeleteRolePolicy',
    held: 'reply',
    meanwhile: async ({ iam }) => {
      const AssumeRolePolicyDocument = JSON.stringify(trusting());
      await iam.createRole({ RoleName: 'deploy', AssumeRolePolicyDocument, Description: 'another tool' });
    },
    then: async ({ iam }, late) => {
      expect(late).toEqual([]);
      expect((await iam.getRole({ RoleName: 'deploy' })).Role?.Description).toBe('another tool');
    },
  },
  'about to create a role: it does not come back once a newer run has deleted it': {
    entities: [role('deploy')],
    at: 'CreateRole',
    held: 'throttled',
    meanwhile: async (scene) => {
      const gone = await scene.apply({ kind: 'Role', roleName: 'deploy', state: 'absent' });
      expect(gone.entities).toMatchObject([{ outcome: 'deleted' }]);
    },
    then: async (scene, late) => {
      expect(late).toEqual([]);
      await expect(scene.iam.getRole({ RoleName: 'deploy' })).rejects.toThrow('cannot be found');
      expect(await world.creates(scene.account)).toEqual({ 'CreateRole deploy': 1 });
    },
  },
  'about to make a policy version: the older one does not become the default after that of a newer run': {
    before: [policy(allowing('s3:ListBucket'))],
    entities: [policy(OLD)],
    at: 'CreatePolicyVersion',
    held: 'throttled',
    meanwhile: async (scene) => {
      expect((await scene.apply(policy(NEW))).entities).toMatchObject([{ outcome: 'updated' }]);
    },
    then: async (scene, late) => {
      expect(late).toEqual([]);
      expect((await scene.plan(policy(NEW))).entities).toMatchObject([{ decision: 'no-op', drift: [] }]);
    },
  },
  'about to make an access key: there is one': {
    before: [OWNER],
    entities: [OWNER, KEY],
    at: 'CreateAccessKey',
    held: 'throttled',
    then: async (scene, late) => {
      expect(late).toEqual([]);
      expect(await keysOf(scene)).toEqual([(await scene.secret('key.json'))['AccessKeyId']]);
    },
  },
  'with a new secret in its hands: it does not store it over the one of the key that replaced it': {
    before: [OWNER],
    entities: [OWNER, KEY],
    at: 'CreateAccessKey',
    held: 'reply',
    then: async (scene, late) => {
      // The other worker removed the key whose secret was lost. This one may try to remove it too.
      expect(late.filter(({ action }) => action !== 'DeleteAccessKey')).toEqual([]);
      expect(await keysOf(scene)).toEqual([(await scene.secret('key.json'))['AccessKeyId']]);
    },
  },
  "cut off from Temporal and awake: it sends nothing before it is told that the step is another one's": {
    entities: [two(OLD)],
    at: 'PutRolePolicy',
    held: 'reply',
    awake: true,
    // Immediately: it stops by itself after a long time without heartbeats.
    then: (_scene, late) => {
      expect(late).toEqual([]);
      return Promise.resolve();
    },
  },
  'CreateRole on the wire: AWS refuses the second one': {
    entities: [role('deploy')],
    at: 'CreateRole',
    held: 'wire',
    then: async (scene, late) => {
      expect(late).toEqual([]);
      expect(scene.zombieProxy.calls.find(({ action }) => action === 'CreateRole')?.code).toBe('EntityAlreadyExists');
      expect(await world.creates(scene.account)).toEqual({ 'CreateRole deploy': 1 });
    },
  },
  'PutRolePolicy on the wire: the next run finds the older document and puts it right': {
    entities: [two(OLD)],
    at: 'PutRolePolicy',
    held: 'wire',
    meanwhile: async (scene) => {
      const newer = role('deploy', { inlinePolicies: { a: NEW } });
      expect((await scene.apply(newer)).entities).toMatchObject([{ outcome: 'updated' }]);
    },
    then: async (scene, late) => {
      expect(late).toEqual([]);
      expect(await documentOf(scene, 'deploy', 'a')).toEqual(OLD);
      await expectHealed(scene, 'updated', role('deploy', { inlinePolicies: { a: NEW } }));
    },
  },
  'DeleteRole on the wire: what a newer run has made in between is made again by the next': {
    before: [role('deploy')],
    entities: [{ kind: 'Role', roleName: 'deploy', state: 'absent' }],
    at: 'DeleteRole',
    held: 'wire',
    meanwhile: async (scene) => {
      expect((await scene.apply(role('deploy'))).entities).toMatchObject([{ outcome: 'created' }]);
    },
    then: async (scene, late) => {
      expect(late).toEqual([]);
      await expect(scene.iam.getRole({ RoleName: 'deploy' })).rejects.toThrow('cannot be found');
      await expectHealed(scene, 'created', role('deploy'));
    },
  },
  'CreatePolicyVersion on the wire: the next run finds the older document and puts it right': {
    before: [policy(allowing('s3:ListBucket'))],
    entities: [policy(OLD)],
    at: 'CreatePolicyVersion',
    held: 'wire',
    meanwhile: async (scene) => {
      expect((await scene.apply(policy(NEW))).entities).toMatchObject([{ outcome: 'updated' }]);
    },
    then: async (scene, late) => {
      expect(late).toEqual([]);
      await expectHealed(scene, 'updated', policy(NEW));
    },
  },
  'CreateAccessKey on the wire: its sender removes the key that was created too late': {
    before: [OWNER],
    entities: [OWNER, KEY],
    at: 'CreateAccessKey',
    held: 'wire',
    then: async (scene, late) => {
      expect(late.map(({ action, committed }) => [action, committed])).toEqual([['DeleteAccessKey', true]]);
      expect(await keysOf(scene)).toEqual([(await scene.secret('key.json'))['AccessKeyId']]);
    },
  },
};

describe('a worker that resumes after another one has finished its activity', () => {
  const failures = new Map<string, string[]>();
  let accounts = 0;

  beforeAll(async () => {
    const scenes = Array.from({ length: ROUNDS }, () => Object.entries(PLAYS)).flat();
    await forEachConcurrently(scenes, LANES, async ([name, play]) => {
      const scene = new Scene(String(500_000_000_000 + (accounts += 1)));
      let survived = true;
      try {
        await perform(scene, play);
      } catch (error) {
        survived = false;
        failures.set(name, [...(failures.get(name) ?? []), error instanceof Error ? (error.stack ?? '') : '']);
      } finally {
        await scene.close();
      }
      const fault = play.awake === true ? 'cut off from Temporal' : 'SIGSTOP';
      const where = play.held === 'wire' ? 'its call is on the wire' : 'the next call is not sent yet';
      tally.count(`${fault}, ${where}`, play.at, survived);
    });
  });

  test.each(Object.keys(PLAYS))('%s', (name) => {
    expect(failures.get(name) ?? []).toEqual([]);
  });
});
