import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CLI } from '../support/world.js';

/** Signals to the first process of a container, which has no default effect of them, before a worker polls. */

let cwd: string;
let silent: Server;
const sockets: Socket[] = [];

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'iam-bootstrap-signals-'));
  silent = createServer((socket) => sockets.push(socket.on('error', () => undefined)));
  await new Promise<void>((done) => silent.listen(0, '127.0.0.1', done));
});

afterAll(() => {
  silent.close();
  for (const socket of sockets) socket.destroy();
  rmSync(cwd, { recursive: true });
});

/** A command as the first process of a namespace. */
interface FirstProcess {
  readonly ended: Promise<unknown[]>;
  /** Resolves once standard error has a text. */
  says(text: string): Promise<void>;
  kill(signal: NodeJS.Signals): void;
}

function startFirst(args: readonly string[], env: Readonly<Record<string, string>> = {}): FirstProcess {
  const prefix = ['--user', '--map-root-user', '--pid', '--fork', '--kill-child'];
  const child: ChildProcess = spawn('unshare', [...prefix, process.execPath, CLI, ...args], {
    cwd,
    env: { PATH: process.env['PATH'], HOME: cwd, ...env },
  });
  const ended = once(child, 'exit');
  let text = '';
  child.stderr?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return {
    ended,
    says: async (wanted) => {
      while (!text.includes(wanted)) {
        if (child.exitCode !== null) throw new Error(text);
        await Promise.race([once(child.stderr ?? child, 'data'), ended]);
      }
    },
    kill: (signal) => {
      const pid = String(child.pid);
      process.kill(Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')), signal);
    },
  };
}

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s ends a command that does not listen to it', async (signal, exitCode) => {
  writeFileSync(
    join(cwd, 'waits.ts'),
    'console.error(`process ${process.pid} waits`);\nsetInterval(() => undefined, 1_000);\nawait new Promise(() => undefined);\n',
  );
  const first = startFirst(['validate', '-f', 'waits.ts']);
  await first.says('process 1 waits');
  first.kill(signal);
  expect(await first.ended).toEqual([exitCode, null]);
});

test.each(['SIGINT', 'SIGTERM'] as const)('%s ends a worker whose server does not answer', async (signal) => {
  const { port } = silent.address() as AddressInfo;
  const connected = once(silent, 'connection');
  const first = startFirst(['worker'], {
    TEMPORAL_ADDRESS: `127.0.0.1:${String(port)}`,
    TEMPORAL_TLS: 'true',
    AWS_REGION: 'eu-central-1',
  });
  await connected;
  const start = Date.now();
  first.kill(signal);
  expect(await first.ended).toEqual([0, null]);
  expect(Date.now() - start).toBeLessThan(10_000);
});
