import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { CreatePolicyCommand } from '@aws-sdk/client-iam';
import * as ts from 'typescript';
import { connectTemporal } from '../src/client/connect.js';
import type { TemporalConnection } from '../src/client/connect.js';
import { loadRequest } from '../src/client/request.js';
import { apply } from '../src/client/run.js';
import { loadConfig } from '../src/config.js';
import type { Outcome, Report } from '../src/contract/report.js';
import { CONCURRENT_ENTITIES } from '../src/workflows/timeouts.js';
import { manifestOf, role } from '../test/support/manifests-of.js';
import { iamClient } from '../test/support/sandbox.js';
import { ACCOUNT, startWorld } from '../test/support/world.js';
import type { World, WorkerProcess } from '../test/support/world.js';
import type { BareInput, BareOutput, BareRole } from './bare.js';
import type { Calls } from './figures.js';
import { declaredRoles, NAMESPACE, SHARED_DOCUMENT, SHARED_POLICY } from './workload.js';

const execFileAsync = promisify(execFile);

/** What one run took. */
export interface Measured {
  readonly ms: number;
  readonly calls: Calls;
}

/** One sandbox, one counting proxy, one Temporal server and one worker, each in a process of its own but the proxy. */
export class BenchWorld {
  readonly #world: World;
  readonly #script: string;
  #worker: WorkerProcess;
  #temporal: TemporalConnection;

  private constructor(world: World, script: string, worker: WorkerProcess, temporal: TemporalConnection) {
    this.#world = world;
    this.#script = script;
    this.#worker = worker;
    this.#temporal = temporal;
  }

  static async start(): Promise<BenchWorld> {
    const world = await startWorld();
    const source = await readFile(resolve(__dirname, 'bare.ts'), 'utf8');
    const { outputText } = ts.transpileModule(source, {
      compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2023 },
    });
    const script = await world.manifest('bare.cjs', outputText);
    const worker = await world.startWorker();
    return new BenchWorld(world, script, worker, await connectTemporal(loadConfig(world.env)));
  }

  async stop(): Promise<void> {
    await this.#temporal.close();
    await this.#world.stop();
  }

  /** Makes every call take longer, as the way to AWS does. */
  setLatency(ms: number): void {
    this.#world.proxy.clearRules();
    if (ms > 0) this.#world.proxy.on({}, { kind: 'delay', ms });
  }

  /** An account with nothing in it but the shared policy, and a worker that has run something. */
  async emptyAccount(): Promise<void> {
    await this.#world.sandbox.reset();
    const policy = new CreatePolicyCommand({ PolicyName: SHARED_POLICY, PolicyDocument: SHARED_DOCUMENT });
    await iamClient(this.#world.sandbox.url).send(policy);
    const entities = [role('bench-warm-up', { inlinePolicies: {} })];
    const path = await this.#world.manifest(
      'warm-up.json',
      manifestOf({ namespace: 'warm-up', account: ACCOUNT, entities }),
    );
    await this.#apply(path);
  }

  /** A new Temporal server that knows nothing, and a new worker. */
  async loseState(): Promise<void> {
    await this.#temporal.close();
    await this.#worker.kill();
    await this.#world.crashTemporal();
    await this.#world.resumeTemporal();
    this.#worker = await this.#world.startWorker();
    this.#temporal = await connectTemporal(loadConfig(this.#world.env));
  }

  /** How long a worker takes from its start to its first poll. */
  async restartWorker(): Promise<number> {
    await this.#worker.stop();
    const startedAt = performance.now();
    this.#worker = await this.#world.startWorker();
    return performance.now() - startedAt;
  }

  /** Applies by the library, in this process, manifest and all. */
  async library(roles: number, expected: Outcome): Promise<Measured> {
    const path = await this.#manifest(roles);
    return this.#measured(async () => {
      const startedAt = performance.now();
      const report = await this.#apply(path);
      const ms = performance.now() - startedAt;
      insist(report, expected);
      return ms;
    });
  }

  /** Applies by the command line. */
  async commandLine(roles: number, expected: Outcome): Promise<Measured> {
    const path = await this.#manifest(roles);
    return this.#measured(async () => {
      const startedAt = performance.now();
      const result = await this.#world.cli(['apply', '-f', path, '--output', 'json']);
      const ms = performance.now() - startedAt;
      if (result.code !== 0) throw new Error(`apply ended with ${String(result.code)}: ${result.stderr}`);
      insist(result.report(), expected);
      return ms;
    });
  }

  /** Runs the bare script; the second time is that of the whole process. */
  async script(roles: readonly BareRole[], direct = false): Promise<Measured & { readonly processMs: number }> {
    const endpoint = direct ? this.#world.sandbox.url : this.#world.proxy.url;
    const input: BareInput = { endpoint, concurrency: CONCURRENT_ENTITIES, roles };
    const path = await this.#world.manifest('bare.json', input);
    // The script lies in the world's folder, and its packages here.
    const env = { ...this.#world.env, NODE_PATH: resolve(__dirname, '../node_modules'), NODE_NO_WARNINGS: '1' };
    let processMs = 0;
    const measured = await this.#measured(async () => {
      const startedAt = performance.now();
      const { stdout } = await execFileAsync(process.execPath, [this.#script, path], { env });
      processMs = performance.now() - startedAt;
      return (JSON.parse(stdout) as BareOutput).ms;
    });
    return { ...measured, processMs };
  }

  /** How long Node takes with no program, in the environment that commands have. */
  async nodeMs(): Promise<number> {
    const startedAt = performance.now();
    await execFileAsync(process.execPath, ['-e', '0'], { env: this.#world.env });
    return performance.now() - startedAt;
  }

  /** How long the command line takes to say its version. */
  async versionMs(): Promise<number> {
    const startedAt = performance.now();
    const { code, stderr } = await this.#world.cli(['--version']);
    const ms = performance.now() - startedAt;
    if (code !== 0) throw new Error(`--version ended with ${String(code)}: ${stderr}`);
    return ms;
  }

  async #apply(path: string): Promise<Report> {
    const pipeline = { provider: 'local', url: null, commit: null, actor: 'bench' };
    const loaded = await loadRequest([path], { variables: {}, pipeline });
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
    return apply(this.#temporal, loaded.request);
  }

  async #manifest(roles: number): Promise<string> {
    const parts = { namespace: NAMESPACE, account: ACCOUNT, entities: declaredRoles(roles) };
    return this.#world.manifest(`roles-${String(roles)}.json`, manifestOf(parts));
  }

  /** The proxy counts, not the report: nobody counts himself. */
  async #measured(run: () => Promise<number>): Promise<Measured> {
    this.#world.proxy.clear();
    const ms = await run();
    return { ms, calls: this.#world.proxy.countBy() };
  }
}

function insist({ result, entities }: Report, expected: Outcome): void {
  const other = entities.find(({ outcome }) => outcome !== expected);
  if (result === 'converged' && other === undefined) return;
  throw new Error(
    `${result}: ${other?.name ?? ''} is ${other?.outcome ?? ''}, not ${expected}: ${other?.reason ?? ''}`,
  );
}
