import { ExitCode } from '../contract/failures.js';

const EXIT_CODES = { SIGINT: ExitCode.Interrupted, SIGTERM: ExitCode.Terminated } as const;

// Imported before what takes long to load. The first process of a container does not get the default effect of a
// signal: one that it does not listen to is ignored, until the container is killed. A command that listens decides
// by itself.
if (process.pid === 1) {
  for (const [signal, exitCode] of Object.entries(EXIT_CODES)) {
    process.on(signal, () => {
      if (process.listenerCount(signal) > 1) return;
      // Nothing runs at the end of a process that a signal has ended.
      process.removeAllListeners('exit');
      process.exit(exitCode);
    });
  }
}
