import { connect, type IncomingHttpHeaders } from 'node:http2';

/** gRPC's status codes that matter here; the others are only numbers. */
export const GrpcStatus = { Ok: 0, AlreadyExists: 6 } as const;

/** The answer to a call: the status, and the message in protobuf where the status is ok. */
export interface GrpcAnswer {
  readonly status: number;
  readonly detail: string;
  readonly response: Buffer;
}

/**
 * One unary gRPC call without TLS, for asking a server on this machine whether it is there.
 * It spares the command line the load time of a gRPC library where nothing more is needed.
 */
export function call(address: string, path: string, request: Buffer, timeoutMs: number): Promise<GrpcAnswer> {
  return new Promise((resolve, reject) => {
    const session = connect(`http://${address}`);
    const fail = (error: Error): void => {
      clearTimeout(timer);
      session.destroy();
      reject(error);
    };
    const timer = setTimeout(() => {
      fail(new Error(`no answer from ${address} within ${String(timeoutMs)} ms`));
    }, timeoutMs);
    session.once('error', fail);
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const chunks: Buffer[] = [];
    let headers: IncomingHttpHeaders = {};
    const keep = (more: IncomingHttpHeaders): void => {
      headers = { ...headers, ...more };
    };
    stream.once('error', fail);
    stream.once('response', keep);
    stream.once('trailers', keep);
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.once('end', () => {
      clearTimeout(timer);
      session.close();
      const status = headers['grpc-status'];
      if (status === undefined) {
        reject(new Error(`${address} does not speak gRPC`));
        return;
      }
      // A frame is a flag for compression, four bytes for its length, and the message.
      const frame = Buffer.concat(chunks);
      resolve({ status: Number(status), detail: String(headers['grpc-message'] ?? ''), response: frame.subarray(5) });
    });
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(request.length, 1);
    stream.end(Buffer.concat([prefix, request]));
  });
}

/** A string or an embedded message as a field in protobuf. */
export function bytesField(number: number, value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes]);
}

/** An integer or an enumeration as a field in protobuf. */
export function intField(number: number, value: number): Buffer {
  return Buffer.concat([varint(number << 3), varint(value)]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.from([...bytes, rest]);
    bytes.push((rest & 0x7f) | 0x80);
  }
}
