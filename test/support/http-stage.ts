import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A call that a stage has received. */
export interface ReceivedCall {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** The answer to a call: a status and JSON, or text as it is. */
export interface StagedAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** An HTTP server on this machine that records its calls. */
export interface HttpStage {
  readonly url: string;
  readonly port: number;
  readonly calls: readonly ReceivedCall[];
  stop(): void;
}

/** Starts a server that answers by a function. Undefined breaks the connection. */
export async function startHttpStage(
  answer: (call: ReceivedCall, url: string) => StagedAnswer | undefined,
): Promise<HttpStage> {
  const calls: ReceivedCall[] = [];
  let address = '';
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const call = { method, url, headers, body: Buffer.concat(chunks).toString('utf8') };
      calls.push(call);
      const staged = answer(call, address);
      if (staged === undefined) {
        request.socket.destroy();
        return;
      }
      const { status = 200, headers: extra = {}, body } = staged;
      response.writeHead(status, { 'content-type': 'application/json', ...extra });
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  address = `http://127.0.0.1:${String(port)}`;
  return {
    url: address,
    port,
    calls,
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
