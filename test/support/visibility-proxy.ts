import {
  connect,
  constants,
  createServer,
  type ClientHttp2Session,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { temporal } from '@temporalio/proto';

/** A run in a list of runs. */
export type ListedRun = temporal.api.workflow.v1.IWorkflowExecutionInfo;

/** A proxy in front of a Temporal server whose lists of runs lag behind what has started. */
export interface VisibilityProxy {
  readonly address: string;
  /** Reports whether lists leave a run out. Default: they are complete. */
  hides: (run: ListedRun) => boolean;
  /** Returns the number of calls of a method: `ListWorkflowExecutions`. */
  count(method: string): number;
  stop(): void;
}

const LIST = 'ListWorkflowExecutions';
const ListReply = temporal.api.workflowservice.v1.ListWorkflowExecutionsResponse;

/** Starts a proxy in front of the Temporal server of an address. */
export async function startVisibilityProxy(target: string): Promise<VisibilityProxy> {
  const methods: string[] = [];
  const sessions = new Set<ServerHttp2Session | ClientHttp2Session>();
  const upstream = connect(`http://${target}`).on('error', () => undefined);
  sessions.add(upstream);
  const server = createServer();
  server.on('session', (session) => sessions.add(session.on('error', () => undefined)));
  server.on('stream', (stream, incoming) => {
    const path = String(incoming[':path']);
    const method = path.slice(path.lastIndexOf('/') + 1);
    methods.push(method);
    const call = upstream.request(incoming);
    let trailers: IncomingHttpHeaders = {};
    call.on('response', (head, flags) => {
      if ((flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0) {
        stream.respond(head, { endStream: true });
        return;
      }
      stream.respond(head, { waitForTrailers: true });
      if (method === LIST) void buffer(call).then((reply) => stream.end(withoutRuns(reply, proxy.hides)));
      else call.pipe(stream);
    });
    call.on('trailers', (received: IncomingHttpHeaders) => {
      trailers = received;
    });
    stream.on('wantTrailers', () => {
      stream.sendTrailers(trailers);
    });
    call.on('error', () => {
      stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    });
    stream
      .on('error', () => undefined)
      .on('close', () => {
        call.close();
      });
    stream.pipe(call);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const proxy: VisibilityProxy = {
    address: `127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    hides: () => false,
    count: (method) => methods.filter((called) => called === method).length,
    stop: () => {
      server.close();
      for (const session of sessions) session.destroy();
    },
  };
  return proxy;
}

/** Leaves runs out of a reply: one message, after a byte that is 1 if it is compressed and four bytes for its length. */
function withoutRuns(reply: Buffer, hides: VisibilityProxy['hides']): Buffer {
  const content = reply.subarray(5);
  const listed = ListReply.decode(reply[0] === 1 ? gunzipSync(content) : content);
  const executions = listed.executions.filter((run) => !hides(run));
  const message = ListReply.encode({ executions, nextPageToken: listed.nextPageToken }).finish();
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}
