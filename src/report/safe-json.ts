/**
 * Characters that could move the cursor, or reorder or hide text: control characters, direction marks and overrides,
 * zero-width characters, and lone surrogates.
 */
export const UNSAFE =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}\p{Surrogate}]/gu;

/** Separators that some programs take for the end of a line, although JSON has them in strings. */
const SEPARATORS = /[\u2028\u2029]/g;

/**
 * Escapes in the text of a JSON value what could change a terminal, be taken for the end of a line, or command a CI
 * service. Programs read an equal value.
 */
export function safeJson(text: string): string {
  return text
    .replace(UNSAFE, (found) => (found === '\n' ? found : escaped(found)))
    .replace(SEPARATORS, escaped)
    .replace(/##/g, '#\\u0023');
}

function escaped(character: string): string {
  let text = '';
  for (let index = 0; index < character.length; index += 1) {
    text += `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`;
  }
  return text;
}
