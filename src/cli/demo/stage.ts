import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { IAM } from '@aws-sdk/client-iam';
import type { Config } from '../../config/config.js';
import type { Report } from '../../contract/report.js';
import { SEARCH_ATTRIBUTES } from '../../contract/search-attributes.js';
import { freePort } from '../../embedded/ports.js';
import type { Prepared } from '../../embedded/prepare.js';
import { type Sandbox, sandboxVariables, startSandbox } from '../../embedded/sandbox.js';
import { startTemporalServer, type TemporalServer } from '../../embedded/temporal-server.js';

/** The account of the emulator. */
export const DEMO_ACCOUNT = '111111111111';

/** Variables of the user that would change what the demo shows: another server, another account, a summary of a job. */
const OF_THE_USER = /^(AWS_|TEMPORAL_|GITHUB_|IAM_BOOTSTRAP_(?!CACHE$))/;

/** A call in the journal of the emulator. */
interface JournalEntry {
  readonly seq: number;
  readonly action: string;
  readonly params: Readonly<Record<string, string>>;
  /** The code of the error; null where the call succeeded. */
  readonly code: string | null;
}

/** The exit code and the report of a command of a pipeline. */
export interface PipelineResult {
  readonly code: number | null;
  readonly report: Report;
}

/** A worker in a process of its own. */
interface WorkerProcess {
  readonly pid: number | undefined;
  /** Kills it as `kill -9` does. */
  kill(): Promise<unknown>;
  stop(): Promise<unknown>;
}

/** The servers of the demo, and what runs against them. */
export class Stage {
  readonly #workers = new Set<WorkerProcess>();

  private constructor(
    readonly temporal: TemporalServer,
    readonly sandbox: Sandbox,
    private readonly directory: string,
    private readonly environment: Readonly<Record<string, string | undefined>>,
  ) {}

  /** Starts a Temporal server and an IAM emulator that keep nothing. */
  static async open({ environment }: Config, { cli, python }: Prepared): Promise<Stage> {
    const directory = await mkdtemp(join(tmpdir(), 'iam-bootstrap-demo-'));
    const temporal = await startTemporalServer({
      cli,
      searchAttributes: SEARCH_ATTRIBUTES,
      logFile: join(directory, 'temporal.log'),
      databaseFile: join(directory, 'temporal.db'),
      environment,
    });
    try {
      const sandbox = await startSandbox({ python, account: DEMO_ACCOUNT, environment });
      const own = Object.entries(environment).filter(([name]) => !OF_THE_USER.test(name));
      return new Stage(temporal, sandbox, directory, {
        ...Object.fromEntries(own),
        ...sandboxVariables(sandbox.url),
        TEMPORAL_ADDRESS: temporal.address,
      });
    } catch (error) {
      await temporal.stop();
      throw error;
    }
  }

  /** Stops everything and removes its files. */
  async close(): Promise<void> {
    await this.stopWorkers();
    await this.sandbox.stop();
    await this.temporal.stop();
    await rm(this.directory, { recursive: true, force: true });
  }

  /** Returns IAM as a caller with this access key sees it. */
  iamAs(accessKeyId: string): IAM {
    const credentials = { accessKeyId, secretAccessKey: 'sandbox' };
    return new IAM({ endpoint: this.sandbox.url, region: 'us-east-1', credentials });
  }

  /** Returns the writes that the emulator received after a call. */
  async writesSince(seq: number): Promise<readonly JournalEntry[]> {
    const isRead = /^(Get|List|AssumeRole|Simulate)/;
    return (await this.#journal()).filter((call) => call.seq > seq && !isRead.test(call.action));
  }

  /** Returns the number of the last call. */
  async lastSeq(): Promise<number> {
    return (await this.#journal()).at(-1)?.seq ?? 0;
  }

  async #journal(): Promise<readonly JournalEntry[]> {
    const response = await fetch(`${this.sandbox.url}/sandbox/journal`);
    return (await response.json()) as readonly JournalEntry[];
  }

  /** Starts a worker and returns once it serves. */
  async startWorker(): Promise<WorkerProcess> {
    const health = `127.0.0.1:${String(await freePort())}`;
    const child = spawn(process.execPath, [process.argv[1] ?? '', 'worker'], {
      env: { ...this.environment, IAM_BOOTSTRAP_HEALTH: health, IAM_BOOTSTRAP_LOG: 'error' },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const exited = once(child, 'exit');
    const end = (signal: NodeJS.Signals) => (): Promise<unknown> => {
      this.#workers.delete(worker);
      child.kill(signal);
      return exited;
    };
    const worker: WorkerProcess = { pid: child.pid, kill: end('SIGKILL'), stop: end('SIGTERM') };
    this.#workers.add(worker);
    while (!(await isHealthy(health))) {
      if (child.exitCode !== null) throw new Error(`the worker ended with exit code ${String(child.exitCode)}`);
      await pause(50);
    }
    return worker;
  }

  /** Stops the workers that are still running. */
  async stopWorkers(): Promise<void> {
    await Promise.all([...this.#workers].map((worker) => worker.stop()));
  }

  /** Runs a command as a job of a pipeline does. */
  async pipeline(name: string, args: readonly string[]): Promise<PipelineResult> {
    const job = {
      GITHUB_ACTIONS: 'true',
      GITHUB_SERVER_URL: 'https://github.example',
      GITHUB_REPOSITORY: `acme/${name}`,
      GITHUB_RUN_ID: '1',
      GITHUB_SHA: '0123456789abcdef0123456789abcdef01234567',
      GITHUB_ACTOR: name,
    };
    const line = [process.argv[1] ?? '', ...args, '--environment', 'dev', '--output', 'json', '--quiet'];
    const child = spawn(process.execPath, line, {
      env: { ...this.environment, ...job },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [out, err]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on('data', (part: Buffer) => out.push(part));
    child.stderr.on('data', (part: Buffer) => err.push(part));
    const [code] = (await once(child, 'close')) as [number | null];
    const text = Buffer.concat(out).toString();
    const printed = text === '' ? undefined : (JSON.parse(text) as Partial<Report>);
    if (printed?.entities === undefined) throw new Error(`${name}: ${Buffer.concat(err).toString()}`);
    return { code, report: printed as Report };
  }
}

async function isHealthy(address: string): Promise<boolean> {
  return fetch(`http://${address}/health`).then(
    ({ ok }) => ok,
    () => false,
  );
}
