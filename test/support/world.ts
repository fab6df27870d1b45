import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { loadConfig } from '../../src/config/config.js';
import { SEARCH_ATTRIBUTES } from '../../src/contract/search-attributes.js';
import type { Report } from '../../src/contract/report.js';
import { reportSchema } from '../../src/report/report-schema.js';
import { isFree } from '../../src/embedded/ports.js';
import { findTemporalCli } from '../../src/embedded/temporal-cli.js';
import { startTemporalServer } from '../../src/embedded/temporal-server.js';
import type { TemporalServer } from '../../src/embedded/temporal-server.js';
import { startRealServer } from './real-server.js';
import { startFaultProxy } from './fault-proxy.js';
import type { FaultProxy } from './fault-proxy.js';
import { replayAll } from './replay.js';
import { startSandbox } from './sandbox.js';
import type { TestSandbox } from './sandbox.js';
import { startSecurity } from './security.js';

/** The account of the sandbox. */
export const ACCOUNT = '111111111111';

/** Parameters of Creates that name the entity. */
const CREATED = ['RoleName', 'PolicyName', 'UserName', 'GroupName', 'InstanceProfileName', 'Url'];

/** The built command line. */
export const CLI = resolve(__dirname, '../../dist/cli/main.js');

/** Health endpoints that this file has given to workers. */
let healthPorts = 0;

/** Returns a free port of those that this process of Jest has for itself: no file that runs beside this one takes it. */
async function healthPort(): Promise<number> {
  const from = 10_000 + Number(process.env['JEST_WORKER_ID'] ?? '0') * 1_000;
  for (;;) {
    const port = from + (healthPorts % 1_000);
    healthPorts += 1;
    if (await isFree(port)) return port;
  }
}

/** The output and exit code of a command. */
export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The JSON report on standard output. */
  report(): Report;
}

/** A worker process. */
export interface WorkerProcess {
  readonly pid: number;
  readonly exited: Promise<unknown>;
  /** Returns its log. `IAM_BOOTSTRAP_LOG` sets the level; default: `warn`. */
  log(): string;
  /** Reports whether it polls: false once it was asked to stop. */
  isPolling(): Promise<boolean>;
  /** SIGSTOP: pauses the process; its connections stay. */
  pause(): Promise<void>;
  /** SIGCONT. */
  resume(): void;
  /** `kill -9`. */
  kill(): Promise<void>;
  /** SIGTERM; resolves when the process has exited. */
  stop(): Promise<void>;
}

/**
 * True where the tests run on Temporal's own server with PostgreSQL instead of the dev server. `npm test` does that with
 * those that hold what a production server may do in another way.
 */
const ON_REAL_SERVER = process.env['IAM_BOOTSTRAP_TEST_SERVER'] === 'postgresql';

/** The processes that a run needs: Temporal, the sandbox and the counting proxy. */
export interface World {
  readonly directory: string;
  /** The present server, or the last one. */
  readonly temporal: TemporalServer;
  readonly proxy: FaultProxy;
  readonly sandbox: TestSandbox;
  /** Environment of workers and commands. */
  readonly env: Readonly<Record<string, string>>;
  /** Starts a worker, by default with the built command line. */
  startWorker(env?: Readonly<Record<string, string>>, commandLine?: string): Promise<WorkerProcess>;
  /** Runs the built command line. */
  cli(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<CommandResult>;
  /** Starts the built command line and returns the process. */
  spawnCli(args: readonly string[], env?: Readonly<Record<string, string>>): ChildProcess;
  /** `kill -9` of the Temporal server. */
  crashTemporal(): Promise<void>;
  /** Restarts it on the same ports, with the state of its database file. */
  resumeTemporal(): Promise<void>;
  /** Returns how often AWS executed each Create, by what it made: `CreateRole deploy`. Counted by the sandbox. */
  creates(account?: string): Promise<Record<string, number>>;
  /** Writes a manifest and returns its path. */
  manifest(name: string, content: string | object): Promise<string>;
  /** Replays all runs, unless {@link WorldOptions} or a crash prevents it, and stops every process. */
  stop(): Promise<void>;
}

/** Options of a world. */
export interface WorldOptions {
  /** Keeps the Temporal server's state over a crash. Default: false. */
  readonly databaseFile?: boolean;
  /** True where each run is replayed from its history at the end, or the reason why not. Default: true. */
  readonly replay?: true | { readonly notBecause: string };
  /** Runs workers and commands under guardrails that ask for a proof of who applies, and encrypts payloads. Default: false. */
  readonly secured?: boolean;
  /** The AWS of the world. Default: a sandbox of its own. The world stops it. */
  readonly aws?: TestSandbox;
  /** Events after which the server suggests that a workflow continues as new. Default: that of the server. */
  readonly suggestsContinueAsNewAt?: number;
}

/** Returns a program that starts the server with another limit of a history. */
async function suggesting(cli: string, directory: string, events: number): Promise<string> {
  const path = join(directory, 'temporal-server.sh');
  const limit = `--dynamic-config-value limit.historyCount.suggestContinueAsNew=${String(events)}`;
  await writeFile(path, `#!/bin/sh\nexec "${cli}" "$@" ${limit}\n`, { mode: 0o755 });
  return path;
}

/** Starts a world. */
export async function startWorld({
  databaseFile = false,
  replay = true,
  secured = false,
  aws,
  suggestsContinueAsNewAt,
}: WorldOptions = {}): Promise<World> {
  const directory = await mkdtemp(join(tmpdir(), 'iam-bootstrap-'));
  const security = secured ? await startSecurity(directory, ACCOUNT) : undefined;
  const { cacheDirectory, environment, temporalCli } = loadConfig();
  const [cli, sandbox] = await Promise.all([
    findTemporalCli({ cacheDirectory, environment, path: temporalCli }),
    aws ?? startSandbox({ account: ACCOUNT }),
  ]);
  const serverOptions = {
    cli:
      suggestsContinueAsNewAt === undefined ? cli.path : await suggesting(cli.path, directory, suggestsContinueAsNewAt),
    searchAttributes: SEARCH_ATTRIBUTES,
    logFile: join(directory, 'temporal.log'),
    ...(databaseFile ? { databaseFile: join(directory, 'temporal.db') } : {}),
  };
  const [proxy, real] = await Promise.all([
    startFaultProxy(sandbox.url),
    ON_REAL_SERVER ? startRealServer() : undefined,
  ]);
  let temporal = real ?? (await startTemporalServer(serverOptions));
  let crashed = false;
  const env = {
    PATH: environment['PATH'] ?? '',
    HOME: directory,
    IAM_BOOTSTRAP_CACHE: cacheDirectory,
    TEMPORAL_ADDRESS: temporal.address,
    ...(temporal.uiUrl === undefined ? {} : { IAM_BOOTSTRAP_UI_URL: temporal.uiUrl }),
    AWS_ENDPOINT_URL_IAM: proxy.url,
    AWS_ENDPOINT_URL_STS: proxy.url,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: proxy.url,
    AWS_ENDPOINT_URL_ACCESSANALYZER: proxy.url,
    // Not by the proxy: it would count calls that are not part of a run.
    AWS_ENDPOINT_URL_CLOUDTRAIL: sandbox.url,
    AWS_ENDPOINT_URL_ORGANIZATIONS: proxy.url,
    AWS_ENDPOINT_URL_RESOURCE_GROUPS_TAGGING_API: proxy.url,
    IAM_BOOTSTRAP_SECRETS: join(directory, 'secrets'),
    // A call that a test holds at the proxy does not time out and is not sent again, even on a slow machine.
    IAM_BOOTSTRAP_AWS_TIMEOUT: '120',
    AWS_ACCESS_KEY_ID: 'AKIATEST',
    AWS_SECRET_ACCESS_KEY: 'test',
    NO_COLOR: '1',
    ...security?.env(),
  };
  const workers = new Set<WorkerProcess>();

  const startWorker = async (
    more: Readonly<Record<string, string>> = {},
    commandLine = CLI,
  ): Promise<WorkerProcess> => {
    const health = `127.0.0.1:${String(await healthPort())}`;
    const child = spawn(process.execPath, [commandLine, 'worker'], {
      env: { ...env, IAM_BOOTSTRAP_LOG: 'warn', ...more, IAM_BOOTSTRAP_HEALTH: health },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const exited = once(child, 'exit');
    let isEnding = false;
    // A worker that exits by itself would leave a test waiting without a reason.
    child.once('exit', (code, signal) => {
      if (!isEnding && code !== 0)
        console.error(`a worker ended with ${String(code ?? signal)}: ${stderr.slice(-2_000)}`);
    });
    const end = async (signal: NodeJS.Signals): Promise<void> => {
      isEnding = true;
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      await exited;
      workers.delete(worker);
    };
    const worker: WorkerProcess = {
      pid: child.pid ?? 0,
      exited,
      log: () => stderr,
      isPolling: () => isHealthy(health, child.pid),
      pause: async () => {
        child.kill('SIGSTOP');
        while (!(await isStopped(child.pid))) await pause(5);
      },
      resume: () => {
        child.kill('SIGCONT');
      },
      kill: () => end('SIGKILL'),
      stop: () => end('SIGTERM'),
    };
    workers.add(worker);
    while (!(await isHealthy(health, child.pid))) {
      if (child.exitCode !== null || child.signalCode !== null) {
        workers.delete(worker);
        // Another process took the port.
        if (stderr.includes('EADDRINUSE')) return startWorker(more, commandLine);
        throw new Error(`the worker ended with ${String(child.exitCode ?? child.signalCode)}: ${stderr}`);
      }
      await pause(30);
    }
    return worker;
  };

  return {
    directory,
    get temporal() {
      return temporal;
    },
    proxy,
    sandbox,
    env,
    startWorker,
    cli: (args, more = {}) => runCli(args, { ...env, ...more }, directory),
    spawnCli: (args, more = {}) =>
      spawn(process.execPath, [CLI, ...args], { env: { ...env, ...more }, cwd: directory }),
    crashTemporal: async () => {
      crashed = true;
      process.kill(temporal.pid, 'SIGKILL');
      await temporal.exited;
    },
    resumeTemporal: async () => {
      const [port, uiPort] = [temporal.address, temporal.uiUrl ?? ''].map((url) => Number(url.split(':').at(-1)));
      if (real === undefined) temporal = await startTemporalServer({ ...serverOptions, port, uiPort });
      else await real.restart();
      crashed = false;
    },
    creates: async (account = ACCOUNT) => {
      const counts: Record<string, number> = {};
      for (const call of await sandbox.journal()) {
        const name = CREATED.map((param) => call.params[param]).find((value) => value !== undefined);
        if (call.account !== account || call.code !== null || !/^Create(?!PolicyVersion)/.test(call.action)) continue;
        const key = `${call.action} ${name ?? ''}`;
        counts[key] = (counts[key] ?? 0) + 1;
      }
      return counts;
    },
    manifest: async (name, content) => {
      const path = join(directory, name);
      await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content, null, 2));
      return path;
    },
    stop: async () => {
      await Promise.all([...workers].map((worker) => worker.kill()));
      try {
        if (replay === true && !crashed) await replayAll(temporal.address, env);
      } finally {
        await Promise.all([temporal.stop(), proxy.stop(), sandbox.stop(), security?.stop()]);
        await rm(directory, { recursive: true, force: true });
      }
    },
  };
}

/** Runs the built command line in a folder. */
export function runCli(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  cwd: string = dirname(CLI),
): Promise<CommandResult> {
  return new Promise((done) => {
    const child = execFile(
      process.execPath,
      [CLI, ...args],
      { env, cwd, maxBuffer: 256 * 1024 * 1024 },
      (_error, stdout, stderr) => {
        done({ code: child.exitCode, stdout, stderr, report: () => reportSchema.parse(JSON.parse(stdout)) });
      },
    );
  });
}

/** Reports whether all threads of a process are paused. */
async function isStopped(pid: number | undefined): Promise<boolean> {
  const state = await new Promise<string>((done) => {
    execFile('ps', ['-o', 'state=', '-p', String(pid)], (_error, stdout) => {
      done(stdout);
    });
  });
  return state.trim().startsWith('T');
}

/** Reports whether this process polls. Two workers may share a free port, so the reply must have its process ID. */
async function isHealthy(address: string, pid: number | undefined): Promise<boolean> {
  try {
    const answer = await fetch(`http://${address}/health`);
    return answer.ok && ((await answer.json()) as { pid?: number }).pid === pid;
  } catch {
    return false;
  }
}
