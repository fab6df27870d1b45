/** Returns a text of the compose file with each `${NAME:-default}` replaced by its default. */
export function withDefaults(text: string): string {
  // One in another is replaced first.
  const replaced = text.replaceAll(/\$\{\w+:-([^{}]*)\}/g, '$1');
  return replaced === text ? text : withDefaults(replaced);
}
