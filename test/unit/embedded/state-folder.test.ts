import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { acquireEmbeddedServer } from '../../../src/embedded/runtime.js';
import { withSandboxDatabase } from '../../../src/embedded/sandbox-database.js';
import { openStateFolder } from '../../../src/embedded/state-folder.js';
import { withStateKeys } from '../../../src/embedded/state-keys.js';

const NO_KEYS = { permitKey: undefined, permitKeyFile: undefined, requestKey: undefined, requestKeyFile: undefined };

let parent: string;
let state: string;
let announced: string[];
const announce = (line: string): void => void announced.push(line);
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'iam-bootstrap-state-'));
  state = join(parent, 'project', '.iam-bootstrap');
  announced = [];
});
afterEach(() => {
  rmSync(parent, { recursive: true, force: true });
});

function modes(folder = state): Record<string, string> {
  const entries = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return Object.fromEntries(
    ['', ...entries].sort().map((name) => [name, (statSync(join(folder, name)).mode & 0o777).toString(8)]),
  );
}

test('a new folder, and all that is in it, is for its user alone', async () => {
  const { permitKeyFile, requestKeyFile } = await withStateKeys({ ...NO_KEYS, stateDirectory: state }, announce);
  expect(modes()).toEqual({ '': '700', '.gitignore': '600', 'permit.key': '600', 'request.key': '600', users: '700' });
  expect([permitKeyFile, requestKeyFile]).toEqual([join(state, 'permit.key'), join(state, 'request.key')]);
  expect(readFileSync(join(state, 'permit.key'), 'utf8')).not.toBe(readFileSync(join(state, 'request.key'), 'utf8'));
  expect(announced).toEqual([]);
});

test('its keys stay, and configured ones are taken in their place', async () => {
  const stateDirectory = state;
  await withStateKeys({ ...NO_KEYS, stateDirectory });
  const before = readFileSync(join(state, 'request.key'), 'utf8');
  await withStateKeys({ ...NO_KEYS, stateDirectory });
  expect(readFileSync(join(state, 'request.key'), 'utf8')).toBe(before);
  const given = {
    stateDirectory,
    permitKey: 'a',
    permitKeyFile: undefined,
    requestKey: undefined,
    requestKeyFile: 'b',
  };
  expect(await withStateKeys(given)).toEqual(given);
});

test('a folder of an earlier version is closed to other users, with a notice', async () => {
  mkdirSync(join(state, 'secrets'), { recursive: true });
  for (const name of ['temporal.db', 'temporal.db-wal', 'worker.log', join('secrets', 'robot')])
    writeFileSync(join(state, name), 'x', { mode: 0o644 });
  writeFileSync(join(state, 'permit.key'), 'x', { mode: 0o600 });
  chmodSync(state, 0o755);
  await openStateFolder(state, announce);
  expect(announced).toEqual([`state folder ${state}: other users could read it; now only you can`]);
  expect(modes()).toEqual({
    '': '700',
    '.gitignore': '600',
    'permit.key': '600',
    secrets: '700',
    'secrets/robot': '600',
    'temporal.db': '600',
    'temporal.db-wal': '600',
    users: '700',
    'worker.log': '600',
  });
  await openStateFolder(state, announce);
  expect(announced).toHaveLength(1);
});

describe('what another user may have put into the folder while it was open', () => {
  const KEY_TEXT = `${'k'.repeat(44)}\n`;
  const elsewhere = (mode = 0o600): string => {
    const path = join(parent, 'elsewhere');
    writeFileSync(path, KEY_TEXT, { mode });
    return path;
  };
  const put = (name: string, mode: number): void => {
    writeFileSync(join(state, name), KEY_TEXT);
    chmodSync(join(state, name), mode);
  };
  const anew = ': a new key is made, and what still runs by the old one has to be applied again';
  const asRootOnly = process.getuid?.() === 0;

  test.each<[string, string, () => void, string]>([
    [
      'a key of theirs',
      'request.key belongs to another user (65534, and this is user 0)',
      () => {
        put('request.key', 0o600);
        if (asRootOnly) chownSync(join(state, 'request.key'), 65_534, 65_534);
      },
      anew,
    ],
    [
      'a server record of theirs',
      'server.json belongs to another user (65534, and this is user 0)',
      () => {
        put('server.json', 0o644);
        if (asRootOnly) chownSync(join(state, 'server.json'), 65_534, 65_534);
      },
      '',
    ],
    [
      'a link to a key',
      'permit.key is a link',
      () => {
        symlinkSync(elsewhere(0o644), join(state, 'permit.key'));
      },
      anew,
    ],
    [
      'a link to a folder',
      'users is a link',
      () => {
        symlinkSync(parent, join(state, 'users'));
      },
      '',
    ],
    [
      'a second name of a file that they can read',
      'request.key has another name elsewhere (a hard link)',
      () => {
        linkSync(elsewhere(), join(state, 'request.key'));
      },
      anew,
    ],
    [
      'a key that they could read',
      'permit.key could be read by other users',
      () => {
        put('permit.key', 0o644);
      },
      anew,
    ],
    [
      'a database that they could write',
      'temporal.db-wal could be written by other users',
      () => {
        put('temporal.db-wal', 0o666);
      },
      '',
    ],
    ['a pipe', 'temporal.log is no file', () => execFileSync('mkfifo', [join(state, 'temporal.log')]), ''],
  ])(
    'is refused before it is read, and once more when the folder is closed: %s',
    async (what, problem, plant, effect) => {
      if (what.endsWith('theirs') && !asRootOnly) return;
      mkdirSync(state, { recursive: true });
      chmodSync(state, 0o777);
      plant();
      const planted = problem.split(' ')[0] ?? '';
      const before = lstatSync(join(state, planted));
      for (const attempt of [1, 2]) {
        const error: unknown = await withStateKeys({ ...NO_KEYS, stateDirectory: state }, announce).catch(
          (thrown: unknown) => thrown,
        );
        expect([attempt, (error as Error).message]).toEqual([
          attempt,
          `state folder ${state}: ${problem}; find out who put it there, and remove it${effect}`,
        ]);
        expect((statSync(state).mode & 0o777).toString(8)).toBe('700');
      }
      expect(announced).toHaveLength(1);
      expect(lstatSync(join(state, planted))).toMatchObject({ mode: before.mode, ino: before.ino });
      rmSync(join(state, planted));
      await withStateKeys({ ...NO_KEYS, stateDirectory: state });
    },
  );

  test('is not what other processes of this user make and remove meanwhile', async () => {
    const open = (): Promise<unknown> => withStateKeys({ ...NO_KEYS, stateDirectory: state });
    await Promise.all(Array.from({ length: 50 }, open));
    // A process that was killed while it made a key leaves a second name in the folder.
    linkSync(join(state, 'permit.key'), join(state, 'permit.key.4711'));
    await open();
  });
});

test('a folder with something else in it is left as it is, and refused', async () => {
  const project = join(parent, 'project');
  mkdirSync(project);
  writeFileSync(join(project, 'deploy.sh'), '', { mode: 0o755 });
  chmodSync(project, 0o755);
  await expect(openStateFolder(project)).rejects.toThrow(
    `state folder ${project}: other users can read it, and it also has deploy.sh, which is not iam-bootstrap's; set IAM_BOOTSTRAP_STATE`,
  );
  expect(modes(project)).toEqual({ '': '755', 'deploy.sh': '755' });
});

const asRoot = process.getuid?.() === 0 ? test : test.skip;

asRoot('a folder of another user is refused', async () => {
  mkdirSync(state, { recursive: true });
  chownSync(state, 65_534, 65_534);
  await expect(openStateFolder(state)).rejects.toThrow('it belongs to another user (65534, and this is user 0); set');
  expect(readdirSync(state)).toEqual([]);
});

test.each(['', 'short\n'])('a key file with %j is named, with what to do', async (text) => {
  await withStateKeys({ ...NO_KEYS, stateDirectory: state });
  const path = join(state, 'permit.key');
  writeFileSync(path, text);
  await expect(withStateKeys({ ...NO_KEYS, stateDirectory: state })).rejects.toMatchObject({
    message: `${path} has a key of less than 32 characters`,
    remedy: expect.stringContaining(`remove ${path}: a new key is made`) as string,
    exitCode: 64,
  });
});

test('a file in the place of the folder, or of one in it, is named, with what to do', async () => {
  writeFileSync(join(parent, 'project'), '');
  await expect(openStateFolder(state)).rejects.toThrow(
    /^state folder \S+: ENOTDIR.*; make it writable, set IAM_BOOTSTRAP_STATE/,
  );
  rmSync(join(parent, 'project'));
  mkdirSync(state, { recursive: true, mode: 0o700 });
  writeFileSync(join(state, 'users'), '');
  await expect(openStateFolder(state)).rejects.toThrow(
    /^state folder \S+: EEXIST.*; make it writable, set IAM_BOOTSTRAP_STATE/,
  );
});

/** Mounts a small file system in place of the state folder. Returns false where this machine does not let us. */
function mountSmall(): boolean {
  mkdirSync(state, { recursive: true, mode: 0o700 });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16k,mode=700', 'tmpfs', state], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

test('a full disk is named, with what to do, before a server is started', async () => {
  if (!mountSmall()) return;
  try {
    await withStateKeys({ ...NO_KEYS, stateDirectory: state });
    try {
      writeFileSync(join(state, 'temporal.log'), Buffer.alloc(100_000));
    } catch {
      // It is full now.
    }
    rmSync(join(state, 'request.key'));
    writeFileSync(join(state, 'temporal.db'), 'x');
    const full = /^state folder \S+: ENOSPC: no space left on device.*; free some space, or set IAM_BOOTSTRAP_STATE/;
    await expect(withStateKeys({ ...NO_KEYS, stateDirectory: state })).rejects.toThrow(full);
    const cli = (): Promise<string> => Promise.reject(new Error('a server is started'));
    await expect(acquireEmbeddedServer({ stateDirectory: state, cli, searchAttributes: [] })).rejects.toMatchObject({
      message: expect.stringMatching(full) as string,
      exitCode: 4,
    });
  } finally {
    execFileSync('umount', [state]);
  }
});

describe('the database of dev --sandbox', () => {
  const run = () => withSandboxDatabase(state, () => Promise.resolve('done'), announce);

  test('is refused to a second process, which is told of the folder, of the first and of the way out', async () => {
    const refused = withSandboxDatabase(state, () => {
      expect(modes()).toMatchObject({ 'lock-dev': '700' });
      return run();
    });
    await expect(refused).rejects.toThrow(
      `${join('project', '.iam-bootstrap')}: process ${String(process.pid)} runs dev --sandbox on it, and two cannot ` +
        'share its database; stop that process, or set IAM_BOOTSTRAP_STATE to another folder, with other ports: ',
    );
    expect(await run()).toBe('done');
    expect(announced).toEqual([]);
  });

  test('is refused where a process of another container holds it, once that has shown that it is alive', async () => {
    await openStateFolder(state);
    const holder = join(state, 'lock-dev', '12-x');
    mkdirSync(join(state, 'lock-dev'));
    writeFileSync(holder, JSON.stringify({ pid: 12, started: '1', machine: 'another', purpose: '' }));
    const touching = setInterval(() => {
      utimesSync(holder, new Date(), new Date());
    }, 50);
    await expect(
      run().finally(() => {
        clearInterval(touching);
      }),
    ).rejects.toThrow('process 12 runs dev --sandbox');
  });
});
