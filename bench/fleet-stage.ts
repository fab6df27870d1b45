import {
  CreateAccountCommand,
  CreateOrganizationCommand,
  ListRootsCommand,
  OrganizationsClient,
} from '@aws-sdk/client-organizations';
import type { JsonObject } from '../src/contract/entity.js';
import type { FleetReport } from '../src/contract/fleet.js';
import { ownershipTagsForCreate } from '../src/engine/ownership.js';
import { fleetWorkflowId } from '../src/contract/workflow-ids.js';
import { fleetRun } from '../src/client/fleet/runs.js';
import { loadRequest } from '../src/client/request.js';
import { apply } from '../src/client/run/start.js';
import { loadConfig } from '../src/config/config.js';
import { connectTemporal } from '../src/temporal/connect.js';
import type { TemporalConnection } from '../src/temporal/connect.js';
import { forEachConcurrently } from '../test/support/concurrency.js';
import type { Call } from '../test/support/fault-proxy.js';
import { allowing, manifestOf, role, trusting } from '../test/support/manifests-of.js';
import { findPython, iamClient } from '../test/support/sandbox.js';
import { ACCOUNT, CLI, startWorld } from '../test/support/world.js';
import type { WorkerProcess, World } from '../test/support/world.js';
import type { Used } from './figures.js';
import type { FleetCase, FleetHistory } from './fleet-figures.js';
import { forgetPeak, measured, standingOf } from './process.js';
import { largestIn } from './scale.js';

/** Accounts that are made at a time. */
const MADE_AT_ONCE = 10;

/** A fleet to measure. Its name is also its namespace, so that no case knows another one. */
export interface MeasuredFleet {
  readonly name: string;
  readonly accounts: readonly string[];
  readonly entities: number;
  /** Selects the accounts by the root of their organization. Default: by ID. */
  readonly root?: string;
}

type Measured = Pick<
  FleetCase,
  'ms' | 'worker' | 'server' | 'calls' | 'throttled' | 'created' | 'mostCreates' | 'ends'
>;

/** One emulator, counting proxy, Temporal server and worker. Each but the proxy is a process of its own. */
export class FleetStage {
  readonly #world: World;
  readonly #python: string;
  readonly #temporal: TemporalConnection;
  #worker: WorkerProcess;
  #warmUps = 0;

  private constructor(world: World, python: string, worker: WorkerProcess, temporal: TemporalConnection) {
    this.#world = world;
    this.#python = python;
    this.#worker = worker;
    this.#temporal = temporal;
  }

  static async start(): Promise<FleetStage> {
    const python = await findPython();
    const world = await startWorld({ replay: { notBecause: 'the benchmark measures and proves nothing' } });
    const worker = await world.startWorker();
    return new FleetStage(world, python, worker, await connectTemporal(loadConfig(world.env)));
  }

  async stop(): Promise<void> {
    await this.#temporal.close();
    await this.#world.stop();
  }

  /** Empties all accounts. */
  empty(): Promise<void> {
    return this.#world.sandbox.reset();
  }

  /** Starts a worker anew and has it do something first, so that no case profits from another one. */
  async renewWorker(): Promise<void> {
    await this.#worker.stop();
    this.#worker = await this.#world.startWorker();
    this.#warmUps += 1;
    await this.#applyAlone(`warm-up-${String(this.#warmUps)}`, ACCOUNT, 3);
  }

  /** Makes accounts in an organization of the sandbox, and returns its root and the accounts. */
  async organization(count: number): Promise<{ readonly root: string; readonly accounts: readonly string[] }> {
    const client = new OrganizationsClient({
      endpoint: this.#world.sandbox.url,
      region: 'us-east-1',
      credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'sandbox' },
    });
    await client.send(new CreateOrganizationCommand({ FeatureSet: 'ALL' }));
    const root = (await client.send(new ListRootsCommand({}))).Roots?.[0]?.Id ?? '';
    const numbers = Array.from({ length: count }, (_, index) => index);
    const accounts = await forEachConcurrently(numbers, MADE_AT_ONCE, async (index) => {
      const name = `account-${String(index)}`;
      const made = await client.send(new CreateAccountCommand({ AccountName: name, Email: `${name}@example.com` }));
      return made.CreateAccountStatus?.AccountId ?? '';
    });
    client.destroy();
    return { root, accounts };
  }

  /** Brings accounts to their declared state behind the proxy, as an apply of a fleet would. */
  async fill({ name: namespace, accounts, entities }: MeasuredFleet): Promise<void> {
    const marks = ownershipTagsForCreate({ namespace, intent: 'bench', shared: false, claim: undefined });
    const Tags = Object.entries({ ...TAGS, ...marks }).map(([Key, Value]) => ({ Key, Value }));
    await forEachConcurrently(accounts, MADE_AT_ONCE, async (account) => {
      const iam = iamClient(this.#world.sandbox.url, account);
      for (const name of namesOf(entities)) {
        const named = { RoleName: name };
        await iam.createRole({ ...named, Description, AssumeRolePolicyDocument: JSON.stringify(trusting()), Tags });
        const [[PolicyName, document] = ['', {}]] = Object.entries(INLINE);
        await iam.putRolePolicy({ ...named, PolicyName, PolicyDocument: JSON.stringify(document) });
      }
      iam.destroy();
    });
  }

  /** Lets a share of the calls of one account pass, and refuses the others, until {@link clearFaults}. */
  throttle(account: string, mayPass: () => boolean): void {
    const isTooMany = (call: Call): boolean => call.action !== 'AssumeRole' && !mayPass();
    this.#world.proxy.on({ account, predicate: isTooMany }, { kind: 'throttle' });
  }

  /** Refuses the role of some accounts, until {@link clearFaults}. */
  bar(accounts: readonly string[]): void {
    for (const account of accounts) {
      this.#world.proxy.on(
        { action: 'AssumeRole', account },
        { kind: 'error', status: 403, code: 'AccessDenied', message: 'not authorized to perform sts:AssumeRole' },
      );
    }
  }

  clearFaults(): void {
    this.#world.proxy.clearRules();
  }

  /** Applies a fleet by the command line. */
  async applyFleet(name: string, fleet: MeasuredFleet, fields: object = {}): Promise<FleetCase> {
    const path = await this.#world.manifest(`${fleet.name}.json`, manifestOfFleet(fleet, fields));
    const line = [process.execPath, CLI, 'apply', '-f', path, '--fleet', fleet.name, '--quiet'];
    const { cwd, env } = { cwd: this.#world.directory, env: this.#world.env };
    let command: Used = { cpuMs: NaN, peakRssBytes: NaN };
    const figures = await this.#measure(async () => {
      command = await measured(this.#python, { line, env, cwd });
    });
    const { cpuMs, peakRssBytes } = command;
    const report = await this.#reportOf(fleet.name);
    return {
      name,
      accounts: fleet.accounts.length,
      entities: fleet.entities,
      ...figures,
      command: { cpuMs, peakRssBytes },
      results: countBy(report.accounts.map(({ result }) => result)),
      history: await this.#historyOf(fleet.name),
      reportBytes: JSON.stringify(report).length,
    };
  }

  /** Applies the same to the same accounts, one after another, without a fleet, by the library in this process. */
  async applyEach(name: string, { name: namespace, accounts, entities }: MeasuredFleet): Promise<FleetCase> {
    const results: string[] = [];
    const figures = await this.#measure(async () => {
      for (const account of accounts) results.push(await this.#applyAlone(namespace, account, entities));
    });
    return { name, accounts: accounts.length, entities, ...figures, results: countBy(results) };
  }

  async #applyAlone(namespace: string, account: string, entities: number): Promise<string> {
    const manifest = manifestOf({ namespace, account, assumed: true, entities: entitiesOf(entities) });
    const pipeline = { provider: 'local', url: null, commit: null, actor: 'bench' };
    const loaded = await loadRequest([await this.#world.manifest('alone.json', manifest)], { variables: {}, pipeline });
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
    const { result } = await apply(this.#temporal, loaded.request);
    return result;
  }

  async #measure(work: () => Promise<void>): Promise<Measured> {
    const { proxy, temporal } = this.#world;
    const pids = [this.#worker.pid, temporal.pid] as const;
    await Promise.all(pids.map(forgetPeak));
    proxy.clear();
    const known = await this.#creates();
    const before = await Promise.all(pids.map(standing));
    const startedAt = Date.now();
    await work();
    const ms = Date.now() - startedAt;
    const [worker, server] = await Promise.all(pids.map(standing));
    const used = (now: Used | undefined, then: Used | undefined): Used => ({
      cpuMs: (now?.cpuMs ?? NaN) - (then?.cpuMs ?? NaN),
      peakRssBytes: now?.peakRssBytes ?? NaN,
    });
    const creates = await this.#creates();
    const made = [...creates].map(([key, count]) => count - (known.get(key) ?? 0)).filter((count) => count > 0);
    const ends: Record<string, number> = {};
    for (const { account, arrivedAt } of proxy.calls) if (account !== undefined) ends[account] = arrivedAt - startedAt;
    return {
      ms,
      worker: used(worker, before[0]),
      server: used(server, before[1]),
      calls: proxy.countBy(),
      throttled: proxy.calls.filter(({ code }) => code === 'Throttling').length,
      created: made.length,
      mostCreates: Math.max(0, ...made),
      ends,
    };
  }

  /** Counts the Creates that AWS has executed, by account and entity. */
  async #creates(): Promise<ReadonlyMap<string, number>> {
    const counts = new Map<string, number>();
    for (const { account, action, params, code } of await this.#world.sandbox.journal()) {
      if (code !== null || action !== 'CreateRole') continue;
      const key = `${account} ${params['RoleName'] ?? ''}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    return counts;
  }

  async #reportOf(name: string): Promise<FleetReport> {
    const run = await fleetRun(this.#temporal, { namespace: name, fleet: name });
    if (run?.report == null) throw new Error(`fleet ${name} has left no report`);
    return run.report;
  }

  /** Returns what the newest run of a fleet, and those that it has continued, have left in Temporal. */
  async #historyOf(name: string): Promise<FleetHistory> {
    const { workflow } = this.#temporal.client;
    const workflowId = fleetWorkflowId(name, name);
    const all = { runs: 0, events: 0, bytes: 0, allBytes: 0, largestPayloadBytes: 0 };
    for (let runId = (await workflow.getHandle(workflowId).describe()).runId; runId !== '';) {
      const handle = workflow.getHandle(workflowId, runId);
      const [run, { events }] = await Promise.all([handle.describe(), handle.fetchHistory()]);
      const bytes = Number(run.raw.workflowExecutionInfo?.historySizeBytes);
      all.runs += 1;
      all.events = Math.max(all.events, run.historyLength);
      all.bytes = Math.max(all.bytes, bytes);
      all.allBytes += bytes;
      all.largestPayloadBytes = Math.max(all.largestPayloadBytes, largestIn(events ?? []));
      runId = events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId ?? '';
    }
    return all;
  }
}

async function standing(pid: number): Promise<Used | undefined> {
  return standingOf(pid);
}

function countBy(results: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const result of results) counts[result] = (counts[result] ?? 0) + 1;
  return counts;
}

function manifestOfFleet({ name, accounts, entities, root }: MeasuredFleet, fields: object): object {
  return {
    version: 1,
    namespace: name,
    fleets: {
      [name]: {
        accounts: root === undefined ? { ids: accounts } : { organizationalUnits: [root], exclude: [ACCOUNT] },
        assumeRole: 'arn:{{partition}}:iam::{{account}}:role/bootstrap',
        ...fields,
      },
    },
    entities: entitiesOf(entities),
  };
}

const Description = 'measured';
const INLINE = { state: allowing('dynamodb:PutItem') };
const TAGS = { team: 'platform' };

/** Returns roles that take two writes each: themselves, and an inline policy. */
function entitiesOf(count: number): JsonObject[] {
  return namesOf(count).map((name) => role(name, { description: Description, inlinePolicies: INLINE, tags: TAGS }));
}

function namesOf(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `bench-${String(index).padStart(3, '0')}`);
}
