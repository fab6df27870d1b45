import { acceptance } from './command.js';

/** A terminal sends a signal to all processes, and npm sends it again: two in this time, in milliseconds, are one. */
const SAME_SIGNAL_MS = 1_000;

const stop = new AbortController();
let stoppedAt = 0;
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => {
    if (!stop.signal.aborted) {
      stoppedAt = Date.now();
      stop.abort(name);
    } else if (Date.now() - stoppedAt > SAME_SIGNAL_MS) {
      process.stderr.write('acceptance: ended at once; --list shows what is left\n');
      process.exit(1);
    }
  });
}

void acceptance(
  process.argv.slice(2),
  process.env,
  {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
  },
  stop.signal,
).then((code) => {
  process.exitCode = code;
  // What was under way when the signal came does not keep the process.
  if (stop.signal.aborted) process.exit();
});
