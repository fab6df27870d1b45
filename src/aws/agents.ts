import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { connect as connectSocket, isIP, type NetConnectOpts, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { HttpsProxyAgent } from 'https-proxy-agent';

/** The agents of a client of AWS, by the protocol of its endpoint. */
interface Agents {
  readonly httpAgent: HttpAgent;
  readonly httpsAgent: HttpsAgent;
}

/** Makes agents with a maximum number of connections to one host. */
export type MakeAgents = (maxSockets: number) => Agents;

interface Proxy {
  readonly variable: string;
  readonly url: URL;
  readonly address: string;
}

/** The network that calls to AWS take. */
export interface AwsNetwork {
  readonly httpProxy: (protocol: 'http:' | 'https:', host: string, port: number) => Proxy | undefined;
  readonly awsCa: { readonly pem: string } | undefined;
}

/** Returns a maker of agents that use the network's proxies and certificates. Undefined where it has neither. */
export function agentsFor(network: AwsNetwork): MakeAgents | undefined {
  const proxies = { 'http:': anyProxy(network, 'http:'), 'https:': anyProxy(network, 'https:') };
  const { awsCa } = network;
  if (proxies['http:'] === undefined && proxies['https:'] === undefined && awsCa === undefined) return undefined;
  return (maxSockets) => {
    const shared = { keepAlive: true, maxSockets, ...(awsCa === undefined ? {} : { ca: awsCa.pem }) };
    const agentOf = (protocol: 'http:' | 'https:'): HttpAgent | undefined => {
      const proxy = proxies[protocol];
      return proxy === undefined ? undefined : new SelectiveProxyAgent(proxy, shared, network);
    };
    return {
      httpAgent: agentOf('http:') ?? new HttpAgent(shared),
      httpsAgent: (agentOf('https:') as HttpsAgent | undefined) ?? new HttpsAgent(shared),
    };
  };
}

/** Returns the proxy of a protocol. The host is one that no list excludes by name. */
function anyProxy(network: AwsNetwork, protocol: 'http:' | 'https:'): Proxy | undefined {
  return network.httpProxy(protocol, '', 0);
}

/** Reports that a proxy did not connect to a host. Nothing reached AWS. */
export class ProxyError extends Error {
  override readonly name = 'ProxyError';
  /** AWS's errors and the network's have one as well. */
  readonly code = 'ProxyError';

  constructor({ address, variable }: Proxy, host: string, failure: string, options?: ErrorOptions) {
    super(`the proxy ${address} of ${variable} does not connect to ${host}: ${failure}`, options);
  }
}

/** Reports whether a message is that of a {@link ProxyError}, which the SDK's credential sources quote in their own. */
export function isOfProxy(message: string): boolean {
  return /\bthe proxy \S+ of \w+ does not connect to /.test(message);
}

type ConnectOptions = Parameters<HttpsProxyAgent<string>['connect']>[1];

/** Tunnels through a proxy, except to hosts that are excluded: the clients of a credential chain have several hosts. */
class SelectiveProxyAgent extends HttpsProxyAgent<string> {
  constructor(
    private readonly tunnel: Proxy,
    options: ConstructorParameters<typeof HttpsProxyAgent<string>>[1],
    private readonly network: AwsNetwork,
  ) {
    super(tunnel.url.href, options);
  }

  override async connect(
    request: Parameters<HttpsProxyAgent<string>['connect']>[0],
    options: ConnectOptions,
  ): Promise<Socket> {
    const { host = '', port, secureEndpoint } = options;
    const { httpProxy, awsCa } = this.network;
    // The proxy agent keeps the CA of its options for its own connection to the proxy.
    const trusting = awsCa === undefined ? options : { ...options, ca: awsCa.pem };
    if (httpProxy(secureEndpoint ? 'https:' : 'http:', host, port) !== undefined) {
      return this.connectByProxy(request, trusting);
    }
    if (!secureEndpoint) return connectSocket(options as NetConnectOpts);
    return connectTls({ ...(isIP(host) === 0 ? { servername: host } : {}), ...(trusting as ConnectionOptions) });
  }

  /** Opens a tunnel. Its own class would take the refusal of a proxy for the answer of AWS. */
  private async connectByProxy(
    request: Parameters<HttpsProxyAgent<string>['connect']>[0],
    options: ConnectOptions,
  ): Promise<Socket> {
    let status = 0;
    request.once('proxyConnect', ({ statusCode }: { readonly statusCode: number }) => (status = statusCode));
    let socket: Socket;
    try {
      socket = await super.connect(request, options);
    } catch (error) {
      throw new ProxyError(this.tunnel, options.host ?? '', (error as Error).message, { cause: error });
    }
    if (status === 200) return socket;
    socket.destroy();
    throw new ProxyError(this.tunnel, options.host ?? '', `it answers CONNECT with ${String(status)}`);
  }
}
