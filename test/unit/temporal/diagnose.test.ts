import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { loadConfig } from '../../../src/config/config.js';
import { ConfigError } from '../../../src/contract/user-facing-error.js';
import { tryConnection } from '../../../src/temporal/connect-worker.js';
import { diagnoseConnection, UnreachableError } from '../../../src/temporal/diagnose.js';

/** Of localhost, for January 2025. */
const EXPIRED = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBQDCB6KADAgECAhQD61P3dppNHDvuKD9FOsAqCgwLujAKBggqhkjOPQQDAjAU
MRIwEAYDVQQDDAlsb2NhbGhvc3QwHhcNMjUwMTAxMDAwMDAwWhcNMjUwMjAxMDAw
MDAwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjOPQMB
BwNCAATMUCG0xdBQyc4BvSMaIp2VIo9nSbPvLvssPRSKW+Z+AlQ7bldBL3skwiiC
9siKQ9Kypr2nSb12GlwSlxLV4iHroxgwFjAUBgNVHREEDTALgglsb2NhbGhvc3Qw
CgYIKoZIzj0EAwIDRwAwRAIgBXTvhk0vYjFLBDp4tdzl92ctI3zbBS1YQyzK1fKq
MAwCICSIa5Tm8L10Oy0VWG3POy/uwoRjSLcm21T5+eihJwvQ
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgBv3kM1G8UnzRzfwP
IiWs6RYJ+vK59ZNZZAAnl+mPsa6hRANCAATMUCG0xdBQyc4BvSMaIp2VIo9nSbPv
LvssPRSKW+Z+AlQ7bldBL3skwiiC9siKQ9Kypr2nSb12GlwSlxLV4iHr
-----END PRIVATE KEY-----
`,
};

/** Of localhost, for a hundred years. */
const VALID = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBQzCB6qADAgECAhQmTVMv+Tye+vwhTEXOk8FKpiayWDAKBggqhkjOPQQDAjAU
MRIwEAYDVQQDDAlsb2NhbGhvc3QwIBcNMjUwMTAxMDAwMDAwWhgPMjEyNTAxMDEw
MDAwMDBaMBQxEjAQBgNVBAMMCWxvY2FsaG9zdDBZMBMGByqGSM49AgEGCCqGSM49
AwEHA0IABFRNx4OFGpbUabEObFVOlpkUXdAluRmOo50/KKL4u/HL3NI5ZdV04xLB
GCx1EuEkccghWZsZGHe36pCgX7J3XhWjGDAWMBQGA1UdEQQNMAuCCWxvY2FsaG9z
dDAKBggqhkjOPQQDAgNIADBFAiBulEol/pFxEhbA1P+gBJregVIKdlsDRpHoJh4o
saNWrwIhAJyooLlByZCW2Iu1EEUxLTMAAzXmqK9ZqtDvZ4Iom7xI
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgSEBqu6N0OB0EPiOV
8MEONPJqih0EUhCxOxpMYOAIStKhRANCAARUTceDhRqW1GmxDmxVTpaZFF3QJbkZ
jqOdPyii+Lvxy9zSOWXVdOMSwRgsdRLhJHHIIVmbGRh3t+qQoF+yd14V
-----END PRIVATE KEY-----
`,
};

const config = { ...loadConfig({}), network: { ...loadConfig({}).network, grpcProxy: () => undefined } };

let server: Server | undefined;
let sockets: Socket[] = [];

afterEach(() => {
  server?.close();
  for (const socket of sockets) socket.destroy();
  sockets = [];
});

/** Serves with a server, and returns the settings of a connection to it. */
async function settingsFor(started: Server, tls = {}): Promise<Parameters<typeof diagnoseConnection>[0]> {
  server = started.on('connection', (socket: Socket) => sockets.push(socket.on('error', () => undefined)));
  await new Promise<void>((done) => started.listen(0, '127.0.0.1', done));
  const { port } = started.address() as AddressInfo;
  return { connectionOptions: { address: `localhost:${String(port)}`, tls }, namespace: 'default', usesTls: true };
}

/** Returns what a connection with TLS to a server, which answers the first bytes, fails with. */
async function diagnose(answer: (socket: Socket) => unknown): Promise<ConfigError | UnreachableError> {
  const settings = await settingsFor(createServer((socket) => socket.once('data', () => answer(socket))));
  return diagnoseConnection(settings, config, new Error('transport error'));
}

const bytes = (hex: string) => (socket: Socket) => socket.end(Buffer.from(hex, 'hex'));

describe('a server is away, and is waited for, where it', () => {
  test.each<[string, (socket: Socket) => unknown, RegExp]>([
    ['closes the connection', (socket) => socket.end(), /the TLS handshake failed: .*disconnected/],
    ['resets the connection', (socket) => socket.resetAndDestroy(), /the TLS handshake failed: .*ECONNRESET/],
    ['closes within a record', bytes('1603'), /the TLS handshake failed/],
    ['has an internal error', bytes('15030300020250'), /the TLS handshake failed: .*internal error/],
  ])('%s', async (_title, answer, message) => {
    const error = await diagnose(answer);
    expect(error).toBeInstanceOf(UnreachableError);
    expect(error.message).toMatch(message);
    expect(error.remedy).toMatch(/^start the server/);
  });

  test('takes connections and does not answer, for the trial of renewed certificates as well', async () => {
    const settings = await settingsFor(createServer());
    const error = await tryConnection(config, settings).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UnreachableError);
    expect((error as Error).message).toMatch(/the TLS handshake failed: no answer$/);
  }, 10_000);

  test('has a certificate that has expired: only the server can renew it', async () => {
    const settings = await settingsFor(createTlsServer(EXPIRED), {
      serverRootCACertificate: Buffer.from(EXPIRED.cert),
    });
    const error = await diagnoseConnection(settings, config, new Error('transport error'));
    expect(error).toBeInstanceOf(UnreachableError);
    expect(error.message).toMatch(/its certificate is not valid now: certificate has expired$/);
    expect(error.remedy).toMatch(/^renew the certificate of the server/);
  });
});

describe('the settings are wrong where the server', () => {
  test.each<[string, (socket: Socket) => unknown, RegExp, RegExp]>([
    ['answers in plain text', (socket) => socket.end('HTTP/1.1 400 Bad Request'), /does not speak TLS/, /^unset/],
    // The first frame of HTTP/2.
    ['is Temporal without TLS', bytes('000006040000000000000500004000'), /does not speak TLS/, /^unset/],
    ['asks for a client certificate', bytes('15030300020274'), /refuses the TLS .*certificate required/, /CLIENT_CERT/],
    ['knows no such name', bytes('15030300020270'), /refuses the TLS .*unrecognized name/, /TEMPORAL_TLS_SERVER_NAME/],
    ['speaks no HTTP/2', bytes('15030300020278'), /refuses the TLS .*no application protocol/, /gRPC frontend/],
  ])('%s', async (_title, answer, message, remedy) => {
    const error = await diagnose(answer);
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain('openssl');
    expect(error.remedy).toMatch(remedy);
  });

  test('has a certificate of an authority that is not trusted', async () => {
    const error = await diagnoseConnection(await settingsFor(createTlsServer(VALID)), config, new Error('failed'));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toMatch(/is not trusted: self-signed certificate$/);
  });

  test('has a certificate of another name', async () => {
    const tls = { serverRootCACertificate: Buffer.from(VALID.cert), serverNameOverride: 'temporal.example.com' };
    const settings = await settingsFor(createTlsServer(VALID), tls);
    const error = await diagnoseConnection(settings, config, new Error('failed'));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toMatch(/is not trusted: .*temporal\.example\.com/);
  });
});
