import { randomUUID } from 'node:crypto';
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DiskWatch } from './full-disk.js';
import { withLock } from './lock.js';
import { type Announce, type EmbeddedError, reasonOf } from './options.js';
import { isFree, LOOPBACK } from './ports.js';
import { checkLiveness, commandLine, identifySelf, parseIdentity, terminate } from './process.js';
import { isServing, type SearchAttribute } from './server-api.js';
import { explainStateErrors, FILE_MODE, openStateFolder } from './state-folder.js';
import { startTemporalServer } from './temporal-server.js';

/** A running server that does not respond within this time is replaced. */
const RESPONSE_TIMEOUT_MS = 10_000;
const WATCH_INTERVAL_MS = 1_000;

/** Options of the embedded server of a project folder. */
export interface EmbeddedServerOptions {
  /** The folder for the server's database and its state files; usually `.iam-bootstrap` in the project. */
  readonly stateDirectory: string;
  /** Finds the Temporal CLI. Called only when a server has to be started. */
  readonly cli: () => Promise<string>;
  readonly searchAttributes: readonly SearchAttribute[];
  readonly headless?: boolean | undefined;
  /** The address of a codec server for the UI of a server that is started. */
  readonly codecEndpoint?: string | undefined;
  /** The ports of a server that is started. Default: those of the server before, else free ones. */
  readonly ports?: { readonly server: number; readonly ui: number } | undefined;
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
  readonly announce?: Announce | undefined;
  /** Called once where the disk has become too full for the server to write. Default: it is announced. */
  readonly onFull?: ((error: EmbeddedError) => void) | undefined;
}

/** The embedded server of a project folder, as one of the processes that use it sees it. */
export interface EmbeddedServer {
  readonly address: string;
  readonly uiUrl: string | undefined;
  readonly pid: number;
  /** True where the server was running already. */
  readonly joined: boolean;
  /** Returns the error of a server that cannot write because its disk is full. Null where it can. */
  fullDisk(): Promise<EmbeddedError | null>;
  /** Ends this process's use of the server. The last process to do so stops the server. */
  release(): Promise<void>;
}

interface ServerRecord {
  readonly pid: number;
  readonly address: string;
  readonly uiUrl: string | undefined;
  readonly startedAt: string;
}

/**
 * Joins the embedded server of a project folder, or starts it. Any number of processes share one server, and the last
 * of them to release it stops it. A process that was killed no longer counts as a user. If the server dies while it is
 * in use, a process that uses it starts it again, at the same address and with the same data.
 */
export async function acquireEmbeddedServer(options: EmbeddedServerOptions): Promise<EmbeddedServer> {
  const folder = new StateFolder(await openStateFolder(options.stateDirectory, options.announce), options);
  const user = `${String(process.pid)}-${randomUUID()}`;
  const acquired = await folder.locked('starting the embedded server', async () => {
    await folder.register(user);
    return folder.ensureServer().catch(async (error: unknown) => {
      await folder.unregister(user);
      throw error;
    });
  });
  let { record } = acquired;
  let restarting: Promise<void> | undefined;
  let reportedProblem: string | undefined;
  const restartIfDead = async (): Promise<void> => {
    if (await folder.isServer(record.pid)) return;
    options.announce?.(`the embedded server (process ${String(record.pid)}) ended; restarting it`);
    ({ record } = await folder.locked('restarting the embedded server', () => folder.ensureServer(record)));
    reportedProblem = undefined;
  };
  const disk = new DiskWatch(options.stateDirectory, options.onFull ?? (({ message }) => options.announce?.(message)));
  let checking: Promise<void> | undefined;
  const watch = setInterval(() => {
    checking ??= disk.check(record.address).finally(() => {
      checking = undefined;
    });
    restarting ??= restartIfDead()
      .catch((error: unknown) => {
        if (reportedProblem !== reasonOf(error)) options.announce?.((reportedProblem = reasonOf(error)));
      })
      .finally(() => {
        restarting = undefined;
      });
  }, WATCH_INTERVAL_MS).unref();
  let released: Promise<void> | undefined;
  return {
    get address() {
      return record.address;
    },
    get uiUrl() {
      return record.uiUrl;
    },
    get pid() {
      return record.pid;
    },
    joined: acquired.joined,
    fullDisk: () => disk.problem(record.address),
    release() {
      released ??= (async () => {
        clearInterval(watch);
        await restarting;
        await folder.leave(user);
      })();
      return released;
    },
  };
}

/** The state folder. Only the holder of its lock may call its methods, except {@link locked} and {@link isServer}. */
class StateFolder {
  private readonly databaseFile: string;
  private readonly pidFile: string;
  private readonly recordFile: string;
  private readonly usersDirectory: string;

  constructor(
    private readonly directory: string,
    private readonly options: EmbeddedServerOptions,
  ) {
    this.databaseFile = this.path('temporal.db');
    this.pidFile = this.path('temporal.pid');
    this.recordFile = this.path('server.json');
    this.usersDirectory = this.path('users');
  }

  locked<T>(purpose: string, work: () => Promise<T>): Promise<T> {
    const { announce } = this.options;
    return explainStateErrors(this.directory, () => withLock(this.path('lock'), work, { purpose, announce }));
  }

  /**
   * Ends the use of the server, and stops it where no other process uses it. On a full disk that happens without the lock,
   * which nobody can take there: of several processes that leave at once, the last one finds no other.
   */
  async leave(user: string): Promise<void> {
    const stopIfUnused = async (): Promise<void> => {
      await this.unregister(user);
      if (!(await this.isUsed())) await this.stopServer();
    };
    await this.locked('stopping the embedded server', stopIfUnused).catch(async (error: unknown) => {
      await explainStateErrors(this.directory, stopIfUnused);
      this.options.announce?.(`warning: ${error instanceof Error ? error.message : String(error)}`);
    });
  }

  async register(user: string): Promise<void> {
    await writeFile(join(this.usersDirectory, user), JSON.stringify(await identifySelf()), { mode: FILE_MODE });
  }

  async unregister(user: string): Promise<void> {
    await rm(join(this.usersDirectory, user), { force: true });
  }

  /** Reports whether a running process uses the server, and removes the entries of dead ones. */
  async isUsed(): Promise<boolean> {
    let used = false;
    for (const user of await readdir(this.usersDirectory)) {
      const identity = parseIdentity(await readFile(join(this.usersDirectory, user), 'utf8'));
      if (identity !== undefined && (await checkLiveness(identity)) === 'running') used = true;
      else await this.unregister(user);
    }
    return used;
  }

  /** Reports whether the process is a server on this folder's database. The system may have reused the PID. */
  async isServer(pid: number): Promise<boolean> {
    return (await commandLine(pid))?.includes(this.databaseFile) === true;
  }

  async ensureServer(previous?: ServerRecord): Promise<{ record: ServerRecord; joined: boolean }> {
    const known = await this.readRecord();
    if (
      known !== undefined &&
      (await this.isServer(known.pid)) &&
      (await isServing(known.address, RESPONSE_TIMEOUT_MS))
    ) {
      return { record: known, joined: true };
    }
    await this.stopServer();
    const last = known ?? previous;
    const server = await startTemporalServer({
      cli: await this.options.cli(),
      port: this.options.ports?.server ?? (await portIfFree(last?.address)),
      uiPort: this.options.ports?.ui ?? (await portIfFree(last?.uiUrl)),
      headless: this.options.headless,
      codecEndpoint: this.options.codecEndpoint,
      databaseFile: this.databaseFile,
      searchAttributes: this.options.searchAttributes,
      logFile: this.path('temporal.log'),
      detached: true,
      pidFile: this.pidFile,
      environment: this.options.environment,
    });
    const { pid, address, uiUrl } = server;
    const record = { pid, address, uiUrl, startedAt: new Date().toISOString() };
    try {
      await writeFile(`${this.recordFile}.tmp`, `${JSON.stringify(record, null, 2)}\n`, { mode: FILE_MODE });
      await rename(`${this.recordFile}.tmp`, this.recordFile);
    } catch (error) {
      // No other process would find it, and nothing would ever stop it.
      await server.stop();
      throw error;
    }
    return { record, joined: false };
  }

  /** Stops the server, also one whose starter died before it wrote the record. */
  async stopServer(): Promise<void> {
    const pidFromFile = Number(await readFile(this.pidFile, 'utf8').catch(() => ''));
    for (const pid of [(await this.readRecord())?.pid, pidFromFile]) {
      if (pid !== undefined && pid > 0 && (await this.isServer(pid))) await terminate(pid);
    }
    await rm(this.recordFile, { force: true });
    await rm(this.pidFile, { force: true });
  }

  private async readRecord(): Promise<ServerRecord | undefined> {
    try {
      const value = JSON.parse(await readFile(this.recordFile, 'utf8')) as Partial<Record<string, unknown>> | null;
      const { pid, address, uiUrl, startedAt } = value ?? {};
      if (typeof pid !== 'number' || typeof address !== 'string') return undefined;
      return {
        pid,
        address,
        uiUrl: typeof uiUrl === 'string' ? uiUrl : undefined,
        startedAt: String(startedAt),
      };
    } catch {
      return undefined;
    }
  }

  private path(name: string): string {
    return join(this.directory, name);
  }
}

/** Returns the port of an address where it is free, so that links to the UI stay valid after a restart. */
async function portIfFree(address: string | undefined): Promise<number | undefined> {
  const port = Number(address?.split(':').at(-1));
  return address?.includes(LOOPBACK) === true && port > 0 && (await isFree(port)) ? port : undefined;
}
