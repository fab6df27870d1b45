import { createHmac } from 'node:crypto';
import { sortedJson } from '../engine/json.js';

/** Returns the HMAC-SHA256 of JSON for one purpose, as `permit 1 write`. It is worth nothing for another purpose. */
export function macOf(key: string, purpose: string, content: unknown): Buffer {
  return createHmac('sha256', key).update(`iam-bootstrap ${purpose}\n`).update(sortedJson(content)).digest();
}
