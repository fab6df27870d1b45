import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once as onceEvent } from 'node:events';
import { access, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { defineSearchAttributeKey } from '@temporalio/common';
import { loadConfig } from '../../src/config/config.js';
import { once } from '../../src/embedded/cache.js';
import { freePort, isFree } from '../../src/embedded/ports.js';
import { commandLine, identify } from '../../src/embedded/process.js';
import { acquireEmbeddedServer, type EmbeddedServerOptions } from '../../src/embedded/runtime.js';
import { sandboxPython, startSandbox } from '../../src/embedded/sandbox.js';
import { findTemporalCli } from '../../src/embedded/temporal-cli.js';
import { answers, startTemporalServer, type SearchAttribute } from '../../src/embedded/temporal-server.js';

const ROOT = resolve(__dirname, '..', '..');
const ATTRIBUTES: SearchAttribute[] = [
  { name: 'IamEntity', type: 'Keyword' },
  { name: 'IamConflicts', type: 'Int' },
];

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

/** A process of its own that runs a piece of code with the modules of `src/embedded` at hand. */
function processThat(code: string): { child: ChildProcess; lines: Interface } {
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
  const exit = onceEvent(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within 20 s: ${what}`);
    await sleep(20);
  }
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Processes of servers whose database lies in this test's directory. */
async function serverPids(): Promise<number[]> {
  const listed =
    process.platform === 'linux' ? await readdir('/proc') : execFileSync('ps', ['-axo', 'pid=']).toString().split('\n');
  const pids = listed.map(Number).filter((pid) => pid > 0 && pid !== process.pid);
  const lines = await Promise.all(pids.map(async (pid) => ({ pid, line: await commandLine(pid) })));
  return lines.filter(({ line }) => line?.includes(`--db-filename ${directory}`) === true).map(({ pid }) => pid);
}

function shared(more: Partial<EmbeddedServerOptions> = {}): EmbeddedServerOptions {
  const stateDirectory = join(directory, 'state');
  return { stateDirectory, cli: () => Promise.resolve(cli), searchAttributes: ATTRIBUTES, headless: true, ...more };
}

/** The same, as code for {@link processThat}. */
function acquireInProcess(then: string): string {
  const { stateDirectory, searchAttributes } = shared();
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

describe('making a thing once', () => {
  const make = (hold: string) => `
    const { once } = await embedded('cache');
    const path = await once(${JSON.stringify(join(directory, 'thing'))}, async (temporary) => {
      writeFileSync(temporary, 'half');
      appendFileSync(${JSON.stringify(join(directory, 'made.log'))}, process.pid + '\\n');
      say('making');
      ${hold}
      writeFileSync(temporary, 'whole');
    }, { purpose: 'making the thing', announce: say });
    say('done ' + path);`;

  it('makes once under five racing processes, after one that was killed half way', async () => {
    const victim = processThat(make('await sleep(60_000);'));
    await lineOf(victim, /making/);
    await kill(victim.child);
    expect((await readdir(directory)).sort()).toContain('thing.lock');

    const racers = Array.from({ length: 5 }, () => processThat(make('await sleep(1500);')));
    const told: string[] = [];
    for (const { lines } of racers) lines.on('line', (line) => told.push(line));
    await Promise.all(racers.map(({ child }) => onceEvent(child, 'close')));

    expect(told.filter((line) => line.startsWith('done'))).toHaveLength(5);
    const [killed, maker, ...more] = (await readFile(join(directory, 'made.log'), 'utf8')).trim().split('\n');
    expect([killed, more]).toEqual([String(victim.child.pid), []]);
    expect(told).toContain(`waiting for process ${String(maker)}, which is making the thing`);
    expect(await readFile(join(directory, 'thing'), 'utf8')).toBe('whole');
    expect((await readdir(directory)).sort()).toEqual(['made.log', 'thing']);
  }, 30_000);

  it('leaves nothing where the making fails, and makes at the next call', async () => {
    const path = join(directory, 'thing');
    const fail = async (temporary: string) => {
      await writeFile(temporary, 'half');
      throw new Error('no network');
    };
    await expect(once(path, fail, { purpose: 'making' })).rejects.toThrow('no network');
    expect(await readdir(directory)).toEqual([]);
    await once(path, (temporary) => writeFile(temporary, 'whole'), { purpose: 'making' });
    expect(await readFile(path, 'utf8')).toBe('whole');
  });

  it('takes a lock over that another machine left behind, when nothing touches it any more', async () => {
    const lock = join(directory, 'thing.lock', 'holder');
    const announced: string[] = [];
    await mkdir(join(directory, 'thing.lock'));
    await writeFile(lock, JSON.stringify({ pid: 1, started: '1', machine: 'another', purpose: 'making the thing' }));
    const started = Date.now();
    await once(join(directory, 'thing'), (temporary) => writeFile(temporary, 'whole'), {
      purpose: 'making another',
      announce: (line) => announced.push(line),
    });
    expect(Date.now() - started).toBeGreaterThan(9_000);
    expect(announced).toEqual(['waiting for process 1, which is making the thing']);
  }, 30_000);
});

describe('a Temporal dev server', () => {
  it('serves with its UI and search attributes, and stops', async () => {
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
    expect(await answers(server.address)).toBe(false);
  }, 30_000);

  it('adds search attributes that its database file does not know', async () => {
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

  it('finds a port free, however many ask at that moment', async () => {
    const port = await freePort();
    const answers = await Promise.all(Array.from({ length: 50 }, () => isFree(port)));
    expect(new Set(answers)).toEqual(new Set([true]));
  });

  it('says which port is taken', async () => {
    const other = createServer().listen(await freePort(), '127.0.0.1');
    await onceEvent(other, 'listening');
    const address = other.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const options = { cli, port, searchAttributes: [], logFile: join(directory, 'x.log') };
    await expect(startTemporalServer(options)).rejects.toThrow(
      `port ${String(port)} of 127.0.0.1 is already in use; end the process that listens there`,
    );
    other.close();
  });

  it('tells the last words of a server that cannot start, and the remedy', async () => {
    const databaseFile = join(directory, 'x.db');
    await writeFile(databaseFile, 'this is no database');
    const options = { cli, databaseFile, searchAttributes: [], logFile: join(directory, 'x.log') };
    await expect(startTemporalServer(options)).rejects.toThrow(/file is not a database[^]*remove .*x\.db/);
  }, 30_000);

  it('ends with its parent, even where that is killed', async () => {
    const starter = processThat(`
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
    await until(async () => (await identify(pid)) === undefined, 'the server ends');
  }, 30_000);
});

describe('the shared server of a folder', () => {
  it('is one for all who ask at once, and is stopped by the last', async () => {
    const other = processThat(acquireInProcess('process.once("SIGTERM", () => server.release()); await sleep(1e9);'));
    const [mine, theirs] = await Promise.all([acquireEmbeddedServer(shared()), lineOf(other, /pid/)]);
    expect(theirs).toBe(`pid ${String(mine.pid)}`);
    expect(await serverPids()).toEqual([mine.pid]);
    expect(await readFile(join(directory, 'state', '.gitignore'), 'utf8')).toBe('*\n');

    await mine.release();
    expect(await answers(mine.address)).toBe(true);
    other.child.kill('SIGTERM');
    await until(async () => (await identify(mine.pid)) === undefined, 'the server ends');
    await until(async () => !(await isThere(join(directory, 'state', 'server.json'))), 'the record is removed');
    await kill(other.child);
  }, 60_000);

  it('does not count a user that was killed', async () => {
    const other = processThat(acquireInProcess('await sleep(60_000);'));
    const pid = Number((await lineOf(other, /pid/)).slice(4));
    const mine = await acquireEmbeddedServer(shared());
    expect(mine).toMatchObject({ pid, joined: true });
    await kill(other.child);
    await mine.release();
    expect(await identify(pid)).toBeUndefined();
  }, 30_000);

  it('goes on with its data at the same address after it was killed', async () => {
    const told: string[] = [];
    const mine = await acquireEmbeddedServer(shared({ announce: (line) => told.push(line) }));
    const { pid, address } = mine;
    await startWorkflow(address, 'survivor');
    process.kill(pid, 'SIGKILL');
    await until(async () => mine.pid !== pid && (await answers(address)), 'the server is back');
    expect(await statusOf(address, 'survivor')).toBe('RUNNING');
    expect(told).toEqual([`the embedded server (process ${String(pid)}) has ended: starting it again`]);
    await mine.release();

    const next = await acquireEmbeddedServer(shared());
    expect(await statusOf(next.address, 'survivor')).toBe('RUNNING');
    await next.release();
    expect(await serverPids()).toEqual([]);
  }, 30_000);

  it('can be had after its starter was killed at any point of the start', async () => {
    const state = join(directory, 'state');
    for (const sign of ['lock', 'temporal.pid', 'temporal.db', 'server.json']) {
      const starter = processThat(acquireInProcess('await sleep(60_000);'));
      await until(() => isThere(join(state, sign)), sign);
      await kill(starter.child);
      const mine = await acquireEmbeddedServer(shared());
      expect(await serverPids()).toEqual([mine.pid]);
      await startWorkflow(mine.address, `after-${sign}`);
      await mine.release();
      await rm(state, { recursive: true, force: true });
    }
  }, 60_000);

  it('makes a database anew that was left half made', async () => {
    const first = await acquireEmbeddedServer(shared());
    await first.release();
    const state = join(directory, 'state');
    expect(await readdir(state)).not.toContain('temporal.db.incomplete');
    await writeFile(join(state, 'temporal.db.incomplete'), '');
    await writeFile(join(state, 'temporal.db'), 'half');
    const again = await acquireEmbeddedServer(shared());
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

  it('makes its Python once, and runs and stops', async () => {
    const [script, requirementsFile] = [join(directory, 'sandbox.py'), join(directory, 'requirements.txt')];
    await writeFile(script, SCRIPT);
    await writeFile(requirementsFile, '');
    const told: string[] = [];
    const options = { cacheDirectory: directory, requirementsFile, announce: (line: string) => told.push(line) };
    const python = await sandboxPython(options);
    expect(await sandboxPython(options)).toBe(python);
    expect(told).toHaveLength(1);

    const sandbox = await startSandbox({ python, script, port: await freePort(), account: '111111111111' });
    expect(sandbox.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/111111111111$/);
    await sandbox.stop();
    expect(await identify(sandbox.pid)).toBeUndefined();
    await expect(startSandbox({ python, script, account: 'broken' })).rejects.toThrow(/does not start[^]*cannot bind/);
  }, 60_000);

  it('says what is missing where there is no Python', async () => {
    const options = { cacheDirectory: directory, python: 'python-of-nowhere' };
    await expect(sandboxPython(options)).rejects.toThrow(/python-of-nowhere failed: .*ENOENT; .*needs Python 3\.10/);
  });
});
