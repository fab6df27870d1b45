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

/** The network that calls to AWS take. */
export interface AwsNetwork {
  readonly httpProxy: (protocol: 'http:' | 'https:', host: string, port: number) => { readonly url: URL } | undefined;
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
      return proxy === undefined ? undefined : new SelectiveProxyAgent(proxy.url, shared, network);
    };
    return {
      httpAgent: agentOf('http:') ?? new HttpAgent(shared),
      httpsAgent: (agentOf('https:') as HttpsAgent | undefined) ?? new HttpsAgent(shared),
    };
  };
}

/** Returns the proxy of a protocol. The host is one that no list excludes by name. */
function anyProxy(network: AwsNetwork, protocol: 'http:' | 'https:'): { readonly url: URL } | undefined {
  return network.httpProxy(protocol, '', 0);
}

type ConnectOptions = Parameters<HttpsProxyAgent<string>['connect']>[1];

/** Tunnels through a proxy, except to hosts that are excluded: the clients of a credential chain have several hosts. */
class SelectiveProxyAgent extends HttpsProxyAgent<string> {
  constructor(
    proxy: URL,
    options: ConstructorParameters<typeof HttpsProxyAgent<string>>[1],
    private readonly network: AwsNetwork,
  ) {
    super(proxy.href, options);
  }

  override async connect(
    request: Parameters<HttpsProxyAgent<string>['connect']>[0],
    options: ConnectOptions,
  ): Promise<Socket> {
    const { host = '', port, secureEndpoint } = options;
    if (this.network.httpProxy(secureEndpoint ? 'https:' : 'http:', host, port) !== undefined) {
      return super.connect(request, options);
    }
    if (!secureEndpoint) return connectSocket(options as NetConnectOpts);
    return connectTls({ ...(isIP(host) === 0 ? { servername: host } : {}), ...(options as ConnectionOptions) });
  }
}
