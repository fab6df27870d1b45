import { connect, type IncomingHttpHeaders } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';

const NAMESPACE = 'default';
const SERVE_TIMEOUT_MS = 60_000;
const CALL_TIMEOUT_MS = 10_000;
/** The dev server's default is a day: too short to look up last week's run. */
const RETENTION_SECONDS = 30 * 24 * 3600;
const WORKFLOW_SERVICE = '/temporal.api.workflowservice.v1.WorkflowService';
const OPERATOR_SERVICE = '/temporal.api.operatorservice.v1.OperatorService';

/** The types of search attributes, with their numbers in Temporal's protocol. */
const SEARCH_ATTRIBUTE_TYPES = {
  Text: 1,
  Keyword: 2,
  Int: 3,
  Double: 4,
  Bool: 5,
  Datetime: 6,
  KeywordList: 7,
} as const;

/** A search attribute to register on the server. */
export interface SearchAttribute {
  readonly name: string;
  readonly type: keyof typeof SEARCH_ATTRIBUTE_TYPES;
}

/** Reports whether a Temporal server responds at this address. */
export async function isServing(address: string, timeoutMs = 2_000): Promise<boolean> {
  try {
    const path = `${WORKFLOW_SERVICE}/DescribeNamespace`;
    const { status } = await callUnary(address, path, bytesField(1, NAMESPACE), timeoutMs);
    return status === GrpcStatus.Ok;
  } catch {
    return false;
  }
}

/** Waits until the server responds. Throws where its process ends before that, or takes too long. */
export async function waitUntilServing(address: string, exited: Promise<void>): Promise<void> {
  const deadline = Date.now() + SERVE_TIMEOUT_MS;
  const ended = exited.then(() => 'ended' as const);
  while (!(await isServing(address))) {
    if ((await Promise.race([ended, sleep(50)])) === 'ended') throw new Error('it ended before it was ready');
    if (Date.now() > deadline) throw new Error(`it was not ready within ${String(SERVE_TIMEOUT_MS / 1000)} s`);
  }
}

/**
 * Registers the search attributes that the server lacks. A database file keeps the attributes that it was made with, so
 * those of a later version are added here.
 */
export async function registerSearchAttributes(address: string, attributes: readonly SearchAttribute[]): Promise<void> {
  const listPath = `${OPERATOR_SERVICE}/ListSearchAttributes`;
  const listed = await callUnary(address, listPath, bytesField(1, NAMESPACE), CALL_TIMEOUT_MS);
  const missing = attributes.filter(({ name }) => !listed.message.includes(bytesField(1, name)));
  if (missing.length === 0) return;
  const entries = missing.map(({ name, type }) =>
    bytesField(1, Buffer.concat([bytesField(1, name), intField(2, SEARCH_ATTRIBUTE_TYPES[type])])),
  );
  const request = Buffer.concat([...entries, bytesField(2, NAMESPACE)]);
  const addPath = `${OPERATOR_SERVICE}/AddSearchAttributes`;
  const { status, detail } = await callUnary(address, addPath, request, CALL_TIMEOUT_MS);
  if (status !== GrpcStatus.Ok && status !== GrpcStatus.AlreadyExists) {
    throw new Error(`search attributes ${missing.map(({ name }) => name).join(', ')} cannot be added: ${detail}`);
  }
}

/** Sets how long the server keeps the histories of closed workflows. */
export async function setRetention(address: string): Promise<void> {
  const config = bytesField(1, intField(1, RETENTION_SECONDS));
  const request = Buffer.concat([bytesField(1, NAMESPACE), bytesField(3, config)]);
  const path = `${WORKFLOW_SERVICE}/UpdateNamespace`;
  const { status, detail } = await callUnary(address, path, request, CALL_TIMEOUT_MS);
  if (status !== GrpcStatus.Ok) throw new Error(`its retention cannot be set: ${detail}`);
}

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
