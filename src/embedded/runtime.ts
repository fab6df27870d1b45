import { randomUUID } from 'node:crypto';
import { mkdir, readFile, readdir, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EmbeddedError, reasonOf } from './error.js';
import { withLock } from './lock.js';
import type { Announce } from './options.js';
import { isFree, LOOPBACK } from './ports.js';
import { commandLine, identifySelf, liveness, parseIdentity, terminate } from './process.js';
import { answers, startTemporalServer, type SearchAttribute } from './temporal-server.js';

/** A server that lives but does not answer for so long is replaced. */
const ANSWER_TIMEOUT_MS = 10_000;
const WATCH_MS = 1_000;

/** The embedded server of a project folder. */
export interface EmbeddedServerOptions {
  /** Where the project keeps the server's database and what is known of it; `.iam-bootstrap` by custom. */
  readonly stateDirectory: string;
  /** Finds the Temporal CLI. Asked only where a server has to be started. */
  readonly cli: () => Promise<string>;
  readonly searchAttributes: readonly SearchAttribute[];
  readonly headless?: boolean | undefined;
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
  readonly announce?: Announce | undefined;
}

/** This process's share in the embedded server of a project folder. */
export interface EmbeddedServer {
  readonly address: string;
  readonly uiUrl: string | undefined;
  readonly pid: number;
  /** Whether it was running already. */
  readonly joined: boolean;
  /** Gives the share back. The last one to do so stops the server. */
  release(): Promise<void>;
}

/** What `server.json` says. */
interface ServerRecord {
  readonly pid: number;
  readonly address: string;
  readonly uiUrl: string | undefined;
  readonly startedAt: string;
}

/**
 * Joins the embedded server of a project folder, or starts it. However many processes do so at a time, there is one
 * server, and it is stopped by the last of them. A process that was killed no longer counts. Should the server die
 * while a process has a share in it, that process starts it again, at the same address and with the same data.
 */
export async function acquireEmbeddedServer(options: EmbeddedServerOptions): Promise<EmbeddedServer> {
  const folder = await openFolder(options);
  const user = `${String(process.pid)}-${randomUUID()}`;
  const acquired = await folder.locked('starting the embedded server', async () => {
    await folder.register(user);
    return folder.ensureServer().catch(async (error: unknown) => {
      await folder.unregister(user);
      throw error;
    });
  });
  let { record } = acquired;
  let reviving: Promise<void> | undefined;
  let complaint: string | undefined;
  const revive = async (): Promise<void> => {
    if (await folder.isServer(record.pid)) return;
    options.announce?.(`the embedded server (process ${String(record.pid)}) has ended: starting it again`);
    ({ record } = await folder.locked('restarting the embedded server', () => folder.ensureServer(record)));
    complaint = undefined;
  };
  const watch = setInterval(() => {
    reviving ??= revive()
      .catch((error: unknown) => {
        if (complaint !== reasonOf(error)) options.announce?.((complaint = reasonOf(error)));
      })
      .finally(() => {
        reviving = undefined;
      });
  }, WATCH_MS).unref();
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
    release() {
      released ??= (async () => {
        clearInterval(watch);
        await reviving;
        await folder.locked('stopping the embedded server', async () => {
          await folder.unregister(user);
          if (!(await folder.isUsed())) await folder.stopServer();
        });
      })();
      return released;
    },
  };
}

async function openFolder(options: EmbeddedServerOptions): Promise<StateFolder> {
  try {
    await mkdir(join(options.stateDirectory, 'users'), { recursive: true });
    await writeFile(join(options.stateDirectory, '.gitignore'), '*\n');
    return new StateFolder(await realpath(options.stateDirectory), options);
  } catch (error) {
    const remedy = 'make it writable, or name another server with TEMPORAL_ADDRESS';
    throw new EmbeddedError(`state folder ${options.stateDirectory}: ${reasonOf(error)}; ${remedy}`, { cause: error });
  }
}

/** What lies in the state folder. Everything but {@link locked} and {@link isServer} is for the holder of its lock. */
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
    return withLock(this.path('lock'), work, { purpose, announce: this.options.announce });
  }

  async register(user: string): Promise<void> {
    await writeFile(join(this.usersDirectory, user), JSON.stringify(await identifySelf()));
  }

  async unregister(user: string): Promise<void> {
    await rm(join(this.usersDirectory, user), { force: true });
  }

  /** Whether a living process has a share. The dead are struck off. */
  async isUsed(): Promise<boolean> {
    let used = false;
    for (const user of await readdir(this.usersDirectory)) {
      const identity = parseIdentity(await readFile(join(this.usersDirectory, user), 'utf8'));
      if (identity !== undefined && (await liveness(identity)) === 'running') used = true;
      else await this.unregister(user);
    }
    return used;
  }

  /** Whether this process is a server on this folder's database: its number may be another's by now. */
  async isServer(pid: number): Promise<boolean> {
    return (await commandLine(pid))?.includes(this.databaseFile) === true;
  }

  async ensureServer(previous?: ServerRecord): Promise<{ record: ServerRecord; joined: boolean }> {
    const known = await this.readRecord();
    if (known !== undefined && (await this.isServer(known.pid)) && (await answers(known.address, ANSWER_TIMEOUT_MS))) {
      return { record: known, joined: true };
    }
    await this.stopServer();
    const last = known ?? previous;
    const server = await startTemporalServer({
      cli: await this.options.cli(),
      port: await stillFree(last?.address),
      uiPort: await stillFree(last?.uiUrl),
      headless: this.options.headless,
      databaseFile: this.databaseFile,
      searchAttributes: this.options.searchAttributes,
      logFile: this.path('temporal.log'),
      detached: true,
      pidFile: this.pidFile,
      environment: this.options.environment,
    });
    const { pid, address, uiUrl } = server;
    const record = { pid, address, uiUrl, startedAt: new Date().toISOString() };
    await writeFile(`${this.recordFile}.tmp`, `${JSON.stringify(record, null, 2)}\n`);
    await rename(`${this.recordFile}.tmp`, this.recordFile);
    return { record, joined: false };
  }

  /** Also stops a server whose starter died before it could write the record. */
  async stopServer(): Promise<void> {
    const noted = Number(await readFile(this.pidFile, 'utf8').catch(() => ''));
    for (const pid of [(await this.readRecord())?.pid, noted]) {
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

/** The port that the server had before, where nobody has taken it: links to its UI stay good. */
async function stillFree(address: string | undefined): Promise<number | undefined> {
  const port = Number(address?.split(':').at(-1));
  return address?.includes(LOOPBACK) === true && port > 0 && (await isFree(port)) ? port : undefined;
}
