/** What Markdown, or the HTML in it, would take for more than text. */
const MARKUP = /[\\`*|<>[\]~]/g;

/** An option of the command line: the Temporal UI makes one dash of its two, and it could not be copied. */
const OPTION = /(?<=^|\s)--[a-z][a-z-]*/g;

/** Text from elsewhere in a line of Markdown: no cell, link or tag begins or ends in it, and no code but options. */
export function plain(text: string): string {
  return oneLine(text).replace(MARKUP, '\\$&').replace(OPTION, '`$&`');
}

/** Text from elsewhere as code. A back-quote would end it, and no escape keeps one inside; a bar would end its cell. */
export function code(text: string): string {
  return `\`${oneLine(text).replaceAll('`', "'").replaceAll('|', '\\|')}\``;
}

function oneLine(text: string): string {
  return text.replace(/[\s\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ');
}

/**
 * Lines as a page of the Temporal UI. Its frames are lower than what is in them by the margin of the last line, which
 * would be cut off: there is one more, of a blank.
 */
export function page(lines: readonly string[]): string {
  return [...lines, '', '\u00a0'].join('\n');
}
