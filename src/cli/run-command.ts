import { ExitCode } from '../contract/failures.js';
import { reportError } from './errors.js';
import { printError } from './terminal.js';

/** Runs the action of a command, prints its error, and sets the exit code of the process. */
export async function runCommand(action: () => Promise<ExitCode>): Promise<void> {
  // A TypeScript manifest may end the process, or wait for a promise that never settles. Neither is a success.
  const failEarlyExit = (): void => {
    printError(
      'the process ended before the command finished',
      'check the manifest for process.exit() and for promises that never settle',
    );
    process.exitCode = ExitCode.Failed;
  };
  process.once('exit', failEarlyExit);
  process.exitCode = await action().catch(reportError);
  process.off('exit', failEarlyExit);
}
