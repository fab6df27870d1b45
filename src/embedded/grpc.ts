import { connect, type IncomingHttpHeaders } from 'node:http2';

/** The status codes of gRPC that this folder tells apart. */
export const GrpcStatus = { Ok: 0, AlreadyExists: 6 } as const;

/** The response to a call: the status, and the protobuf message where the status is ok. */
export interface GrpcResponse {
  readonly status: number;
  readonly detail: string;
  readonly message: Buffer;
}

/**
 * Sends a unary gRPC call without TLS to a server on this machine. The few calls that are needed here do not justify
 * the time that a gRPC library takes to load.
 */
export function callUnary(address: string, path: string, request: Buffer, timeoutMs: number): Promise<GrpcResponse> {
  return new Promise((resolve, reject) => {
    const session = connect(`http://${address}`);
    const fail = (error: Error): void => {
      clearTimeout(timer);
      session.destroy();
      reject(error);
    };
    const timer = setTimeout(() => {
      fail(new Error(`no response from ${address} within ${String(timeoutMs)} ms`));
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
    const addHeaders = (more: IncomingHttpHeaders): void => {
      headers = { ...headers, ...more };
    };
    stream.once('error', fail);
    stream.once('response', addHeaders);
    stream.once('trailers', addHeaders);
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.once('end', () => {
      clearTimeout(timer);
      session.close();
      const status = headers['grpc-status'];
      if (status === undefined) {
        reject(new Error(`${address} does not speak gRPC`));
        return;
      }
      // A frame is a flag for compression, four bytes for the length, and the message.
      const frame = Buffer.concat(chunks);
      resolve({ status: Number(status), detail: String(headers['grpc-message'] ?? ''), message: frame.subarray(5) });
    });
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(request.length, 1);
    stream.end(Buffer.concat([prefix, request]));
  });
}

/** Encodes a string or an embedded message as a protobuf field. */
export function bytesField(number: number, value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes]);
}

/** Encodes an integer or an enumeration value as a protobuf field. */
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
