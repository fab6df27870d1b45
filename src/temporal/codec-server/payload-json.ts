import type { Payload } from '@temporalio/common';

/** The most payloads of one request. */
const MAX_PAYLOADS = 10_000;

const BASE64 = /^[\w+/-]*={0,2}$/;

/** Thrown for a body that is not a list of payloads. The message repeats nothing of it. */
export class MalformedBodyError extends Error {
  override readonly name = 'MalformedBodyError';
}

/**
 * Reads payloads in the JSON form of their protocol buffers, which Temporal's UI and command line send.
 *
 * @throws MalformedBodyError
 */
export function payloadsFromJson(text: string): Payload[] {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new MalformedBodyError('the body is not JSON');
  }
  const payloads: unknown = isRecord(body) ? body['payloads'] : undefined;
  if (!Array.isArray(payloads)) throw new MalformedBodyError('the body has no list of payloads');
  if (payloads.length > MAX_PAYLOADS) {
    throw new MalformedBodyError(`the body has more than ${String(MAX_PAYLOADS)} payloads`);
  }
  return payloads.map(payloadOf);
}

/** Returns payloads in the same form. */
export function payloadsToJson(payloads: readonly Payload[]): string {
  return JSON.stringify({
    payloads: payloads.map(({ metadata, data }) => ({
      metadata: Object.fromEntries(Object.entries(metadata ?? {}).map(([name, value]) => [name, base64(value)])),
      data: base64(data ?? new Uint8Array()),
    })),
  });
}

function payloadOf(value: unknown, index: number): Payload {
  const wrong = (): never => {
    throw new MalformedBodyError(`payload ${String(index)} is malformed`);
  };
  const bytes = (text: unknown): Buffer =>
    typeof text === 'string' && BASE64.test(text) ? Buffer.from(text, 'base64') : wrong();
  if (!isRecord(value)) return wrong();
  const { metadata, data } = value;
  if (metadata != null && !isRecord(metadata)) return wrong();
  return {
    metadata: Object.fromEntries(Object.entries(metadata ?? {}).map(([name, text]) => [name, bytes(text)])),
    data: data == null ? new Uint8Array() : bytes(data),
  };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
