import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, mkdtemp, readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { defineSearchAttributeKey } from '@temporalio/common';
import { loadConfig } from '../../src/config/config.js';
import { makeOnce } from '../../src/embedded/lock.js';
import { freePort, isFree } from '../../src/embedded/ports.js';
import { commandLine, identify } from '../../src/embedded/process.js';
import { acquireEmbeddedServer, type EmbeddedServerOptions } from '../../src/embedded/runtime.js';
import { sandboxPython, startSandbox } from '../../src/embedded/sandbox.js';
import { findTemporalCli } from '../../src/embedded/temporal-cli.js';
import { isServing, type SearchAttribute } from '../../src/embedded/server-api.js';
import { startTemporalServer } from '../../src/embedded/temporal-server.js';

const ROOT = resolve(__dirname, '..', '..');
const ATTRIBUTES: SearchAttribute[] = [
  { name: 'IamEntity', type: 'Keyword' },
  { name: 'IamConflicts', type: 'Int' },
];

/** Locks a SQLite database until standard input ends. */
const HOLD_DATABASE = `
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute('BEGIN EXCLUSIVE')
print('locked', flush=True)
sys.stdin.read()
`;

let cli: string;
let directory: string;
const children: ChildProcess[] = [];

beforeAll(async () => {
  const { cacheDirectory } = loadConfig();
  cli = (await findTemporalCli({ cacheDirectory, announce: (line) => process.stderr.write(`${line}\n`) })).path;
}, 1_200_000);

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'iam-bootstrap-embedded-'));
});

afterEach(async () => {
  for (const child of children.splice(0)) await kill(child);
  for (const pid of await serverPids()) process.kill(pid, 'SIGKILL');
  await rm(directory, { recursive: true, force: true, maxRetries: 5 });
});

/** Starts a process that runs the code. The code can load the modules of `src/embedded`. */
function startProcess(code: string): { child: ChildProcess; lines: Interface } {
  const program = `
    const { createJiti } = require('jiti');
    const load = createJiti(${JSON.stringify(join(ROOT, 'x.js'))});
    const { appendFileSync, writeFileSync } = require('node:fs');
    const { setTimeout: sleep } = require('node:timers/promises');
    const embedded = (name) => load.import('./src/embedded/' + name + '.ts');
    const say = (message) => console.log(message);
    (async () => { ${code} })().catch((error) => { console.error(error); process.exit(1); });`;
  const child = spawn(process.execPath, ['-e', program], { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  return { child, lines: createInterface({ input: child.stdout }) };
}

async function lineOf({ lines }: { lines: Interface }, pattern: RegExp): Promise<string> {
  for await (const line of lines) if (pattern.test(line)) return line;
  throw new Error(`the process ended without a line like ${String(pattern)}`);
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

async function waitUntil(condition: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within 20 s: ${what}`);
    await sleep(20);
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Returns the PIDs of the servers whose database is in this test's folder. */
async function serverPids(): Promise<number[]> {
  const listed =
    process.platform === 'linux' ? await readdir('/proc') : execFileSync('ps', ['-axo', 'pid=']).toString().split('\n');
  const pids = listed.map(Number).filter((pid) => pid > 0 && pid !== process.pid);
  const lines = await Promise.all(pids.map(async (pid) => ({ pid, line: await commandLine(pid) })));
  return lines.filter(({ line }) => line?.includes(`--db-filename ${directory}`) === true).map(({ pid }) => pid);
}

function sharedOptions(more: Partial<EmbeddedServerOptions> = {}): EmbeddedServerOptions {
  const stateDirectory = join(directory, 'state');
  return { stateDirectory, cli: () => Promise.resolve(cli), searchAttributes: ATTRIBUTES, headless: true, ...more };
}

/** Returns code for {@link startProcess} that acquires the shared server and then goes on with `then`. */
function acquireInProcess(then: string): string {
  const { stateDirectory, searchAttributes } = sharedOptions();
  return `
    const { acquireEmbeddedServer } = await embedded('runtime');
    const server = await acquireEmbeddedServer({
      ...${JSON.stringify({ stateDirectory, searchAttributes, headless: true })},
      cli: async () => ${JSON.stringify(cli)},
    });
    say('pid ' + server.pid);
    ${then}`;
}

async function withClient<T>(address: string, work: (client: Client) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address });
  try {
    return await work(new Client({ connection }));
  } finally {
    await connection.close();
  }
}

function startWorkflow(address: string, workflowId: string): Promise<unknown> {
  return withClient(address, (client) => client.workflow.start('nothing', { workflowId, taskQueue: 'nobody' }));
}

async function statusOf(address: string, workflowId: string): Promise<string> {
  const { status } = await withClient(address, (client) => client.workflow.getHandle(workflowId).describe());
  return status.name;
}

describe('makeOnce', () => {
  const make = (duringWork: string) => `
    const { makeOnce } = await embedded('lock');
    const path = await makeOnce(${JSON.stringify(join(directory, 'thing'))}, async (temporary) => {
      writeFileSync(temporary, 'half');
      appendFileSync(${JSON.stringify(join(directory, 'made.log'))}, process.pid + '\\n');
      say('making');
      ${duringWork}
      writeFileSync(temporary, 'whole');
    }, { purpose: 'making the thing', announce: say });
    say('done ' + path);`;

  it('runs once for five processes at a time, also after another process was killed half way', async () => {
    const victim = startProcess(make('await sleep(60_000);'));
    await lineOf(victim, /making/);
    await kill(victim.child);
    expect((await readdir(directory)).sort()).toContain('thing.lock');

    const racers = Array.from({ length: 5 }, () => startProcess(make('await sleep(1500);')));
    const printed: string[] = [];
    for (const { lines } of racers) lines.on('line', (line) => printed.push(line));
    await Promise.all(racers.map(({ child }) => once(child, 'close')));

    expect(printed.filter((line) => line.startsWith('done'))).toHaveLength(5);
    const [killed, maker, ...others] = (await readFile(join(directory, 'made.log'), 'utf8')).trim().split('\n');
    expect([killed, others]).toEqual([String(victim.child.pid), []]);
    expect(printed).toContain(`waiting for process ${String(maker)}, which is making the thing`);
    expect(await readFile(join(directory, 'thing'), 'utf8')).toBe('whole');
    expect((await readdir(directory)).sort()).toEqual(['made.log', 'thing']);
  }, 30_000);

  it('leaves nothing behind where it fails, and runs again at the next call', async () => {
    const path = join(directory, 'thing');
    const fail = async (temporary: string) => {
      await writeFile(temporary, 'half');
      throw new Error('no network');
    };
    await expect(makeOnce(path, fail, { purpose: 'making' })).rejects.toThrow('no network');
    expect(await readdir(directory)).toEqual([]);
    await makeOnce(path, (temporary) => writeFile(temporary, 'whole'), { purpose: 'making' });
    expect(await readFile(path, 'utf8')).toBe('whole');
  });

  it('takes over the lock of another machine once nothing touches it any more', async () => {
    const lock = join(directory, 'thing.lock', 'holder');
    const announced: string[] = [];
    await mkdir(join(directory, 'thing.lock'));
    await writeFile(lock, JSON.stringify({ pid: 1, started: '1', machine: 'another', purpose: 'making the thing' }));
    const started = Date.now();
    await makeOnce(join(directory, 'thing'), (temporary) => writeFile(temporary, 'whole'), {
      purpose: 'making another',
      announce: (line) => announced.push(line),
    });
    expect(Date.now() - started).toBeGreaterThan(9_000);
    expect(announced).toEqual(['waiting for process 1, which is making the thing']);
  }, 30_000);
});

describe('a Temporal dev server', () => {
  it('serves with UI and search attributes, and stops', async () => {
    const logFile = join(directory, 'server.log');
    const server = await startTemporalServer({ cli, searchAttributes: ATTRIBUTES, logFile });
    try {
      const page = await fetch(server.uiUrl ?? '');
      expect(page.status).toBe(200);
      await withClient(server.address, async (client) => {
        const { customAttributes } = await client.connection.operatorService.listSearchAttributes({
          namespace: 'default',
        });
        expect(customAttributes).toMatchObject({ IamEntity: 2, IamConflicts: 3 });
      });
    } finally {
      await server.stop();
    }
    await server.exited;
    expect(await identify(server.pid)).toBeUndefined();
    expect(await isServing(server.address)).toBe(false);
  }, 30_000);

  it('adds the search attributes that its database file lacks', async () => {
    const options = { cli, headless: true, databaseFile: join(directory, 'x.db'), logFile: join(directory, 'x.log') };
    const [first, second] = [ATTRIBUTES.slice(0, 1), ATTRIBUTES];
    await startTemporalServer({ ...options, searchAttributes: first }).then((server) => server.stop());
    const server = await startTemporalServer({ ...options, searchAttributes: second });
    await withClient(server.address, async (client) => {
      await client.workflow.start('nothing', {
        workflowId: 'a',
        taskQueue: 'nobody',
        typedSearchAttributes: [{ key: defineSearchAttributeKey('IamConflicts', 'INT'), value: 1 }],
      });
    });
    await server.stop();
  }, 30_000);

  it('reports a port as free to any number of concurrent checks', async () => {
    const port = await freePort();
    const results = await Promise.all(Array.from({ length: 50 }, () => isFree(port)));
    expect(new Set(results)).toEqual(new Set([true]));
  });

  it('chooses no port that the system gives to outgoing connections, and not the same for those that ask together', async () => {
    const ports = await Promise.all(Array.from({ length: 5 }, freePort));
    expect(ports.filter((port) => port >= 32_768)).toEqual([]);
    expect(new Set(ports).size).toBe(5);
  });

  it('reports which port is in use', async () => {
    const other = createServer().listen(await freePort(), '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const options = { cli, port, searchAttributes: [], logFile: join(directory, 'x.log') };
    await expect(startTemporalServer(options)).rejects.toThrow(
      `port ${String(port)} of 127.0.0.1 is already in use; stop the process that listens there`,
    );
    other.close();
  });

  it('reports the last output of a server that cannot start, and a remedy', async () => {
    const databaseFile = join(directory, 'x.db');
    await writeFile(databaseFile, 'this is no database');
    const options = { cli, databaseFile, searchAttributes: [], logFile: join(directory, 'x.log') };
    await expect(startTemporalServer(options)).rejects.toThrow(/file is not a database[^]*remove .*x\.db/);
  }, 30_000);

  it('starts once a process that is ending has released its database', async () => {
    const [databaseFile, logFile] = [join(directory, 'x.db'), join(directory, 'x.log')];
    const options = { cli, headless: true, databaseFile, logFile, searchAttributes: ATTRIBUTES };
    await startTemporalServer(options).then((server) => server.stop());
    const holder = spawn('python3', ['-c', HOLD_DATABASE, databaseFile], { stdio: ['pipe', 'pipe', 'inherit'] });
    children.push(holder);
    await once(holder.stdout, 'data');
    const starting = startTemporalServer(options);
    await waitUntil(async () => (await readFile(logFile, 'utf8')).includes('database is locked'), 'a failed attempt');
    holder.stdin.end();
    const server = await starting;
    await server.stop();
  }, 60_000);

  it('ends with its parent, even if the parent is killed', async () => {
    const starter = startProcess(`
      const { startTemporalServer } = await embedded('temporal-server');
      const server = await startTemporalServer(${JSON.stringify({
        cli,
        searchAttributes: [],
        headless: true,
        databaseFile: join(directory, 'x.db'),
        logFile: join(directory, 'x.log'),
      })});
      say('pid ' + server.pid);
      await sleep(60_000);`);
    const pid = Number((await lineOf(starter, /pid/)).slice(4));
    expect(await serverPids()).toContain(pid);
    await kill(starter.child);
    await waitUntil(async () => (await identify(pid)) === undefined, 'the server ends');
  }, 30_000);
});

describe('the shared server of a folder', () => {
  test.each<[string, (database: string) => Promise<void>]>([
    ['no database', (database) => writeFile(database, 'x'.repeat(10_000))],
    [
      'half a database',
      async (database) => {
        const server = await acquireEmbeddedServer(sharedOptions());
        await server.release();
        await rm(`${database}-wal`, { force: true });
        await truncate(database, 8_192);
      },
    ],
  ])('%s is named, with the file to remove, and no server is left', async (_what, damage) => {
    const { stateDirectory } = sharedOptions();
    const database = join(stateDirectory, 'temporal.db');
    await mkdir(stateDirectory, { recursive: true, mode: 0o700 });
    await damage(database);
    await expect(acquireEmbeddedServer(sharedOptions())).rejects.toMatchObject({
      name: 'EmbeddedError',
      exitCode: 4,
      message: expect.stringContaining(
        `if the database file is broken or was made by another server version, remove ${database}*`,
      ) as string,
    });
    expect(await serverPids()).toEqual([]);
    expect(await exists(join(stateDirectory, 'server.json'))).toBe(false);
  });

  it('is one server for all processes, and the last one to release it stops it', async () => {
    const other = startProcess(acquireInProcess('process.once("SIGTERM", () => server.release()); await sleep(1e9);'));
    const [mine, theirs] = await Promise.all([acquireEmbeddedServer(sharedOptions()), lineOf(other, /pid/)]);
    expect(theirs).toBe(`pid ${String(mine.pid)}`);
    expect(await serverPids()).toEqual([mine.pid]);
    expect(await readFile(join(directory, 'state', '.gitignore'), 'utf8')).toBe('*\n');

    await mine.release();
    expect(await isServing(mine.address)).toBe(true);
    other.child.kill('SIGTERM');
    await waitUntil(async () => (await identify(mine.pid)) === undefined, 'the server ends');
    await waitUntil(async () => !(await exists(join(directory, 'state', 'server.json'))), 'the record is removed');
    await kill(other.child);
  }, 60_000);

  it('does not count a process that was killed as a user', async () => {
    const other = startProcess(acquireInProcess('await sleep(60_000);'));
    const pid = Number((await lineOf(other, /pid/)).slice(4));
    const mine = await acquireEmbeddedServer(sharedOptions());
    expect(mine).toMatchObject({ pid, joined: true });
    await kill(other.child);
    await mine.release();
    expect(await identify(pid)).toBeUndefined();
  }, 30_000);

  it('continues with its data at the same address after it was killed', async () => {
    const announced: string[] = [];
    const mine = await acquireEmbeddedServer(sharedOptions({ announce: (line) => announced.push(line) }));
    const { pid, address } = mine;
    await startWorkflow(address, 'survivor');
    process.kill(pid, 'SIGKILL');
    await waitUntil(async () => mine.pid !== pid && (await isServing(address)), 'the server is back');
    expect(await statusOf(address, 'survivor')).toBe('RUNNING');
    expect(announced).toEqual([`the embedded server (process ${String(pid)}) ended; restarting it`]);
    await mine.release();

    const next = await acquireEmbeddedServer(sharedOptions());
    expect(await statusOf(next.address, 'survivor')).toBe('RUNNING');
    await next.release();
    expect(await serverPids()).toEqual([]);
  }, 30_000);

  it('starts after the process that started it before was killed at any point', async () => {
    const state = join(directory, 'state');
    for (const file of ['lock', 'temporal.pid', 'temporal.db', 'server.json']) {
      const starter = startProcess(acquireInProcess('await sleep(60_000);'));
      await waitUntil(() => exists(join(state, file)), file);
      await kill(starter.child);
      const mine = await acquireEmbeddedServer(sharedOptions());
      expect(await serverPids()).toEqual([mine.pid]);
      await startWorkflow(mine.address, `after-${file}`);
      await mine.release();
      await rm(state, { recursive: true, force: true });
    }
  }, 60_000);

  it('replaces a database that was left incomplete', async () => {
    const first = await acquireEmbeddedServer(sharedOptions());
    await first.release();
    const state = join(directory, 'state');
    expect(await readdir(state)).not.toContain('temporal.db.incomplete');
    await writeFile(join(state, 'temporal.db.incomplete'), '');
    await writeFile(join(state, 'temporal.db'), 'half');
    const again = await acquireEmbeddedServer(sharedOptions());
    await startWorkflow(again.address, 'fresh');
    await again.release();
  }, 30_000);
});

describe('the IAM sandbox', () => {
  const SCRIPT = `
import argparse, json, os, sys
parser = argparse.ArgumentParser()
for name in ('--host', '--port', '--account'): parser.add_argument(name)
parser.add_argument('--exit-with-stdin', action='store_true')
options = parser.parse_args()
if options.account == 'broken': sys.exit('cannot bind')
print('a line of something else', flush=True)
print(json.dumps({'ready': True, 'url': f'http://{options.host}:{options.port}/{options.account}'}), flush=True)
sys.stdin.read()
`;

  it('makes its Python environment once, runs and stops', async () => {
    const [script, requirementsFile] = [join(directory, 'sandbox.py'), join(directory, 'requirements.txt')];
    await writeFile(script, SCRIPT);
    await writeFile(requirementsFile, '');
    const announced: string[] = [];
    const options = { cacheDirectory: directory, requirementsFile, announce: (line: string) => announced.push(line) };
    const python = await sandboxPython(options);
    expect(await sandboxPython(options)).toBe(python);
    expect(announced).toHaveLength(1);

    const sandbox = await startSandbox({ python, script, port: await freePort(), account: '111111111111' });
    expect(sandbox.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/111111111111$/);
    await sandbox.stop();
    expect(await identify(sandbox.pid)).toBeUndefined();
    await expect(startSandbox({ python, script, account: 'broken' })).rejects.toThrow(/does not start[^]*cannot bind/);
  }, 60_000);

  it('reports what is missing where no Python is installed', async () => {
    const options = { cacheDirectory: directory, python: 'python-of-nowhere' };
    await expect(sandboxPython(options)).rejects.toThrow(/python-of-nowhere failed: .*ENOENT; .*needs Python 3\.10/);
  });
});
