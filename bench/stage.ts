import { readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { paginateGetAccountAuthorizationDetails } from '@aws-sdk/client-iam';
import type { IAM, RoleDetail } from '@aws-sdk/client-iam';
import * as ts from 'typescript';
import { connectTemporal } from '../src/temporal/connect.js';
import type { TemporalConnection } from '../src/temporal/connect.js';
import { loadRequest } from '../src/client/request.js';
import { apply } from '../src/client/run/start.js';
import { loadConfig } from '../src/config/config.js';
import type { Report } from '../src/contract/report.js';
import { ExternalActor } from '../test/support/external-actor.js';
import { forEachConcurrently } from '../test/support/concurrency.js';
import type { Call } from '../test/support/fault-proxy.js';
import { KIND_FIXTURES } from '../test/support/kind-fixtures/index.js';
import { allowing, manifestOf, role } from '../test/support/manifests-of.js';
import { findPython, iamClient } from '../test/support/sandbox.js';
import { ACCOUNT, startWorld } from '../test/support/world.js';
import type { World, WorkerProcess } from '../test/support/world.js';
import { impose } from './conditions.js';
import type { Condition } from './conditions.js';
import { bareCommand } from './contender.js';
import type { Contender } from './contender.js';
import type { Sample, Used } from './figures.js';
import { forgetPeak, measured, standingOf, treeCpuMs } from './process.js';
import type { Command, Ended } from './process.js';
import { owned, ownedPolicy, SHARED_DOCUMENT, SHARED_POLICY } from './workload.js';
import type { Workload } from './workload.js';

/** Policies that are made at a time. */
const MADE_AT_ONCE = 10;

/** The measurements of a run, and the output of commands that failed. */
export type Taken = Omit<Sample, 'contender' | 'workload' | 'condition' | 'name'> & { readonly complaints: string };

/** One emulator, counting proxy, Temporal server and worker. Each but the proxy is a process of its own. */
export class Stage {
  readonly python: string;
  /** The bare script, as Node runs it. */
  readonly bareScript: string;
  readonly #world: World;
  readonly #iam: IAM;
  #worker: WorkerProcess;
  #temporal: TemporalConnection;

  private constructor(
    world: World,
    python: string,
    bareScript: string,
    worker: WorkerProcess,
    temporal: TemporalConnection,
  ) {
    this.#world = world;
    this.python = python;
    this.bareScript = bareScript;
    this.#iam = iamClient(world.sandbox.url);
    this.#worker = worker;
    this.#temporal = temporal;
  }

  static async start(): Promise<Stage> {
    const python = await findPython();
    // The tests replay runs. Here thousands of them would be replayed at the end.
    const world = await startWorld({ replay: { notBecause: 'the benchmark measures and proves nothing' } });
    const source = await readFile(resolve(__dirname, 'bare.ts'), 'utf8');
    const { outputText } = ts.transpileModule(source, {
      compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2023 },
    });
    const script = await world.manifest('bare.cjs', outputText);
    const worker = await world.startWorker();
    return new Stage(world, python, script, worker, await connectTemporal(loadConfig(world.env)));
  }

  async stop(): Promise<void> {
    await this.#temporal.close();
    await this.#world.stop();
  }

  /** The folder for all files that the benchmark writes. */
  get directory(): string {
    return this.#world.directory;
  }

  /** Environment of commands. Calls to AWS go to the proxy. */
  get env(): Readonly<Record<string, string>> {
    return this.#world.env;
  }

  get proxyUrl(): string {
    return this.#world.proxy.url;
  }

  get workerPid(): number {
    return this.#worker.pid;
  }

  get temporal(): TemporalConnection {
    return this.#temporal;
  }

  /** The calls of the last run. */
  get calls(): readonly Call[] {
    return this.#world.proxy.calls;
  }

  /** Writes a file and returns its path. */
  file(name: string, content: string | object): Promise<string> {
    return this.#world.manifest(name, content);
  }

  /** Empties the account, and creates only what the workload refers to. */
  async empty({ roles, policies }: Workload): Promise<void> {
    await this.#world.sandbox.reset();
    await this.#iam.createPolicy({ PolicyName: SHARED_POLICY, PolicyDocument: SHARED_DOCUMENT });
    if (roles.length > 0 || policies.length > 0) return;
    await rm(join(this.directory, 'secrets'), { recursive: true, force: true });
    const externalActor = new ExternalActor(this.#world);
    await externalActor.storeSecrets();
    const prerequisites = Object.values(KIND_FIXTURES)
      .flatMap((fixture) => fixture.prerequisites)
      // Declared itself.
      .filter(({ operation, input }) => operation !== 'CreateUser' || input['UserName'] !== 'law');
    await externalActor.send([...new Map(prerequisites.map((step) => [JSON.stringify(step), step])).values()]);
  }

  /** Brings the account to the declared state behind the proxy, as an apply would. What exists stays. */
  async fill({ roles, policies, drifting }: Workload): Promise<void> {
    await forEachConcurrently(policies, MADE_AT_ONCE, async (name) => {
      await this.#iam.createPolicy(ownedPolicy(name));
    });
    if (roles.length > 0) {
      const command = await bareCommand(this, this.#world.sandbox.url, owned(roles));
      const { exitCode, said } = await measured(this.python, command);
      if (exitCode !== 0) throw new Error(`the account was not filled: ${said}`);
    }
    if (drifting !== undefined) await this.#iam.putRolePolicy(drifting);
  }

  /** Changes one inline policy by hand, behind the proxy. */
  async drift({ drifting }: Workload): Promise<void> {
    if (drifting === undefined) throw new Error('this workload has no policy that drifts');
    await this.#iam.putRolePolicy({ ...drifting, PolicyDocument: JSON.stringify(allowing('s3:DeleteObject')) });
  }

  /** Reports whether reads show the account as declared. In a mixed workload only the drifting policy is checked, of policies their number. */
  async isAsDeclared({ roles, policies, drifting }: Workload): Promise<boolean> {
    if (policies.length > 0) {
      const { SummaryMap = {} } = await this.#iam.getAccountSummary({});
      // And the one that roles refer to.
      return SummaryMap['Policies'] === policies.length + 1;
    }
    const found = new Map<string, RoleDetail>();
    const pages = paginateGetAccountAuthorizationDetails({ client: this.#iam, pageSize: 1_000 }, { Filter: ['Role'] });
    for await (const { RoleDetailList = [] } of pages) {
      for (const detail of RoleDetailList) found.set(detail.RoleName ?? '', detail);
    }
    const has = (RoleName: string, inline: { readonly PolicyName: string; readonly PolicyDocument: string }): boolean =>
      found
        .get(RoleName)
        ?.RolePolicyList?.some(
          ({ PolicyName, PolicyDocument = '' }) =>
            PolicyName === inline.PolicyName && isSameDocument(PolicyDocument, inline.PolicyDocument),
        ) === true;
    const isAttached = (RoleName: string, arn: string): boolean =>
      found.get(RoleName)?.AttachedManagedPolicies?.some(({ PolicyArn }) => PolicyArn === arn) === true;
    return (
      (drifting === undefined || has(drifting.RoleName, drifting)) &&
      roles.every(({ RoleName, inline, PolicyArn }) => has(RoleName, inline) && isAttached(RoleName, PolicyArn))
    );
  }

  /** Runs a contender's command in several pipelines at a time. */
  async run(contender: Contender, workload: Workload, condition: Condition, pipelines: number): Promise<Taken> {
    const { proxy } = this.#world;
    const commands: Command[] = [];
    for (let pipeline = 0; pipeline < pipelines; pipeline += 1) {
      commands.push(await contender.command(workload, pipeline));
    }
    const usage = contender.worker === undefined ? undefined : await this.#usage(contender.worker());
    impose(proxy, condition);
    proxy.clear();
    const startedAt = performance.now();
    const ended = await Promise.all(commands.map((command) => measured(this.python, command)));
    const all = performance.now() - startedAt;
    proxy.clearRules();
    const used = await usage?.();
    return {
      // The time of a single command leaves out the start of the program that measures it.
      ms: pipelines === 1 ? sum(ended, ({ ms }) => ms) : all,
      cpuMs: sum(ended, ({ cpuMs }) => cpuMs),
      peakRssBytes: Math.max(...ended.map(({ peakRssBytes }) => peakRssBytes)),
      ...used,
      // The proxy counts and not the report: no contender counts its own calls.
      calls: proxy.countBy(),
      throttled: proxy.calls.filter(({ code }) => code === 'Throttling').length,
      exitCodes: ended.map(({ exitCode }) => exitCode),
      asDeclared: await this.isAsDeclared(workload),
      complaints: ended.flatMap(({ exitCode, said }) => (exitCode === 0 ? [] : [said])).join('\n'),
    };
  }

  /** Begins to measure a worker and the Temporal server, and returns what ends that. */
  async #usage(worker: number): Promise<() => Promise<{ readonly worker?: Used; readonly server?: Used }>> {
    const server = this.#world.temporal.pid;
    const database = 'databasePid' in this.#world.temporal ? Number(this.#world.temporal.databasePid) : undefined;
    const databaseMs = (): Promise<number> => (database === undefined ? Promise.resolve(0) : treeCpuMs(database));
    await Promise.all([worker, server].map(forgetPeak));
    const before = [await standingOf(worker), await standingOf(server)];
    const databaseBefore = await databaseMs();
    return async () => {
      const [ofWorker, ofServer] = [await standingOf(worker), await standingOf(server)];
      const ofDatabase = (await databaseMs()) - databaseBefore;
      if (ofWorker === undefined || ofServer === undefined) return {};
      const since = (index: number, { cpuMs }: Used): number => cpuMs - (before[index]?.cpuMs ?? 0);
      return {
        worker: { cpuMs: since(0, ofWorker), peakRssBytes: ofWorker.peakRssBytes },
        server: { cpuMs: since(1, ofServer) + ofDatabase, peakRssBytes: ofServer.peakRssBytes },
      };
    };
  }

  /** Repeats the reads of the last run one after the other, and returns how long the emulator takes, in milliseconds. */
  async readsAgainMs(): Promise<number> {
    // Those of IAM and STS: of policies, the tags are read from a service with another protocol.
    const reads = this.calls.filter(
      ({ action, params }) => /^(Get|List)/.test(action) && params['Version'] !== undefined,
    );
    const startedAt = performance.now();
    for (const { params } of reads) {
      const service = params['Version'] === '2011-06-15' ? 'sts' : 'iam';
      const scope = `20260101/us-east-1/${service}/aws4_request`;
      const response = await fetch(this.#world.sandbox.url, {
        method: 'POST',
        headers: { authorization: `AWS4-HMAC-SHA256 Credential=AKIATEST/${scope}, SignedHeaders=host, Signature=0` },
        body: new URLSearchParams(params),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`the reads cannot be repeated: ${text}`);
    }
    return performance.now() - startedAt;
  }

  /** Runs another manifest first, so that one-time costs are not measured. */
  async warmUp(): Promise<void> {
    const entities = [role('bench-warm-up', { inlinePolicies: {} })];
    await this.apply([
      await this.file('warm-up.json', manifestOf({ namespace: 'warm-up', account: ACCOUNT, entities })),
    ]);
  }

  /** Applies manifests by the library, in this process. */
  async apply(paths: readonly string[]): Promise<Report> {
    const pipeline = { provider: 'local', url: null, commit: null, actor: 'bench' };
    const loaded = await loadRequest([...paths], { variables: {}, pipeline });
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
    return apply(this.#temporal, loaded.request);
  }

  /** Replaces the Temporal server by an empty one, and restarts the worker. */
  async loseState(): Promise<void> {
    await this.#temporal.close();
    await this.#worker.kill();
    await this.#world.crashTemporal();
    await this.#world.resumeTemporal();
    this.#worker = await this.#world.startWorker();
    this.#temporal = await connectTemporal(loadConfig(this.#world.env));
  }

  /** Restarts the worker and returns the time from its start to its first poll, in milliseconds. */
  async restartWorker(): Promise<number> {
    await this.#worker.stop();
    const startedAt = performance.now();
    this.#worker = await this.#world.startWorker();
    return performance.now() - startedAt;
  }
}

function sum(ended: readonly Ended[], of: (one: Ended) => number): number {
  return ended.reduce((total, one) => total + of(one), 0);
}

function isSameDocument(encoded: string, declared: string): boolean {
  return isDeepStrictEqual(JSON.parse(decodeURIComponent(encoded)), JSON.parse(declared));
}
