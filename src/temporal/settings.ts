import { readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { createSecureContext, rootCertificates } from 'node:tls';
import type { ClientConfigProfile, ClientConnectConfig } from '@temporalio/envconfig';
import type { NativeConnectionOptions, TLSConfig } from '@temporalio/worker';
import type { Config } from '../config/config.js';
import type { NamedSetting } from '../contract/setting.js';
import { ConfigError } from '../contract/user-facing-error.js';

/** The address of a server where the configuration names none: the default of Temporal's packages. */
export const DEFAULT_ADDRESS = 'localhost:7233';

/** The connection that the configuration describes, for clients and for workers. */
export interface ConnectionSettings {
  /** Always has an address, with a port. */
  readonly connectionOptions: NativeConnectionOptions & { readonly address: string };
  readonly namespace: string;
  /** True where TLS is used: it is configured, or an API key is. */
  readonly usesTls: boolean;
}

/**
 * Reads the connection from the `TEMPORAL_*` variables and profiles, or takes the address of an embedded server.
 *
 * @throws ConfigError
 */
export function temporalSettings(config: Config, embeddedAddress?: string): ConnectionSettings {
  const { connectionOptions, namespace = 'default' } = loadSettings(config);
  if (embeddedAddress !== undefined) {
    return { connectionOptions: { address: embeddedAddress }, namespace: 'default', usesTls: false };
  }
  const { apiKey } = connectionOptions;
  if (typeof apiKey === 'string' && !/^[\x21-\x7e]+$/.test(apiKey)) {
    throw new ConfigError(
      'the API key of Temporal contains a line break, a space or another character that a header cannot have',
      'set TEMPORAL_API_KEY to the key alone, for example with $(tr -d "\\n" <FILE)',
    );
  }
  const address = normalizeAddress(connectionOptions.address ?? DEFAULT_ADDRESS);
  checkCertificates(connectionOptions.tls);
  const usesTls = isTlsOn(connectionOptions.tls) || (connectionOptions.tls === undefined && apiKey !== undefined);
  return {
    connectionOptions: {
      ...connectionOptions,
      address,
      ...(usesTls ? { tls: withExtraCa(connectionOptions.tls, config) } : {}),
    },
    namespace,
    usesTls,
  };
}

/** Checks that certificates and key can be read and belong together: gRPC would report a server that is away. */
function checkCertificates(tls: NativeConnectionOptions['tls']): void {
  if (typeof tls !== 'object' || tls === null) return;
  const { serverRootCACertificate: ca, clientCertPair: pair } = tls;
  const check = (what: string, variables: string, options: Parameters<typeof createSecureContext>[0]): void => {
    try {
      createSecureContext(options);
    } catch (error) {
      throw new ConfigError(
        `the ${what} for the connection to Temporal cannot be used: ${(error as Error).message}`,
        `set ${variables} to files in PEM format`,
        { cause: error },
      );
    }
  };
  if (pair !== undefined) {
    const variables = 'TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH';
    check('client certificate and key', variables, { cert: Buffer.from(pair.crt), key: Buffer.from(pair.key) });
  }
  if (ca == null) return;
  check('CA', 'TEMPORAL_TLS_SERVER_CA_CERT_PATH', { ca: Buffer.from(ca) });
  if (!Buffer.from(ca).includes('-----BEGIN CERTIFICATE-----')) {
    throw new ConfigError(
      'the CA for the connection to Temporal has no certificate in PEM format',
      'set TEMPORAL_TLS_SERVER_CA_CERT_PATH to a file in PEM format',
    );
  }
}

function isTlsOn(tls: NativeConnectionOptions['tls']): boolean {
  return tls === true || (typeof tls === 'object' && tls !== null);
}

/** Adds the authorities of NODE_EXTRA_CA_CERTS, which the worker's library does not read. */
function withExtraCa(tls: NativeConnectionOptions['tls'], { network }: Config): TLSConfig {
  const options = typeof tls === 'object' && tls !== null ? tls : {};
  if (network.extraCa === undefined || options.serverRootCACertificate !== undefined) return options;
  return { ...options, serverRootCACertificate: Buffer.from([...rootCertificates, network.extraCa.pem].join('\n')) };
}

function normalizeAddress(address: string): string {
  const [, host, port = '7233'] = /^(\[[\da-f:.]+\]|[^\s:/@]+)(?::(\d{1,5}))?$/i.exec(address) ?? [];
  if (host !== undefined && Number(port) > 0 && Number(port) < 65_536) return `${host}:${port}`;
  throw new ConfigError(
    `${address} is not an address of a Temporal server; expected host:port`,
    `set TEMPORAL_ADDRESS ${addressRemedy(address)}`,
  );
}

function addressRemedy(address: string): string {
  const scheme = /^\w+:\/\//.exec(address)?.[0];
  if (scheme !== undefined) return `without ${scheme}; TEMPORAL_TLS=true switches TLS on`;
  return isIPv6(address)
    ? `to [${address}]:7233: an IPv6 address is written in brackets`
    : 'to temporal.example.com:7233, for example';
}

function loadSettings({ environment }: Config): ClientConnectConfig {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- loaded only by commands that connect
  const envconfig = require('@temporalio/envconfig') as typeof import('@temporalio/envconfig');
  const overrideEnvVars = Object.fromEntries(
    Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  checkSwitch(environment);
  const apiKey = readApiKeyFile(environment);
  if (apiKey !== undefined) overrideEnvVars['TEMPORAL_API_KEY'] = apiKey;
  try {
    const profile = envconfig.loadClientConfigProfile({ overrideEnvVars });
    checkFiles(profile, environment);
    return envconfig.toClientOptions(profile);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(
      `the connection to Temporal is not configured correctly: ${error instanceof Error ? error.message : String(error)}`,
      'correct the TEMPORAL_* variables, or the profile in the file that TEMPORAL_CONFIG_FILE names',
      { cause: error },
    );
  }
}

const API_KEY_FILE = 'IAM_BOOTSTRAP_TEMPORAL_API_KEY_FILE';

/** Reads the file of the API key, without the line break at its end. Temporal's packages read no such file. */
function readApiKeyFile(environment: Config['environment']): string | undefined {
  const path = environment[API_KEY_FILE];
  if (path === undefined) return undefined;
  const mistake = (problem: string, remedy: string, cause?: unknown): ConfigError =>
    new ConfigError(`${API_KEY_FILE}${problem}`, remedy, { cause });
  if (environment['TEMPORAL_API_KEY'] !== undefined) {
    throw mistake(' and TEMPORAL_API_KEY are both set', 'unset one of them');
  }
  try {
    const key = readFileSync(path, 'utf8').trim();
    if (key !== '') return key;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const problem = code === 'EISDIR' ? `${path} is a folder` : message;
    throw mistake(`: ${problem}`, 'name a file with the API key alone', error);
  }
  throw mistake(`: ${path} is empty`, 'name a file with the API key alone');
}

/** Checks the switch of TLS: Temporal's packages take every other text for `false`. */
function checkSwitch({ TEMPORAL_TLS: text }: Config['environment']): void {
  if (text === undefined || /^(true|false|1|0)$/.test(text)) return;
  throw new ConfigError(
    `TEMPORAL_TLS is ${text}; expected true or false`,
    'set TEMPORAL_TLS to true or false, or unset it',
  );
}

/** Checks that the files of TLS can be read, and that a certificate comes with its key: half a pair counts as none. */
function checkFiles({ tls = {} }: ClientConfigProfile, environment: Config['environment']): void {
  if (tls.disabled === true) return;
  const { serverCACert, clientCert, clientKey } = tls;
  const sourceOf = (part: string): string =>
    [`TEMPORAL_TLS_${part}_PATH`, `TEMPORAL_TLS_${part}_DATA`].find((name) => environment[name] !== undefined) ??
    `${part.toLowerCase()}_path of profile ${environment['TEMPORAL_PROFILE'] ?? 'default'}`;
  const parts = { SERVER_CA_CERT: serverCACert, CLIENT_CERT: clientCert, CLIENT_KEY: clientKey };
  for (const [part, source] of Object.entries(parts)) {
    if (source === undefined || !('path' in source)) continue;
    try {
      readFileSync(source.path);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      throw new ConfigError(
        `${sourceOf(part)}: ${code === 'EISDIR' ? `${source.path} is a folder` : message}`,
        `set TEMPORAL_TLS_${part}_PATH to a file in PEM format`,
        { cause: error },
      );
    }
  }
  if ((clientCert === undefined) === (clientKey === undefined)) return;
  const [set, missing] = clientKey === undefined ? ['CLIENT_CERT', 'CLIENT_KEY'] : ['CLIENT_KEY', 'CLIENT_CERT'];
  throw new ConfigError(
    `${sourceOf(set)} is set without TEMPORAL_TLS_${missing}_PATH: mTLS needs a certificate and its key`,
    `set TEMPORAL_TLS_${missing}_PATH as well, or neither`,
  );
}

/** Variables that configure TLS. The first that is set is named as the source. */
const TLS_VARIABLES = [
  'TEMPORAL_TLS',
  'TEMPORAL_TLS_CLIENT_CERT_PATH',
  'TEMPORAL_TLS_CLIENT_CERT_DATA',
  'TEMPORAL_TLS_SERVER_CA_CERT_PATH',
  'TEMPORAL_TLS_SERVER_CA_CERT_DATA',
  'TEMPORAL_TLS_SERVER_NAME',
  'TEMPORAL_API_KEY',
  API_KEY_FILE,
];

/**
 * Describes the connection, and where each part of it comes from.
 *
 * @throws ConfigError
 */
export function describeTemporalSettings(config: Config): NamedSetting[] {
  const { environment, network } = config;
  const { connectionOptions: loaded, namespace } = loadSettings(config);
  const { connectionOptions, usesTls } = temporalSettings(config);
  const profile = `profile ${environment['TEMPORAL_PROFILE'] ?? 'default'}`;
  const sourceOf = (isConfigured: boolean, ...variables: readonly string[]): string =>
    variables.find((variable) => environment[variable] !== undefined) ?? (isConfigured ? profile : 'default');
  const { address, tls, apiKey } = connectionOptions;
  const hasTlsSettings = loaded.tls !== undefined;
  const settings = [
    { name: 'temporal address', value: address, source: sourceOf(loaded.address !== undefined, 'TEMPORAL_ADDRESS') },
    {
      name: 'temporal namespace',
      value: namespace ?? 'default',
      source: sourceOf(namespace !== undefined, 'TEMPORAL_NAMESPACE'),
    },
    {
      name: 'temporal TLS',
      value: usesTls ? 'on' : 'off',
      source: sourceOf(hasTlsSettings, ...TLS_VARIABLES),
    },
  ];
  if (apiKey !== undefined) {
    settings.push({ name: 'temporal API key', value: 'set', source: sourceOf(true, 'TEMPORAL_API_KEY', API_KEY_FILE) });
  }
  if (usesTls) {
    settings.push(describeCa(loaded.tls, config, sourceOf));
    if (typeof tls === 'object' && tls?.clientCertPair !== undefined) {
      const variables = ['TEMPORAL_TLS_CLIENT_CERT_PATH', 'TEMPORAL_TLS_CLIENT_CERT_DATA'];
      settings.push({ name: 'temporal mTLS', value: 'certificate set', source: sourceOf(true, ...variables) });
    }
  }
  const proxy = network.grpcProxy(address);
  settings.push({ name: 'temporal proxy', value: proxy?.address ?? 'none', source: proxy?.variable ?? 'default' });
  return settings;
}

function describeCa(
  tls: NativeConnectionOptions['tls'],
  { environment, network }: Config,
  sourceOf: (isConfigured: boolean, ...variables: readonly string[]) => string,
): NamedSetting {
  const name = 'temporal CA';
  if (typeof tls === 'object' && tls?.serverRootCACertificate !== undefined) {
    const variables = ['TEMPORAL_TLS_SERVER_CA_CERT_PATH', 'TEMPORAL_TLS_SERVER_CA_CERT_DATA'];
    const value = environment['TEMPORAL_TLS_SERVER_CA_CERT_PATH'] ?? 'certificate set';
    return { name, value, source: sourceOf(true, ...variables) };
  }
  const { extraCa } = network;
  return extraCa === undefined
    ? { name, value: "Node.js's own", source: 'default' }
    : { name, value: `Node.js's own and ${extraCa.path}`, source: extraCa.variable };
}
