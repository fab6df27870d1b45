import { once } from 'node:events';
import { mkdtempSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Http2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { NativeConnection } from '@temporalio/worker';
import { loadConfig } from '../../../src/config/config.js';
import type { ConnectionCertificate } from '../../../src/contract/certificate.js';
import { ConfigError } from '../../../src/contract/user-facing-error.js';
import { createLogger } from '../../../src/observability/logging.js';
import { CredentialsReporter } from '../../../src/observability/credentials.js';
import { Renewal } from '../../../src/temporal/renewal.js';
import { temporalSettings } from '../../../src/temporal/settings.js';

/** Files of a connection's credentials that change while a worker runs, as Kubernetes changes them: by a link. */

let folder: string;
let version = 0;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'iam-bootstrap-renewal-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** Mounts a file, or replaces it. */
function mount(name: string, content: string): string {
  const target = `..version-${String((version += 1))}`;
  mkdirSync(join(folder, target));
  writeFileSync(join(folder, target, name), content);
  symlinkSync(target, join(folder, '..new'));
  renameSync(join(folder, '..new'), join(folder, '..data'));
  return join(folder, '..data', name);
}

/** Follows the credentials in these variables, and returns what it does. */
function follow(
  variables: Readonly<Record<string, string>>,
  connection = { setApiKey: (key: string) => Promise.resolve(void happened.push(`key ${key}`)) },
): { readonly renewal: Renewal; readonly happened: string[]; refuses: Error | undefined } {
  const readConfig = (): ReturnType<typeof loadConfig> => loadConfig({ HOME: folder, ...variables });
  const state: { renewal: Renewal; happened: string[]; refuses: Error | undefined } = {
    happened,
    refuses: undefined,
    renewal: new Renewal(readConfig, temporalSettings(readConfig()), {
      connection,
      observer: {
        inUse: () => undefined,
        apiKeyReplaced: () => happened.push('replaced'),
        unusable: ({ message }) => happened.push(`unusable: ${message}`),
        certificatesRenewed: () => happened.push('renewed'),
      },
      tryConnection: () => {
        happened.push('tried');
        return state.refuses === undefined ? Promise.resolve() : Promise.reject(state.refuses);
      },
      onRenewal: () => happened.push('restart'),
    }),
  };
  return state;
}

let happened: string[];

beforeEach(() => {
  happened = [];
});

const [FIRST = '', SECOND = '', THIRD = ''] = rootCertificates;

test.each(['TEMPORAL_TLS_SERVER_CA_CERT_PATH', 'NODE_EXTRA_CA_CERTS'])(
  'a renewed file of %s has the worker restart once, after Temporal was tried with it',
  async (variable) => {
    const path = mount('ca.crt', FIRST);
    const { renewal } = follow({ [variable]: path, TEMPORAL_TLS: 'true' });
    await renewal.check();
    mount('ca.crt', FIRST);
    await renewal.check();
    expect(happened).toEqual([]);
    mount('ca.crt', SECOND);
    await renewal.check();
    await renewal.check();
    expect(happened).toEqual(['tried', 'renewed', 'restart']);
  },
);

test('a renewed file that cannot be used, or that Temporal refuses, is reported once and changes nothing', async () => {
  const followed = follow({ TEMPORAL_TLS_SERVER_CA_CERT_PATH: mount('ca.crt', FIRST) });
  const { renewal } = followed;
  mount('ca.crt', 'nothing');
  await renewal.check();
  await renewal.check();
  expect(happened).toEqual([expect.stringMatching(/^unusable: the CA .* no certificate in PEM format/)]);
  followed.refuses = new ConfigError('the certificate of Temporal is not trusted', '');
  mount('ca.crt', SECOND);
  await renewal.check();
  await renewal.check();
  expect(happened.slice(1)).toEqual(['tried', 'unusable: the certificate of Temporal is not trusted', 'tried']);
  followed.refuses = undefined;
  mount('ca.crt', THIRD);
  await renewal.check();
  expect(happened.slice(4)).toEqual(['tried', 'renewed', 'restart']);
});

describe('a renewed file of the API key', () => {
  let server: Http2Server;
  let keys: (string | undefined)[];

  beforeEach(async () => {
    keys = [];
    // Answers every call with an empty message, which is enough for a connection.
    server = createServer().on('stream', (stream, headers) => {
      keys.push(headers.authorization);
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => {
        stream.sendTrailers({ 'grpc-status': '0' });
      });
      stream.end(Buffer.alloc(5));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });

  afterEach(() => {
    server.close();
  });

  test('is sent by the same connection, without a restart', async () => {
    const address = `127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    const path = mount('key', 'first\n');
    const variables = { IAM_BOOTSTRAP_TEMPORAL_API_KEY_FILE: path, TEMPORAL_TLS: 'false' };
    const { connectionOptions } = temporalSettings(loadConfig({ HOME: folder, ...variables }));
    const connection = await NativeConnection.connect({ ...connectionOptions, address });
    try {
      const { renewal } = follow(variables, connection as never);
      await renewal.check();
      mount('key', 'second\n');
      await renewal.check();
      await renewal.check();
      expect(happened).toEqual(['replaced']);
      await connection.workflowService.getSystemInfo({}).catch(() => undefined);
      expect(new Set(keys)).toEqual(new Set(['Bearer first', 'Bearer second']));
      expect(keys.at(-1)).toBe('Bearer second');
      mount('key', '');
      await renewal.check();
      expect(happened.at(-1)).toMatch(/^unusable: IAM_BOOTSTRAP_TEMPORAL_API_KEY_FILE: .* is empty$/);
    } finally {
      await connection.close();
    }
  });
});

test('certificates in use are shown by their dates, and a change of their state is logged once', () => {
  const lines: { level: number; msg: string }[] = [];
  const log = createLogger('info', { write: (line) => lines.push(JSON.parse(line) as { level: number; msg: string }) });
  const shown: string[] = [];
  const gauge = (name: string): { set(value: number, labels: object): void } => ({
    set: (value, labels) => shown.push(`${name} ${JSON.stringify(labels)} ${String(value)}`),
  });
  const reporter = new CredentialsReporter(log, { createGauge: gauge } as never);
  const client: ConnectionCertificate = { role: 'client', notBefore: new Date(1_000), notAfter: new Date(2_000) };
  for (const state of ['not yet valid', 'valid', 'expiring', 'expiring', 'expired', 'expired'] as const) {
    reporter.inUse([{ ...client, state }]);
  }
  expect(lines.map(({ level, msg }) => [level, msg])).toEqual([
    [50, "The worker's client certificate for Temporal is not yet valid: correct the clock, or the certificate"],
    [40, expect.stringContaining("The worker's client certificate for Temporal is about to expire. Renew it")],
    [50, expect.stringContaining("The worker's client certificate for Temporal is expired. Renew it")],
  ]);
  const prefix = 'iam_bootstrap_temporal_certificate';
  expect(shown.slice(0, 2)).toEqual([
    `${prefix}_not_before_timestamp_seconds {"certificate":"client"} 1`,
    `${prefix}_not_after_timestamp_seconds {"certificate":"client"} 2`,
  ]);
});
