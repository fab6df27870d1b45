/** Returns a signal that aborts at SIGINT or SIGTERM, so that a command can clean up before it ends. */
export function untilInterrupted(): { readonly signal: AbortSignal; dispose(): void } {
  const controller = new AbortController();
  const abort = (): void => {
    controller.abort(new Error('interrupted'));
  };
  process.once('SIGINT', abort);
  process.once('SIGTERM', abort);
  return {
    signal: controller.signal,
    dispose: () => {
      process.off('SIGINT', abort);
      process.off('SIGTERM', abort);
    },
  };
}

/** Resolves when the process receives SIGINT or SIGTERM. */
export function interruption(): Promise<void> {
  return new Promise((resolve) => {
    untilInterrupted().signal.addEventListener('abort', () => {
      resolve();
    });
  });
}
