import { rootCertificates } from 'node:tls';
import type { NativeConnectionOptions, TLSConfig } from '@temporalio/worker';
import type { Config } from '../config/config.js';
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
    /^\w+:\/\//.test(address)
      ? `set TEMPORAL_ADDRESS without ${/^\w+:\/\//.exec(address)?.[0] ?? ''}; TEMPORAL_TLS=true switches TLS on`
      : 'set TEMPORAL_ADDRESS to temporal.example.com:7233, for example',
  );
}

function loadSettings({
  environment,
}: Config): ReturnType<typeof import('@temporalio/envconfig').loadClientConnectConfig> {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- loaded only by commands that connect
  const { loadClientConnectConfig } = require('@temporalio/envconfig') as typeof import('@temporalio/envconfig');
  const overrideEnvVars = Object.fromEntries(
    Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  try {
    return loadClientConnectConfig({ overrideEnvVars });
  } catch (error) {
    throw new ConfigError(
      `the connection to Temporal is not configured correctly: ${error instanceof Error ? error.message : String(error)}`,
      'correct the TEMPORAL_* variables, or the profile in the file that TEMPORAL_CONFIG_FILE names',
      { cause: error },
    );
  }
}
