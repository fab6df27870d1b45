import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { copyFile, mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { loadConfig } from '../../src/config/config.js';
import { SEARCH_ATTRIBUTES } from '../../src/contract/search-attributes.js';
import { freePort } from '../../src/embedded/ports.js';
import { findTemporalCli } from '../../src/embedded/temporal-cli.js';
import { startTemporalServer } from '../../src/embedded/temporal-server.js';
import { type ConnectProxy, startConnectProxy } from '../support/connect-proxy.js';
import { manifestOf, role } from '../support/manifests-of.js';
import { makePrivateCa, startTlsFront, type TlsFront } from '../support/tls-front.js';
import { useWorld, world } from '../support/use-world.js';
import { ACCOUNT, type CommandResult } from '../support/world.js';

/** Client and worker behind a proxy, before a server with TLS, and a worker that cannot start. */

/** Names that only the proxy knows. */
const TEMPORAL = 'temporal.example.com:7233';
const TEMPORAL_MTLS = 'temporal.example.com:7234';
const AWS = 'http://aws.example.com';

let proxy: ConnectProxy;
let front: TlsFront;
let mutualFront: TlsFront;

afterAll(() => {
  proxy.stop();
  front.stop();
  mutualFront.stop();
});

useWorld({ worker: false });

const portOf = (url: string): number => Number(url.split(':').at(-1));
const file = (name: string): string => join(world.directory, name);

beforeAll(async () => {
  await makePrivateCa(world.directory, 'temporal.example.com');
  const temporal = portOf(world.temporal.address);
  front = await startTlsFront(world.directory, temporal);
  mutualFront = await startTlsFront(world.directory, temporal, { mutual: true });
  proxy = await startConnectProxy({
    [TEMPORAL]: temporal,
    [TEMPORAL_MTLS]: mutualFront.port,
    'aws.example.com:80': portOf(world.proxy.url),
  });
});

type Variables = Readonly<Record<string, string>>;

/** Applies a role with a worker and a client that both have these variables only. */
async function apply(
  namespace: string,
  env: Variables,
  partition = 'aws',
  more: readonly string[] = [],
): Promise<CommandResult> {
  const worker = await world.startWorker({ ...env, IAM_BOOTSTRAP_TASK_QUEUE: namespace });
  const manifest = manifestOf({ namespace, account: ACCOUNT, entities: [role(namespace)] });
  const environments = { only: { account: ACCOUNT, partition } };
  const path = await world.manifest(`${namespace}.json`, { ...manifest, environments });
  const args = ['apply', '-f', path, '--output', 'json', ...more];
  const result = await world.cli(args, { ...env, IAM_BOOTSTRAP_TASK_QUEUE: namespace });
  await worker.stop();
  expect((await worker.exited) as unknown[]).toEqual([0, null]);
  return result;
}

/** Returns the hosts that the proxy was asked for since. */
function askedSince(before: number): string[] {
  return [...new Set(proxy.targets.slice(before))].sort();
}

test('client and worker reach Temporal and AWS through an HTTP proxy, but for the hosts that NO_PROXY names', async () => {
  const aws = { AWS_ENDPOINT_URL_IAM: AWS, AWS_ENDPOINT_URL_STS: AWS };
  const before = proxy.targets.length;
  const proxied = await apply('proxied', {
    ...aws,
    TEMPORAL_ADDRESS: TEMPORAL,
    HTTPS_PROXY: proxy.url,
    HTTP_PROXY: proxy.url,
  });
  expect([proxied.code, proxied.report().result]).toEqual([0, 'converged']);
  expect(askedSince(before)).toEqual(['aws.example.com:80', TEMPORAL]);
  for (const variable of ['NO_PROXY', 'no_proxy']) {
    const after = proxy.targets.length;
    // The name is known to the proxy alone, so a command that does not use it finds no server.
    const path = await world.manifest(
      'excluded.json',
      manifestOf({ namespace: 'excluded', account: ACCOUNT, entities: [] }),
    );
    const env = { TEMPORAL_ADDRESS: TEMPORAL, https_proxy: proxy.url, [variable]: 'example.com' };
    expect((await world.cli(['plan', '-f', path], env)).code).toBe(4);
    expect(askedSince(after)).toEqual([]);
  }
});

test('a private CA is trusted with NODE_EXTRA_CA_CERTS, and a server of this machine is not reached through the proxy', async () => {
  const before = proxy.targets.length;
  const { code } = await apply('extra-ca', {
    TEMPORAL_ADDRESS: `localhost:${String(front.port)}`,
    TEMPORAL_TLS: 'true',
    NODE_EXTRA_CA_CERTS: file('ca.pem'),
    HTTPS_PROXY: proxy.url,
  });
  expect(code).toBe(0);
  expect(askedSince(before)).toEqual([]);
});

test('TEMPORAL_TLS_SERVER_CA_CERT_PATH and a client certificate work through the proxy', async () => {
  const before = proxy.targets.length;
  const { code } = await apply('mutual', {
    TEMPORAL_ADDRESS: TEMPORAL_MTLS,
    TEMPORAL_TLS_SERVER_CA_CERT_PATH: file('ca.pem'),
    TEMPORAL_TLS_CLIENT_CERT_PATH: file('client.pem'),
    TEMPORAL_TLS_CLIENT_KEY_PATH: file('client.key'),
    grpc_proxy: proxy.url,
  });
  expect(code).toBe(0);
  expect(askedSince(before)).toEqual([TEMPORAL_MTLS]);
});

test('a worker goes on with its certificate until a renewed one works, and then exits with 4 to be started again', async () => {
  const mounted = (name: string): string => join(world.directory, 'mounted', '..data', name);
  let versions = 0;
  /** Mounts a certificate and a key as Kubernetes does: by a link that is exchanged. */
  const mount = async (certificate: string, key: string): Promise<void> => {
    const folder = join(world.directory, 'mounted');
    const version = `..version-${String((versions += 1))}`;
    await mkdir(join(folder, version), { recursive: true });
    await copyFile(file(certificate), join(folder, version, 'tls.crt'));
    await copyFile(file(key), join(folder, version, 'tls.key'));
    await symlink(version, join(folder, '..new'));
    await rename(join(folder, '..new'), join(folder, '..data'));
  };
  await mount('client.pem', 'client.key');
  const env = {
    TEMPORAL_ADDRESS: `localhost:${String(mutualFront.port)}`,
    TEMPORAL_TLS_SERVER_CA_CERT_PATH: file('ca.pem'),
    TEMPORAL_TLS_CLIENT_CERT_PATH: mounted('tls.crt'),
    TEMPORAL_TLS_CLIENT_KEY_PATH: mounted('tls.key'),
  };
  const worker = world.spawnCli(['worker'], {
    ...env,
    IAM_BOOTSTRAP_TASK_QUEUE: 'renewed',
    IAM_BOOTSTRAP_LOG: 'info',
    IAM_BOOTSTRAP_HEALTH: `127.0.0.1:${String(await freePort())}`,
  });
  const ended = once(worker, 'exit');
  let log = '';
  const logged = async (text: string): Promise<void> => {
    while (!log.includes(text)) {
      if (worker.exitCode !== null) throw new Error(log);
      await Promise.race([once(worker.stderr ?? worker, 'data'), ended]);
    }
  };
  worker.stderr?.on('data', (chunk: Buffer) => (log += chunk.toString()));
  await logged('No guardrails');
  await mount('renewed-client.pem', 'client.key');
  await logged('New credentials for Temporal cannot be used');
  expect(log).toMatch(/client certificate and key .* cannot be used/);
  expect(worker.exitCode).toBeNull();
  await mount('renewed-client.pem', 'renewed-client.key');
  expect(await ended).toEqual([4, null]);
  expect(log).toContain('The certificates for Temporal were renewed');
  expect((await apply('renewed', env)).code).toBe(0);
});

test('a worker asks the partition that the manifest names, and no other', async () => {
  const none = { AWS_ENDPOINT_URL_IAM: '', AWS_ENDPOINT_URL_STS: '' };
  const before = proxy.targets.length;
  const { code } = await apply('secret', { ...none, HTTPS_PROXY: proxy.url }, 'aws-iso-f', ['--timeout', '3s']);
  expect(code).toBe(4);
  expect(askedSince(before)).toEqual(['sts.us-isof-south-1.csp.hci.ic.gov:443']);
});

describe('a worker with health endpoints, while its server does not answer', () => {
  const statusOf = (address: string, path: string): Promise<number> =>
    fetch(`http://${address}${path}`).then(
      ({ status }) => status,
      () => 0,
    );

  /** Starts a worker, and waits until it has found no server. */
  async function startWaiting(): Promise<{
    worker: ChildProcess;
    ended: Promise<unknown[]>;
    health: string;
    port: number;
  }> {
    const [healthPort, port] = [await freePort(), await freePort()];
    const health = `127.0.0.1:${String(healthPort)}`;
    const worker = world.spawnCli(['worker'], {
      TEMPORAL_ADDRESS: `127.0.0.1:${String(port)}`,
      IAM_BOOTSTRAP_HEALTH: health,
    });
    const ended = once(worker, 'exit');
    let log = '';
    await new Promise<void>((resolve, reject) => {
      worker.stderr?.on('data', (chunk: Buffer) => {
        log += chunk.toString();
        if (log.includes('Not connected to Temporal, trying again')) resolve();
      });
      void ended.then(() => {
        reject(new Error(log));
      });
    });
    return { worker, ended, health, port };
  }

  test('lives, is not ready, and becomes ready once the server runs', async () => {
    const { worker, ended, health, port } = await startWaiting();
    expect([await statusOf(health, '/livez'), await statusOf(health, '/readyz')]).toEqual([200, 503]);
    const { cacheDirectory, environment, temporalCli } = loadConfig();
    const cli = await findTemporalCli({ cacheDirectory, environment, path: temporalCli });
    const server = await startTemporalServer({
      cli: cli.path,
      searchAttributes: SEARCH_ATTRIBUTES,
      logFile: file('late-server.log'),
      headless: true,
      port,
    });
    try {
      while (worker.exitCode === null && (await statusOf(health, '/readyz')) !== 200) await pause(100);
      worker.kill('SIGTERM');
      expect(await ended).toEqual([0, null]);
    } finally {
      worker.kill('SIGKILL');
      await server.stop();
    }
  });

  test('ends when it is asked to', async () => {
    const { worker, ended } = await startWaiting();
    worker.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  });

  test('ends at once on a mistake in its settings', async () => {
    const { code, stderr } = await world.cli(['worker'], {
      IAM_BOOTSTRAP_HEALTH: `127.0.0.1:${String(await freePort())}`,
      TEMPORAL_NAMESPACE: 'none',
    });
    expect([code, stderr]).toEqual([64, expect.stringMatching(/no namespace none/)]);
  });
});

describe('a worker that cannot start ends with a code and a sentence', () => {
  async function start(env: Variables): Promise<CommandResult> {
    return world.cli(['worker'], { IAM_BOOTSTRAP_LOG: 'error', ...env });
  }

  const tls = (): Variables => ({
    TEMPORAL_ADDRESS: `localhost:${String(mutualFront.port)}`,
    TEMPORAL_TLS_SERVER_CA_CERT_PATH: file('ca.pem'),
  });

  test.each<[string, () => Variables | Promise<Variables>, number, RegExp]>([
    ['a namespace that does not exist', () => ({ TEMPORAL_NAMESPACE: 'none' }), 64, /no namespace none/],
    ['no server', () => ({ TEMPORAL_ADDRESS: '127.0.0.1:1' }), 4, /no Temporal server answers at 127\.0\.0\.1:1/],
    [
      'a CA that the server is not of',
      () => ({ ...tls(), TEMPORAL_TLS_SERVER_CA_CERT_PATH: file('client.pem') }),
      64,
      /is not trusted/,
    ],
    ['no client certificate', tls, 64, /refuses the TLS connection|certificate required/],
    [
      'a client certificate with the key of another',
      () => ({
        ...tls(),
        TEMPORAL_TLS_CLIENT_CERT_PATH: file('client.pem'),
        TEMPORAL_TLS_CLIENT_KEY_PATH: file('ca.key'),
      }),
      64,
      /client certificate and key .* cannot be used/,
    ],
    [
      'a broken certificate',
      async () => {
        await writeFile(file('broken.pem'), 'not a certificate');
        return { ...tls(), TEMPORAL_TLS_SERVER_CA_CERT_PATH: file('broken.pem') };
      },
      64,
      /CA for the connection to Temporal/,
    ],
    ['an address of health that is none', () => ({ IAM_BOOTSTRAP_HEALTH: 'here' }), 64, /IAM_BOOTSTRAP_HEALTH=here/],
  ])('%s', async (_title, env, expected, message) => {
    const { code, stderr } = await start(await env());
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^remedy: /m);
    expect(stderr).not.toContain('report it');
    expect(code).toBe(expected);
  });

  test('a port for health that is taken', async () => {
    const taken = createServer();
    taken.listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const address = `127.0.0.1:${String((taken.address() as AddressInfo).port)}`;
    const { code, stderr } = await start({ IAM_BOOTSTRAP_HEALTH: address });
    taken.close();
    expect(stderr).toMatch(new RegExp(`^error: cannot serve health at IAM_BOOTSTRAP_HEALTH=${address}: .*EADDRINUSE`));
    expect(code).toBe(64);
  });
});
