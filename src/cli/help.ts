import type { Command, Option } from 'commander';
import pc from 'picocolors';
import { ExitCode } from '../contract/failures.js';

/** What each exit code says, in the order in which it is listed. */
const EXIT_CODES: Readonly<Record<ExitCode, string>> = {
  [ExitCode.Converged]: 'converged, or nothing to do',
  [ExitCode.Failed]: 'failed',
  [ExitCode.Pending]: 'changes pending (plan --detailed-exitcode)',
  [ExitCode.Refused]: 'refused: ownership, collision, wrong account',
  [ExitCode.Busy]: 'busy or unreachable: try again',
  [ExitCode.Usage]: 'invalid manifest or usage',
};

/** What a command's help says below its options. */
interface Guide {
  /** Command lines as they are typed, each with what it is for. */
  readonly examples: readonly (readonly [line: string, what: string])[];
  /** Exit codes that it may end with; with words of its own, where it has them. */
  readonly exits: readonly (ExitCode | readonly [ExitCode, string])[];
}

/** Adds examples and exit codes to the help of a command. */
export function guide(command: Command, { examples, exits }: Guide): Command {
  const lines = examples.flatMap(([line, what]) => [`  ${pc.dim(`# ${what}`)}`, `  $ ${line}`]);
  const codes = exits.map((exit) => {
    const [code, what] = typeof exit === 'number' ? [exit, EXIT_CODES[exit]] : exit;
    return `  ${String(code).padEnd(3)} ${what}`;
  });
  return command.addHelpText('after', () =>
    ['', pc.bold('Examples:'), ...lines, '', pc.bold('Exit codes:'), ...codes].join('\n'),
  );
}

/** What is said of an option: with its choices, and with a default where that is more than nothing. */
export function optionDescription(option: Option): string {
  const { description, argChoices, defaultValueDescription } = option;
  const defaultValue: unknown = option.defaultValue;
  const usual =
    defaultValueDescription ?? (['string', 'number'].includes(typeof defaultValue) ? String(defaultValue) : '');
  const choices = argChoices === undefined ? '' : `: ${argChoices.join(', ')}`;
  return `${description}${choices}${usual === '' ? '' : ` (default: ${usual})`}`;
}

/** Exit codes of a command that sends a request to Temporal. */
export const SENDING = [ExitCode.Converged, ExitCode.Failed, ExitCode.Refused, ExitCode.Busy, ExitCode.Usage] as const;

/** All exit codes. */
export const ALL_EXITS = Object.keys(EXIT_CODES).map((code) => Number(code) as ExitCode);
