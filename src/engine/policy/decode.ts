import type { Json } from '../../contract/entity.js';
import { truncate } from '../text.js';

/**
 * Reads a document as IAM returns it: URL-encoded by RFC 3986, or raw JSON, in which a `%` is a plain character. A
 * number that JavaScript would round or write in another way becomes the string of its digits: two different numbers
 * never become equal.
 *
 * @throws Error if the text is neither; its message shows the length and the first characters, never the document
 */
export function decodeDocument(text: string): Json {
  const parsed = parse(text) ?? parse(urlDecode(text));
  if (parsed !== undefined) return parsed.value;
  const head = truncate(text, Math.min(20, Math.floor(text.length / 2)));
  const length = `${String(text.length)} characters, beginning with ${JSON.stringify(head)}`;
  throw new Error(`policy document is not JSON, neither as received nor URL-decoded (${length})`);
}

function urlDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function parse(text: string): { readonly value: Json } | undefined {
  try {
    JSON.parse(text);
  } catch {
    // The parser's own message quotes the document.
    return undefined;
  }
  const exact = text.replace(/"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g, (token) =>
    token.startsWith('"') || String(Number(token)) === token ? token : `"${token}"`,
  );
  return { value: JSON.parse(exact) as Json };
}
