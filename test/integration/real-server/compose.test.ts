import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { loadConfig } from '../../../src/config/config.js';
import type { Report } from '../../../src/contract/report.js';
import { sandboxPython } from '../../../src/embedded/sandbox.js';
import { findTemporalCli } from '../../../src/embedded/temporal-cli.js';
import { withDefaults } from '../../support/compose-defaults.js';
import { allowing, manifestOf, role } from '../../support/manifests-of.js';
import { findImage, type Image, missingForPod, type Pod, type PodProcess, startPod } from '../../support/pod.js';
import { binaries, missingForRealServer, postgresFolder } from '../../support/real-server.js';
import { ACCOUNT } from '../../support/world.js';

/**
 * `docker compose --profile sandbox up`, without Docker and a registry: each service starts when those that it waits for
 * are healthy or done, with the command, the environment and the health check of the compose file, in a network of their
 * own where its names and ports are the real ones. The images of others are not here, so the same programs in the same
 * versions run from this machine (PostgreSQL: in its version). The worker and the sandbox run from their images where
 * scripts/images.sh has built them. The Temporal UI is not run.
 */

const ROOT = join(__dirname, '../../..');

interface Service {
  readonly build?: { readonly dockerfile?: string };
  readonly profiles?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>> | readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
}

const { services } = parse(readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8'), { merge: true }) as {
  readonly services: Readonly<Record<string, Service>>;
};
const NOT_RUN = ['temporal-ui'];
const STARTED = Object.entries(services)
  .filter(([name, { profiles = ['sandbox'] }]) => profiles.includes('sandbox') && !NOT_RUN.includes(name))
  .map(([name]) => name);

const missing = missingForRealServer() ?? missingForPod();
const here = missing === undefined ? describe : describe.skip;
const images: Readonly<Record<string, Image | undefined>> = {
  Dockerfile: findImage('worker'),
  'docker/sandbox.Dockerfile': findImage('sandbox'),
};
let pod: Pod;
let directory: string;
/** The programs that the commands of the compose file name. */
let programs: Readonly<Record<string, string>>;
const running = new Map<string, PodProcess>();

/** Puts the programs of the images of others into one folder, under the names that they have there. */
async function collectPrograms(): Promise<Readonly<Record<string, string>>> {
  const folder = join(directory, 'bin');
  mkdirSync(folder);
  const { path } = await findTemporalCli({ cacheDirectory: loadConfig().cacheDirectory });
  const links = {
    temporal: path,
    'temporal-server': join(binaries(), 'server'),
    'temporal-sql-tool': join(binaries(), 'sql'),
    node: process.execPath,
    python: await sandboxPython(),
  };
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(folder, name));
  // `nc -z HOST PORT`, as Alpine has it.
  writeFileSync(join(folder, 'nc'), '#!/bin/bash\n[ "$1" = -z ] && exec 3<>"/dev/tcp/$2/$3"\n', { mode: 0o755 });
  return { PATH: `${folder}:${postgresFolder() ?? ''}:/usr/bin:/bin` };
}

/** Returns the environment of a service where nobody has set a variable. */
function environmentOf({ environment = {} }: Service): Record<string, string> {
  const entries = Array.isArray(environment)
    ? (environment as readonly string[]).map((entry) => entry.split(/=(.*)/, 2) as [string, string])
    : Object.entries(environment);
  return Object.fromEntries(entries.map(([name, value]) => [name, withDefaults(value)]));
}

function commandOf({ entrypoint = [], command = [] }: Service): string[] {
  const schema = join(binaries(), 'schema');
  return [...entrypoint, ...command].map((text) =>
    text.replaceAll('$$', '$').replace('/etc/temporal/schema/postgresql/v12', schema),
  );
}

/** Returns an instruction of a Dockerfile that is a list. */
function instruction(dockerfile: string, pattern: RegExp): string[] {
  const text = readFileSync(join(ROOT, dockerfile), 'utf8').replaceAll(/\\\n\s*/g, '');
  return JSON.parse(pattern.exec(text)?.[1] ?? '[]') as string[];
}

/** What each image of others does before the command of the compose file, or in place of one. */
const OF_OTHERS: Readonly<Record<string, (service: Service) => PodProcess>> = {
  postgresql: (service) => {
    const data = join(directory, 'data');
    const environment = environmentOf(service);
    if (!existsSync(data)) makeDatabase(data, environment);
    const [program = '', ...args] = commandOf(service);
    const own = ['-D', data, '-c', 'listen_addresses=*', '-c', 'unix_socket_directories=', '-c', 'fsync=off'];
    return pod.start([program, ...own, ...args], { env: programs, ...asPostgres() });
  },
  temporal: (service) => {
    // Its entry point, where it listens on all addresses.
    const env = { ...programs, ...environmentOf(service), TEMPORAL_BROADCAST_ADDRESS: '127.0.0.1' };
    // The mount of the compose file.
    const settings = { DYNAMIC_CONFIG_FILE_PATH: join(ROOT, 'docker/temporal-dynamicconfig.yaml') };
    return pod.start(['temporal-server', 'start'], { env: { ...env, ...settings } });
  },
};

function makeDatabase(data: string, { POSTGRES_USER = '', POSTGRES_PASSWORD = '' }: Record<string, string>): void {
  const passwordFile = join(directory, 'password');
  writeFileSync(passwordFile, POSTGRES_PASSWORD, { mode: 0o644 });
  mkdirSync(data, { mode: 0o700 });
  const as =
    asPostgres().user === undefined ? [] : ['setpriv', '--reuid=postgres', '--regid=postgres', '--init-groups'];
  if (as.length > 0) execFileSync('chown', ['postgres:', data]);
  const initdb = [
    'initdb',
    '-D',
    data,
    '-U',
    POSTGRES_USER,
    `--pwfile=${passwordFile}`,
    '-A',
    'scram-sha-256',
    '--no-sync',
  ];
  const [file = '', ...args] = [...as, ...initdb];
  execFileSync(file, args, { env: programs, cwd: directory });
}

/** PostgreSQL refuses to run as root. */
function asPostgres(): { readonly user?: string } {
  return process.getuid?.() === 0 ? { user: 'postgres' } : {};
}

/** Starts a service that this repository has the image of. */
function startOwn(service: Service, dockerfile: string): PodProcess {
  const image = images[dockerfile];
  const env = environmentOf(service);
  if (image !== undefined) return pod.startImage(image, undefined, { env });
  const command = [...instruction(dockerfile, /^ENTRYPOINT (.*)$/m), ...instruction(dockerfile, /^CMD (\[.*\])$/m)];
  const health = { IAM_BOOTSTRAP_HEALTH: '0.0.0.0:8080' };
  const folder = dockerfile === 'Dockerfile' ? ROOT : join(ROOT, 'sandbox');
  return pod.start(['sh', '-c', 'cd "$1" && shift && exec "$@"', 'sh', folder, ...command], {
    env: { ...programs, ...health, ...env },
  });
}

function dockerfileOf({ build }: Service): string | undefined {
  return build === undefined ? undefined : (build.dockerfile ?? 'Dockerfile');
}

/** Runs the health check of the compose file, or else of the image. */
function checkHealth(service: Service): ReturnType<Pod['run']> {
  const dockerfile = dockerfileOf(service) ?? '';
  const image = images[dockerfile];
  const [kind, ...command] = service.healthcheck?.test ?? [
    'CMD',
    ...instruction(dockerfile, /^HEALTHCHECK .*CMD (\[.*\])$/m),
  ];
  expect(kind).toBe('CMD');
  if (image !== undefined) return pod.run(image, command);
  return pod.runProgram(command, { env: programs });
}

/** Starts a service, and waits until others may start that wait for it. */
async function startService(name: string): Promise<void> {
  const service = services[name];
  if (service === undefined) throw new Error(`there is no service ${name}`);
  const dockerfile = dockerfileOf(service);
  if (isOneShot(name)) {
    const env = { ...programs, ...environmentOf(service) };
    const { code, output } = await pod.runProgram(commandOf(service), { env });
    expect([name, code, output]).toEqual([name, 0, output]);
    return;
  }
  const started = dockerfile === undefined ? OF_OTHERS[name]?.(service) : startOwn(service, dockerfile);
  if (started === undefined) throw new Error(`it is not known what the image of ${name} does`);
  running.set(name, started);
  await pod.untilHealthy(name, () => checkHealth(service), started);
}

function isOneShot(name: string): boolean {
  return Object.values(services).some(
    ({ depends_on }) => depends_on?.[name]?.condition === 'service_completed_successfully',
  );
}

/** Starts every service once those that it waits for are healthy or done. Returns the order. */
async function up(): Promise<string[]> {
  const ready: string[] = [];
  while (ready.length < STARTED.length) {
    const next = STARTED.filter((name) => !ready.includes(name)).filter((name) =>
      Object.keys(services[name]?.depends_on ?? {}).every((other) => ready.includes(other)),
    );
    if (next.length === 0) throw new Error(`nothing can start after ${ready.join(', ')}`);
    await Promise.all(next.map(startService));
    ready.push(...next);
  }
  return ready;
}

/** Runs the command line with the environment of the worker. */
async function cli(...args: readonly string[]): Promise<{ readonly code: number | null; readonly stdout: string }> {
  const env = { ...programs, HOME: directory, ...environmentOf(services['worker-sandbox'] ?? {}) };
  return pod.runProgram(['node', join(ROOT, 'dist/cli/main.js'), ...args], { env });
}

here(`the compose file with --profile sandbox (${missing ?? "Temporal's own server"})`, () => {
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'iam-bootstrap-compose-'));
    chmodSync(directory, 0o755);
    programs = await collectPrograms();
    pod = await startPod(Object.keys(services));
  });
  afterAll(async () => {
    await pod.stop();
    rmSync(directory, { recursive: true, maxRetries: 5 });
  });

  test('starts every service in its order, each with its health check', async () => {
    const order = ['postgresql', 'iam-sandbox', 'temporal-schema', 'temporal', 'temporal-setup', 'worker-sandbox'];
    expect(await up()).toEqual(order);
  });

  test('converges a manifest', async () => {
    const policy = { kind: 'Policy', policyName: 'compose', policyDocument: allowing('s3:GetObject') };
    const manifest = manifestOf({ namespace: 'compose', account: ACCOUNT, entities: [role('compose'), policy] });
    writeFileSync(join(directory, 'manifest.json'), JSON.stringify(manifest));
    const apply = ['apply', '-f', join(directory, 'manifest.json'), '-o', 'json'];
    const { code, stdout } = await cli(...apply);
    expect([code, (JSON.parse(stdout) as Report).summary]).toEqual([0, expect.objectContaining({ created: 2 })]);
  });

  test('stops on SIGTERM, and keeps its runs when it starts again: the one-shots change nothing', async () => {
    // In the opposite order, as Docker does.
    for (const name of ['worker-sandbox', 'temporal', 'iam-sandbox', 'postgresql']) {
      expect([name, await running.get(name)?.stop()]).toEqual([name, 0]);
    }
    await up();
    const { code, stdout } = await cli('status', '--account', ACCOUNT, '--namespace', 'compose');
    // Temporal's server takes some seconds to know new search attributes. A run from before has no outcome in the list.
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^(converged|completed) .* compose /m)]);
  });
});
