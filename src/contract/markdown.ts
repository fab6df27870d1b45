/** What Markdown, or the HTML in it, would take for more than text. */
const MARKUP = /[\\`*|<>[\]~]/g;

/** Text from elsewhere in a line of Markdown: no cell, code span, link or tag begins or ends in it. */
export function plain(text: string): string {
  return oneLine(text).replace(MARKUP, '\\$&');
}

/** Text from elsewhere as code. A back-quote would end it, and no escape keeps one inside; a bar would end its cell. */
export function code(text: string): string {
  return `\`${oneLine(text).replaceAll('`', "'").replaceAll('|', '\\|')}\``;
}

function oneLine(text: string): string {
  return text.replace(/[\s\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ');
}
