import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/**
 * Containers without a container engine: processes that share a network of their own, as in a pod of Kubernetes, so that
 * every port is free. Processes of an image see its root file system only, may not write to it, and have the user and the
 * rights that the chart and the compose file give to them.
 */

const REPOSITORY = resolve(__dirname, '../..');
const IS_ROOT = process.getuid?.() === 0;

/** The configuration of an image, as its Dockerfile has declared it. */
interface ImageConfig {
  readonly User: string;
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
  readonly WorkingDir: string;
  readonly Healthcheck?: { readonly Test: readonly string[] };
}

/** An image that `scripts/images.sh` has built. */
export interface Image {
  readonly root: string;
  readonly config: ImageConfig;
}

/** Options of a process. */
interface ProcessOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** A folder that a process of an image sees as /mnt. */
  readonly folder?: string;
  /** The user of a process of this machine. */
  readonly user?: string;
}

/** A process of a pod. */
export interface PodProcess {
  /** Returns what it has printed, and what of it was to its standard output. */
  output(): string;
  stdout(): string;
  /** Resolves with its exit code. */
  readonly exited: Promise<number | null>;
  /** Returns the number that this machine knows the first process of a container by. */
  pid(): Promise<number>;
  /** Sends SIGTERM to the first process of a container, and resolves with its exit code. */
  stop(): Promise<number | null>;
}

/** The result of a command. */
interface Ended {
  readonly code: number | null;
  readonly output: string;
  readonly stdout: string;
}

/** A network of its own, with the processes in it. */
export interface Pod {
  /** Starts a process of an image: its declared command, or other arguments of its entry point. */
  startImage(image: Image, args?: readonly string[], options?: ProcessOptions): PodProcess;
  /** Runs a command in a container of an image, in place of its entry point. */
  run(image: Image, command: readonly string[], options?: ProcessOptions): Promise<Ended>;
  /** Starts a program of this machine. */
  start(command: readonly string[], options?: ProcessOptions): PodProcess;
  /** Runs a program of this machine. */
  runProgram(command: readonly string[], options?: ProcessOptions): Promise<Ended>;
  /** Tries a health check until it succeeds. */
  untilHealthy(name: string, check: () => Promise<Ended>, of: PodProcess): Promise<void>;
  stop(): Promise<void>;
}

/** Returns why a pod cannot run here. Undefined where it can. */
export function missingForPod(): string | undefined {
  const [program, args] = commandOf([...ownNamespaces(), 'mount -t tmpfs tmpfs /mnt && ip link set lo up']);
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status === 0) return undefined;
  return `processes cannot get a network of their own here: ${error?.message ?? stderr.trim()}`;
}

/** Returns an image. Undefined where `scripts/images.sh` has not built it. */
export function findImage(name: 'worker' | 'sandbox'): Image | undefined {
  const { status, stdout } = spawnSync('bash', [join(REPOSITORY, 'scripts/images.sh'), '--folder'], {
    encoding: 'utf8',
  });
  if (status !== 0) return undefined;
  const folder = join(stdout.trim(), name);
  const { Docker } = JSON.parse(readFileSync(join(folder, 'image.json'), 'utf8')) as {
    readonly Docker: { readonly config: ImageConfig };
  };
  return { root: join(folder, 'root'), config: Docker.config };
}

/** Runs as a container: first what needs rights, then its command without any. Arguments: see {@link Pod.startImage}. */
const CONTAINER = `
root=$1 hosts=$2 folder=$3 uid=$4 gid=$5 directory=$6
shift 6
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount --bind "$hosts" "$root/etc/hosts"
mount --bind "$folder" "$root/mnt"
mount -o remount,bind,ro "$root"
exec setpriv --no-new-privs --bounding-set=-all,+sys_chroot,+setuid,+setgid \\
  unshare --root "$root" --wd "$directory" --setgid "$gid" --setuid "$uid" "$@"
`;

/** Starts a pod in which every given name leads to the pod itself. */
export async function startPod(names: readonly string[]): Promise<Pod> {
  const directory = mkdtempSync(join(tmpdir(), 'iam-bootstrap-pod-'));
  const hosts = join(directory, 'hosts');
  writeFileSync(hosts, `127.0.0.1 localhost ${names.join(' ')}\n`);
  const script = `ip link set lo up && mount --bind '${hosts}' /etc/hosts && echo ready && exec sleep infinity`;
  const [program, args] = commandOf([...ownNamespaces(), script]);
  const init = spawn(program, args);
  await Promise.race([once(init.stdout, 'data'), once(init, 'exit')]);
  if (init.exitCode !== null) throw new Error(`the pod ended with ${String(init.exitCode)}`);
  const inside = ['nsenter', '--target', String(await firstChild(init)), '--net', '--mount'];
  if (!IS_ROOT) inside.push('--user', '--preserve-credentials');
  const processes: ChildProcessWithoutNullStreams[] = [];

  const begin = (command: readonly string[], env: ProcessOptions['env'], isContainer: boolean): PodProcess => {
    const [file, parameters] = commandOf([...inside, '--', ...command]);
    const child = spawn(file, parameters, { env: { ...env }, detached: true });
    processes.push(child);
    return podProcess(child, isContainer);
  };
  const startContainer = (image: Image, command: readonly string[], options: ProcessOptions = {}): PodProcess => {
    const { root, config } = image;
    const [uid = '', gid = ''] = idsOf(image);
    const container = [hosts, options.folder ?? directory, uid, gid, config.WorkingDir, ...command];
    const own: Record<string, string> = Object.fromEntries(config.Env.map(nameAndValue));
    return begin(
      [
        'unshare',
        '--mount',
        '--pid',
        '--fork',
        '--kill-child',
        'sh',
        '-euc',
        CONTAINER,
        'container',
        root,
        ...container,
      ],
      { ...own, ...options.env },
      true,
    );
  };

  const startProgram = (command: readonly string[], { env, user }: ProcessOptions = {}): PodProcess =>
    begin(
      user === undefined ? command : ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--init-groups', ...command],
      { PATH: process.env['PATH'], ...env },
      false,
    );

  return {
    startImage: (image, args = image.config.Cmd, options = {}) =>
      startContainer(image, [...image.config.Entrypoint, ...args], options),
    run: (image, command, options) => ended(startContainer(image, command, options)),
    start: startProgram,
    runProgram: (command, options) => ended(startProgram(command, options)),
    untilHealthy,
    stop: async () => {
      for (const child of processes) await kill(child);
      await kill(init);
      rmSync(directory, { recursive: true });
    },
  };
}

/** Returns what makes a network and mounts of its own, followed by a shell that waits for its script. */
function ownNamespaces(): string[] {
  const prefix = IS_ROOT ? [] : ['buildah', 'unshare'];
  return [...prefix, 'unshare', '--net', '--mount', '--fork', '--kill-child', 'sh', '-euc'];
}

function commandOf(command: readonly string[]): [string, string[]] {
  const [program = '', ...args] = command;
  return [program, args];
}

function podProcess(child: ChildProcessWithoutNullStreams, isContainer: boolean): PodProcess {
  let [output, stdout] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const exited = new Promise<number | null>((done) => child.once('close', done));
  const pid = async (): Promise<number> => (isContainer ? firstChild(child) : (child.pid ?? 0));
  return {
    output: () => output,
    stdout: () => stdout,
    exited,
    pid,
    stop: async () => {
      if (child.exitCode === null) process.kill(await pid(), 'SIGTERM');
      return exited;
    },
  };
}

async function ended(container: PodProcess): Promise<Ended> {
  const code = await container.exited;
  return { code, output: container.output(), stdout: container.stdout() };
}

/** Returns the process that another one has forked, which may not have happened yet. */
async function firstChild(parent: ChildProcessWithoutNullStreams): Promise<number> {
  while (parent.exitCode === null && parent.signalCode === null) {
    const child = childOf(parent);
    if (child !== undefined) return child;
    await pause(10);
  }
  throw new Error(`process ${String(parent.pid)} has ended`);
}

function childOf({ pid }: ChildProcessWithoutNullStreams): number | undefined {
  const path = `/proc/${String(pid)}/task/${String(pid)}/children`;
  const [child = ''] = existsSync(path) ? readFileSync(path, 'utf8').split(' ') : [];
  return child === '' ? undefined : Number(child);
}

/** Kills a process and the first one of its container, which does not end with it once it has changed its user. */
async function kill(child: ChildProcessWithoutNullStreams): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  const first = childOf(child);
  if (first !== undefined) process.kill(first, 'SIGKILL');
  child.kill('SIGKILL');
  await gone;
}

/** Splits `NAME=value`. */
function nameAndValue(entry: string): readonly [string, string] {
  const [name = ''] = entry.split('=', 1);
  return [name, entry.slice(name.length + 1)];
}

/** Returns the numbers of the user and the group of an image, which names the user. */
function idsOf({ root, config }: Image): readonly string[] {
  const passwd = readFileSync(join(root, 'etc/passwd'), 'utf8');
  const entry = passwd.split('\n').find((line) => line.startsWith(`${config.User}:`));
  if (entry === undefined) throw new Error(`the image has no user ${config.User}`);
  return entry.split(':').slice(2, 4);
}

const HEALTHY_MS = 60_000;

async function untilHealthy(name: string, check: () => Promise<Ended>, of: PodProcess): Promise<void> {
  const deadline = Date.now() + HEALTHY_MS;
  const state = { hasEnded: false };
  void of.exited.then(() => (state.hasEnded = true));
  for (;;) {
    const { code, output } = await check();
    if (code === 0) return;
    if (state.hasEnded || Date.now() > deadline) throw new Error(`${name} is not healthy: ${output}\n${of.output()}`);
    await pause(200);
  }
}
