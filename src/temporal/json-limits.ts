/** Values that a JSON text may hold. One of two bytes takes thirty times as much memory as its text. */
export const MAX_JSON_VALUES = 2_000_000;

/** Lists and objects that may enclose a value. Code that follows a deeper value exhausts the stack. */
export const MAX_JSON_DEPTH = 500;

/** Reports that a JSON text is too large to be parsed, as the end of a sentence. */
export class JsonLimitError extends Error {
  override readonly name = 'JsonLimitError';
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const BRACKET = { open: 0x5b, close: 0x5d };
const BRACE = { open: 0x7b, close: 0x7d };

/**
 * Throws where a JSON text holds more values, or deeper ones, than any request of ours. Counts them in the bytes: to parse
 * the text is what takes the memory.
 *
 * @throws JsonLimitError
 */
export function requireModestJson(bytes: Uint8Array): void {
  let values = 0;
  let depth = 0;
  let isInString = false;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (isInString) {
      if (byte === BACKSLASH) at += 1;
      else if (byte === QUOTE) isInString = false;
      continue;
    }
    if (byte === QUOTE) isInString = true;
    else if (byte === COMMA) values += 1;
    else if (byte === BRACKET.close || byte === BRACE.close) depth -= 1;
    else if (byte === BRACKET.open || byte === BRACE.open) {
      values += 1;
      depth += 1;
      if (depth > MAX_JSON_DEPTH) {
        throw new JsonLimitError(`it has values within more than ${String(MAX_JSON_DEPTH)} lists and objects`);
      }
    }
    if (values > MAX_JSON_VALUES) {
      throw new JsonLimitError(`it holds more than ${MAX_JSON_VALUES.toLocaleString('en-US')} values`);
    }
  }
}
