import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Proof } from '../contract/identity.js';
import { macOf } from './mac.js';

/** The action that a signature is for. One of a plan does not let anyone apply. */
export type SignedAction =
  'bootstrap' | 'plan' | 'explain' | 'lookUp' | 'capture' | 'approve' | 'reject' | 'schedule' | 'fleet';

/** The form of a signature: time, nonce and MAC. */
const SIGNATURE = /^1\.(\d{13})\.([\w-]{16})\.([\w-]{43})$/;

/** A signature that one of the keys has made. */
export interface Signed {
  /** The time by the signer's clock, in milliseconds since 1970. */
  readonly signedAt: number;
  /** Identifies the signature: each one is made once. */
  readonly id: string;
}

/** Returns a signature of what a client sends. It covers everything but the proof itself, the time, and the action. */
export function signatureOf(key: string, action: SignedAction, content: object, signedAt: number): string {
  const [time, nonce] = [String(signedAt), randomBytes(12).toString('base64url')];
  return `1.${time}.${nonce}.${mac(key, action, content, time, nonce).toString('base64url')}`;
}

/** Returns what a signature says where one of the keys has made it for this action and content; else undefined. */
export function verifySignature(
  keys: readonly string[],
  action: SignedAction,
  content: object,
  signature: string,
): Signed | undefined {
  const [, time = '', nonce = '', given = ''] = SIGNATURE.exec(signature) ?? [];
  const bytes = Buffer.from(given, 'base64url');
  const isSigned = keys.some((key) => {
    const expected = mac(key, action, content, time, nonce);
    return bytes.length === expected.length && timingSafeEqual(bytes, expected);
  });
  if (!isSigned) return undefined;
  // The bytes and not their text, which has several forms.
  return { signedAt: Number(time), id: createHash('sha256').update(bytes).digest('hex').slice(0, 32) };
}

/** Returns what a client sends with a signature added to its proof; the same where the client has no key. */
export function signed<T extends { readonly proof?: Proof }>(
  key: string | undefined,
  action: SignedAction,
  content: T,
): T {
  if (key === undefined) return content;
  return { ...content, proof: { ...content.proof, signature: signatureOf(key, action, content, Date.now()) } };
}

function mac(key: string, action: SignedAction, content: object, time: string, nonce: string): Buffer {
  return macOf(key, `request 1 ${action} ${time} ${nonce}`, { ...content, proof: undefined });
}
