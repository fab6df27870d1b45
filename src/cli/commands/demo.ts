import { loadConfig } from '../../config/config.js';
import { ExitCode } from '../../contract/failures.js';
import { prepareServers } from '../../embedded/prepare.js';
import { chapter, line, Play } from '../demo/chapters.js';
import { Stage } from '../demo/stage.js';
import { ownCommand } from '../own-command.js';
import { interruption, InterruptedError, untilInterrupted } from '../run-command.js';
import { note, print } from '../terminal.js';

interface DemoOptions {
  readonly keep: boolean;
  readonly temporalCli?: string;
}

/** Plays and explains the main job against an emulator of IAM. Fails at the first claim that does not hold. */
export async function demo({ keep, temporalCli }: DemoOptions): Promise<ExitCode> {
  const config = loadConfig();
  const interrupt = untilInterrupted();
  const prepared = await prepareServers(config, { temporalCli, sandbox: true, announce: note });
  note('Starting a Temporal server and an IAM emulator. AWS is not called.');
  const stage = await Stage.open(config, prepared);
  try {
    const play = new Play(stage);
    await Promise.race([play.run(), whenAborted(interrupt.signal)]);
    interrupt.dispose();
    chapter(`All ${String(play.claims)} claims hold, checked at the emulator.`);
    if (!keep) printNext();
    else await stayOpen(stage);
    return ExitCode.Converged;
  } finally {
    interrupt.dispose();
    await stage.close();
  }
}

function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = (): void => {
      const { reason } = signal as { readonly reason: unknown };
      reject(reason instanceof InterruptedError ? reason : new InterruptedError('SIGINT'));
    };
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort);
  });
}

function printNext(): void {
  const command = ownCommand();
  print('\nTo see it in the Temporal UI:\n\n');
  print(`  ${command} demo --keep`);
  print('\nTo try a manifest of your own, with an IAM emulator in place of AWS:\n\n');
  print(`  ${command} init`);
  print(`  ${command} dev --sandbox`);
}

async function stayOpen({ temporal, sandbox }: Stage): Promise<void> {
  line(`Temporal UI   ${temporal.uiUrl ?? ''}`);
  line(`IAM sandbox   ${sandbox.url}/sandbox/journal`);
  line('Everything is still running. Ctrl-C stops it.');
  await interruption();
}
