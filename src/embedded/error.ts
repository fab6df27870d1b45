/** Something that the embedded servers need cannot be had on this machine. The message says where and what to do. */
export class EmbeddedError extends Error {
  override readonly name = 'EmbeddedError';
}

/** What went wrong, in a line, the cause of a failed `fetch` or spawn included. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error && error.cause.message !== '' ? error.cause : undefined;
  return cause === undefined ? error.message : `${error.message}: ${cause.message}`;
}

/** Whether an error of the operating system has one of these codes. */
export function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}
