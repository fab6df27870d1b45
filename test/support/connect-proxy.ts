import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';

/** An HTTP proxy that records what it is asked to connect to. */
export interface ConnectProxy {
  readonly url: string;
  /** The targets of CONNECT, as `host:port`. */
  readonly targets: readonly string[];
  stop(): void;
}

/** Starts an HTTP proxy. It connects to the addresses in `routes`, by target, and answers 502 for all others. */
export async function startConnectProxy(routes: Readonly<Record<string, number>> = {}): Promise<ConnectProxy> {
  const targets: string[] = [];
  const server = createServer();
  server.on('connect', ({ url = '' }, socket) => {
    targets.push(url);
    const port = routes[url];
    socket.on('error', () => undefined);
    if (port === undefined) {
      socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
      return;
    }
    const upstream = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.pipe(upstream).pipe(socket);
    });
    upstream.on('error', () => socket.destroy());
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    targets,
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
