import { readFileSync } from 'node:fs';
import { BlockList, isIP, isIPv4 } from 'node:net';
import type { Setting } from '../contract/setting.js';
import { ConfigError } from '../contract/user-facing-error.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** An HTTP proxy, and the variable that names it. */
export interface Proxy {
  readonly variable: string;
  readonly url: URL;
  /** Its address, with a port. */
  readonly address: string;
  /** The name and the password in its URL. */
  readonly credentials: { readonly username: string; readonly password: string } | undefined;
}

/** Proxies and certificates of the process. Hosts of this machine are never reached through a proxy. */
export interface Network {
  /** Returns the proxy for calls to a service of AWS. Undefined where there is none. */
  readonly httpProxy: (protocol: 'http:' | 'https:', host: string, port: number) => Proxy | undefined;
  /** Returns the proxy for gRPC, at an address as `host:port`. Undefined where there is none. */
  readonly grpcProxy: (address: string) => Proxy | undefined;
  /** Certificates of further authorities to trust. */
  readonly extraCa: CaFile | undefined;
  /** Certificates of the authorities to trust in calls to AWS, instead of the usual ones. */
  readonly awsCa: CaFile | undefined;
  /** Lists of hosts that are reached without a proxy. */
  readonly exclusions: readonly Setting[];
}

/** Certificates in PEM format, with their file and the variable that names it. */
interface CaFile {
  readonly variable: string;
  readonly path: string;
  readonly pem: string;
}

/**
 * Reads the network settings. Names of proxy variables count in lower case, then in upper case, as in curl and Go.
 *
 * @throws ConfigError
 */
export function readNetwork(environment: Environment): Network {
  const read = (...names: readonly string[]): [variable: string, value: string] | undefined => {
    const variable = names
      .flatMap((name) => [name, name.toUpperCase()])
      .find((name) => environment[name] !== undefined && environment[name] !== '');
    return variable === undefined ? undefined : [variable, environment[variable] ?? ''];
  };
  const proxyOf = (...names: readonly string[]): Proxy | undefined => {
    const found = read(...names);
    return found === undefined ? undefined : parseProxy(...found);
  };
  const http = { 'http:': proxyOf('http_proxy'), 'https:': proxyOf('https_proxy') };
  const grpc = proxyOf('grpc_proxy', 'https_proxy', 'http_proxy');
  const [noProxy, noGrpcProxy] = [read('no_proxy'), read('no_grpc_proxy')];
  const isExcluded = matcherOf(noProxy?.[1]);
  const isGrpcExcluded = matcherOf((noGrpcProxy ?? noProxy)?.[1]);
  return {
    httpProxy: (protocol, host, port) => (isExcluded(host, port) ? undefined : http[protocol]),
    grpcProxy: (address) => {
      const { hostname, port } = new URL(`http://${address}`);
      return grpc === undefined || isGrpcExcluded(hostname, Number(port)) ? undefined : requireHttp(grpc);
    },
    extraCa: readPem(environment, 'NODE_EXTRA_CA_CERTS'),
    awsCa: readPem(environment, 'AWS_CA_BUNDLE'),
    exclusions: [noProxy, noGrpcProxy].flatMap((list) =>
      list === undefined ? [] : [{ value: list[1], source: list[0] }],
    ),
  };
}

function parseProxy(variable: string, value: string): Proxy {
  const text = value.includes('://') ? value : `http://${value}`;
  if (URL.canParse(text)) {
    const url = new URL(text);
    if ((url.protocol === 'http:' || url.protocol === 'https:') && url.hostname !== '') {
      const { hostname, port } = url;
      return {
        variable,
        url,
        address: `${hostname}:${port === '' ? (url.protocol === 'https:' ? '443' : '80') : port}`,
        credentials: credentialsOf(variable, url),
      };
    }
  }
  throw new ConfigError(
    `${variable} does not name an HTTP proxy`,
    `set ${variable} to http://proxy.example.com:3128, for example, or unset it`,
  );
}

function credentialsOf(variable: string, { username, password }: URL): Proxy['credentials'] {
  if (username === '') return undefined;
  try {
    return { username: decodeURIComponent(username), password: decodeURIComponent(password) };
  } catch {
    throw new ConfigError(
      `the name or the password of the proxy in ${variable} has a % that is not followed by the code of a character`,
      `write %25 for a % in ${variable}, %40 for an @ and %3A for a :`,
    );
  }
}

/** gRPC libraries speak to a proxy without TLS. What then passes it is encrypted from end to end. */
function requireHttp(proxy: Proxy): Proxy {
  if (proxy.url.protocol === 'http:') return proxy;
  throw new ConfigError(
    `${proxy.variable} names a proxy that is reached with TLS, which Temporal's libraries do not support`,
    'name an http:// proxy in grpc_proxy, or the Temporal server in no_grpc_proxy',
  );
}

/**
 * Returns the one form of a host that has several: without brackets and the dot of a full name, in lower case, IPv6 at
 * its shortest, and an IPv4 address where IPv6 wraps one.
 */
function normalizeHost(host: string): string {
  const name = host.replace(/^\[|\]$/g, '').toLowerCase();
  if (!URL.canParse(`http://[${name}]`)) return name.replace(/\.$/, '');
  const short = new URL(`http://[${name}]`).hostname.slice(1, -1);
  const words = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/.exec(short)?.slice(1);
  if (words === undefined) return short;
  return words.flatMap((word) => [parseInt(word, 16) >> 8, parseInt(word, 16) & 255]).join('.');
}

/** Reports whether a normalized host is this machine. */
function isLoopback(name: string): boolean {
  return (
    name === 'localhost' || name.endsWith('.localhost') || name === '::1' || (isIPv4(name) && name.startsWith('127.'))
  );
}

/**
 * Returns a function that reports the hosts which a `no_proxy` list excludes: `example.com` and its subdomains, with or
 * without `.` or `*.` before it and `.` after it, `host:port`, an address, a range as `10.0.0.0/8`, or `*` for all.
 */
function matcherOf(list = ''): (host: string, port: number) => boolean {
  const entries = list.toLowerCase().split(/[\s,]+/);
  return (host, port) => {
    const name = normalizeHost(host);
    return isLoopback(name) || entries.some((entry) => matches(entry, name, port));
  };
}

function matches(entry: string, name: string, port: number): boolean {
  if (entry === '') return false;
  if (entry === '*') return true;
  const [, range = '', bits = ''] = /^(.+)\/(\d{1,3})$/.exec(entry) ?? [];
  if (range !== '') return isInRange(name, normalizeHost(range), Number(bits));
  const [, withoutPort = entry, onlyPort] = /^(\[.+\]|[^:]+):(\d+)$/.exec(entry) ?? [];
  if (onlyPort !== undefined && Number(onlyPort) !== port) return false;
  const suffix = normalizeHost(withoutPort.replace(/^\*?\./, ''));
  if (suffix === '') return false;
  return name === suffix || (isIP(name) === 0 && name.endsWith(`.${suffix}`));
}

function isInRange(address: string, range: string, bits: number): boolean {
  const version = isIP(address);
  if (version === 0 || version !== isIP(range) || bits > (version === 4 ? 32 : 128)) return false;
  const family = version === 4 ? 'ipv4' : 'ipv6';
  const block = new BlockList();
  block.addSubnet(range, bits, family);
  return block.check(address, family);
}

function readPem(environment: Environment, variable: string): Network['extraCa'] {
  const path = environment[variable];
  if (path === undefined || path === '') return undefined;
  let pem = '';
  try {
    pem = readFileSync(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new ConfigError(
      `${variable}: ${code === 'EISDIR' ? `${path} is a folder` : message}`,
      `name a file with certificates, or unset ${variable}`,
    );
  }
  if (pem.includes('-----BEGIN CERTIFICATE-----')) return { variable, path, pem };
  throw new ConfigError(
    `${variable}: ${path} has no certificate in PEM format`,
    `name another file, or unset ${variable}`,
  );
}
