import { execFile, spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { chown, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Connection } from '@temporalio/client';
import { temporal as proto } from '@temporalio/proto';
import { parse, stringify } from 'yaml';
import { loadConfig } from '../../src/config/config.js';
import { IamAccount, SEARCH_ATTRIBUTES } from '../../src/contract/search-attributes.js';
import { freePort } from '../../src/embedded/ports.js';
import type { TemporalServer } from '../../src/embedded/temporal-server.js';

/** Temporal's own server on PostgreSQL, as in production: built by `scripts/real-server.sh`, without Docker. */

const run = promisify(execFile);
const REPOSITORY = resolve(__dirname, '../..');
const NAMESPACE = 'default';
const SECONDS_PER_MONTH = 30 * 24 * 3_600;
const READY_MS = 60_000;

/** The services of the server. The internal frontend is for the server's own calls, where others need a token. */
const SERVICES = ['frontend', 'internal-frontend', 'history', 'matching', 'worker'];

/** A running server. */
export interface RealServer extends TemporalServer {
  /** The process of PostgreSQL that starts all others of it. */
  readonly databasePid: number;
  /** `kill -9` of the server, and not of its database. */
  kill(): Promise<void>;
  /** Starts it again, on the same port and database. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Options of {@link startRealServer}. */
interface RealServerOptions {
  /** The address of the keys that tokens of clients are signed with. Default: the server asks for no token. */
  readonly keysUrl?: string;
  /** The token that sets the namespace up. */
  readonly token?: string;
  /** Settings that can change while the server runs, in addition to those of the compose file: `frontend.rps: 10`. */
  readonly settings?: Readonly<Record<string, boolean | number>>;
}

/** Returns why the server cannot run here. Undefined where it can. */
export function missingForRealServer(): string | undefined {
  if (!existsSync(join(binaries(), 'server'))) {
    return "Temporal's own server is not built: run scripts/real-server.sh, which needs Go";
  }
  return postgresFolder() === undefined ? 'PostgreSQL is not installed: Debian has it as postgresql' : undefined;
}

/** Starts PostgreSQL, and Temporal's server on it, with the namespace and the search attributes of iam-bootstrap. */
export async function startRealServer(options: RealServerOptions = {}): Promise<RealServer> {
  const directory = await mkdtemp(join(tmpdir(), 'iam-bootstrap-temporal-'));
  const database = await startPostgres();
  try {
    await makeTables(database.port);
    const ports = await Promise.all(Array.from({ length: 2 * SERVICES.length }, () => freePort()));
    const [frontend = 0] = ports;
    const file = join(directory, 'config.yaml');
    await writeFile(join(directory, 'dynamic.yaml'), await dynamicConfig(options));
    await writeFile(file, JSON.stringify(configOf(directory, database.port, ports, options)));
    let server = await startProcess(directory, file);
    const address = `127.0.0.1:${String(frontend)}`;
    const kill = async (): Promise<void> => {
      await end(server, 'SIGKILL');
    };
    try {
      await setUp(address, directory, server, options.token);
    } catch (error) {
      await kill();
      throw error;
    }
    return {
      address,
      uiUrl: undefined,
      databasePid: database.pid,
      get pid() {
        return server.pid ?? 0;
      },
      get exited() {
        return ended(server);
      },
      kill,
      restart: async () => {
        server = await startProcess(directory, file);
      },
      stop: async () => {
        await kill();
        await database.stop();
        await rm(directory, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await database.stop();
    throw error;
  }
}

/** Returns the folder of the server, of its tool for SQL and of its schema. */
export function binaries(): string {
  const compose = readFileSync(join(REPOSITORY, 'docker-compose.yml'), 'utf8');
  const version = /temporalio\/server:([\d.]+)/.exec(compose)?.[1] ?? '';
  return join(loadConfig().cacheDirectory, 'temporal-server', version);
}

/** Returns the folder of PostgreSQL's programs. */
export function postgresFolder(): string | undefined {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian) : [];
  const folders = [
    ...versions.map((version) => join(debian, version, 'bin')),
    ...(process.env['PATH'] ?? '').split(':'),
  ];
  return folders.find((folder) => existsSync(join(folder, 'initdb')));
}

/** Returns what PostgreSQL runs as: it refuses to run as root. */
async function postgresUser(): Promise<Pick<SpawnOptions, 'uid' | 'gid'>> {
  if (process.getuid?.() !== 0) return {};
  const ids = await Promise.all(['-u', '-g'].map((flag) => run('id', [flag, 'postgres'])));
  const [uid = 0, gid = 0] = ids.map(({ stdout }) => Number(stdout));
  return { uid, gid };
}

async function startPostgres(): Promise<{ readonly port: number; readonly pid: number; stop(): Promise<void> }> {
  const [folder, user, port] = [postgresFolder() ?? '', await postgresUser(), await freePort()];
  const directory = await mkdtemp(join(tmpdir(), 'iam-bootstrap-postgres-'));
  if (user.uid !== undefined) await chown(directory, user.uid, user.gid ?? 0);
  const data = join(directory, 'data');
  const as = { ...user, cwd: directory };
  await run(join(folder, 'initdb'), ['-A', 'trust', '-U', 'temporal', '--no-sync', '-D', data], as);
  const log = await open(join(directory, 'log'), 'a');
  // Only the server on it is killed, so nothing has to survive a crash of the database.
  const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=200', 'fsync=off'];
  const child = spawn(
    join(folder, 'postgres'),
    ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])],
    { ...as, stdio: ['ignore', log.fd, log.fd] },
  );
  await log.close();
  const stop = async (): Promise<void> => {
    await end(child, 'SIGQUIT');
    await rm(directory, { recursive: true, force: true });
  };
  return { port, pid: child.pid ?? 0, stop };
}

/** Makes the databases of the server, which retries until PostgreSQL answers. */
async function makeTables(port: number): Promise<void> {
  const folder = binaries();
  const make = async (name: string, schema: string): Promise<void> => {
    const base = ['--plugin', 'postgres12', '--ep', '127.0.0.1', '-p', String(port), '-u', 'temporal', '--db', name];
    const tool = (...args: readonly string[]): Promise<unknown> => run(join(folder, 'sql'), [...base, ...args]);
    await until(`PostgreSQL on port ${String(port)}`, () => tool('create'));
    await tool('setup-schema', '-v', '0.0');
    await tool('update-schema', '-d', join(folder, 'schema', schema, 'versioned'));
  };
  await make('temporal', 'temporal');
  await make('temporal_visibility', 'visibility');
}

/** Returns the settings of the compose file, which can change while the server runs, and those of the options. */
async function dynamicConfig({ settings = {} }: RealServerOptions): Promise<string> {
  const compose = parse(await readFile(join(REPOSITORY, 'docker/temporal-dynamicconfig.yaml'), 'utf8')) as object;
  const own = Object.entries(settings).map(([name, value]) => [name, [{ value }]]);
  return stringify({ ...compose, ...Object.fromEntries(own) });
}

function configOf(
  directory: string,
  databasePort: number,
  ports: readonly number[],
  { keysUrl }: RealServerOptions,
): object {
  const store = (databaseName: string): object => ({
    sql: {
      pluginName: 'postgres12',
      databaseName,
      connectAddr: `127.0.0.1:${String(databasePort)}`,
      connectProtocol: 'tcp',
      user: 'temporal',
      maxConns: 20,
      maxIdleConns: 20,
      maxConnLifetime: '1h',
    },
  });
  const service = (name: string, index: number): readonly [string, object] => [
    name,
    { rpc: { grpcPort: ports[2 * index], membershipPort: ports[2 * index + 1], bindOnLocalHost: true } },
  ];
  const authorization = keysUrl && {
    jwtKeyProvider: { keySourceURIs: [keysUrl], refreshInterval: '1m' },
    permissionsClaimName: 'permissions',
    authorizer: 'default',
    claimMapper: 'default',
  };
  return {
    log: { stdout: true, level: 'warn' },
    persistence: {
      defaultStore: 'default',
      visibilityStore: 'visibility',
      numHistoryShards: 4,
      datastores: { default: store('temporal'), visibility: store('temporal_visibility') },
    },
    global: {
      membership: { maxJoinDuration: '30s', broadcastAddress: '127.0.0.1' },
      ...(authorization === undefined ? {} : { authorization }),
    },
    services: Object.fromEntries(SERVICES.map(service)),
    clusterMetadata: {
      enableGlobalNamespace: false,
      failoverVersionIncrement: 10,
      masterClusterName: 'active',
      currentClusterName: 'active',
      clusterInformation: {
        active: {
          enabled: true,
          initialFailoverVersion: 1,
          rpcName: 'frontend',
          rpcAddress: `127.0.0.1:${String(ports[0])}`,
        },
      },
    },
    dcRedirectionPolicy: { policy: 'noop' },
    dynamicConfigClient: { filepath: join(directory, 'dynamic.yaml'), pollInterval: '10s' },
  };
}

async function startProcess(directory: string, file: string): Promise<ChildProcess> {
  const log = await open(join(directory, 'log'), 'a');
  const services = SERVICES.map((name) => `--service=${name}`);
  const child = spawn(join(binaries(), 'server'), ['--config-file', file, '--allow-no-auth', 'start', ...services], {
    cwd: directory,
    stdio: ['ignore', log.fd, log.fd],
  });
  await log.close();
  return child;
}

/** Waits until the server answers, and registers the namespace and its search attributes, as `temporal-setup` of compose. */
async function setUp(address: string, directory: string, server: ChildProcess, token = ''): Promise<void> {
  const assertRuns = async (): Promise<void> => {
    if (server.exitCode === null && server.signalCode === null) return;
    throw new Error(`the server ended: ${(await readFile(join(directory, 'log'), 'utf8')).slice(-2_000)}`);
  };
  const metadata = token === '' ? {} : { authorization: `Bearer ${token}` };
  const connection = await until(
    `Temporal's server on ${address}`,
    () => Connection.connect({ address, metadata, connectTimeout: 1_000 }),
    assertRuns,
  );
  const { workflowService, operatorService } = connection;
  const types = proto.api.enums.v1.IndexedValueType;
  const searchAttributes = Object.fromEntries(
    SEARCH_ATTRIBUTES.map(({ name, type }) => [
      name,
      type === 'Int' ? types.INDEXED_VALUE_TYPE_INT : types.INDEXED_VALUE_TYPE_KEYWORD,
    ]),
  );
  try {
    await until(`the namespace of ${address}`, () =>
      workflowService.registerNamespace({
        namespace: NAMESPACE,
        workflowExecutionRetentionPeriod: { seconds: SECONDS_PER_MONTH as never },
      }),
    );
    await until(`the search attributes of ${address}`, () =>
      operatorService.addSearchAttributes({ namespace: NAMESPACE, searchAttributes }),
    );
    // The frontend learns of them some seconds later. Until then, runs start without them.
    await until(`that ${address} knows the search attributes`, () =>
      workflowService.listWorkflowExecutions({ namespace: NAMESPACE, query: `${IamAccount.name} = "known"` }),
    );
  } finally {
    await connection.close();
  }
}

/** Tries until an action succeeds: a server answers some time after its start. */
async function until<T>(
  what: string,
  act: () => Promise<T>,
  assertPossible: () => Promise<void> = () => Promise.resolve(),
): Promise<T> {
  const deadline = Date.now() + READY_MS;
  for (;;) {
    try {
      return await act();
    } catch (error) {
      await assertPossible();
      if (Date.now() > deadline) throw new Error(`${what} is not ready`, { cause: error });
      await pause(100);
    }
  }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  child.kill(signal);
  await ended(child);
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}
