import type { Command, Option } from 'commander';
import pc from 'picocolors';
import { ExitCode } from '../contract/failures.js';

/** Exit codes with their meanings, in the order in which help lists them. */
const EXIT_CODES: Readonly<Record<ExitCode, string>> = {
  [ExitCode.Converged]: 'converged, or nothing to do',
  [ExitCode.Failed]: 'failed or cancelled',
  [ExitCode.Pending]: 'changes pending (plan --detailed-exitcode)',
  [ExitCode.Refused]: 'refused: ownership, collision or wrong account',
  [ExitCode.Busy]: 'namespace busy, or AWS, Temporal or a worker unreachable: try again',
  [ExitCode.Usage]: 'invalid manifest, usage or connection settings',
  [ExitCode.Interrupted]: 'interrupted (SIGINT); a run that has started continues',
  [ExitCode.Terminated]: 'terminated (SIGTERM); a run that has started continues',
};

/** The sections below the options in a command's help. */
interface Guide {
  /** Command lines that can be copied, each with its purpose. */
  readonly examples: readonly (readonly [line: string, purpose: string])[];
  /** Exit codes of the command, with its own meaning where it has one. */
  readonly exits: readonly (ExitCode | readonly [ExitCode, string])[];
}

/** A command of the command line. `load` imports its action when it runs, so that `--help` stays fast. */
export interface CommandDefinition extends Guide {
  readonly name: string;
  readonly description: string;
  readonly addOptions?: (command: Command) => Command;
  readonly load: () => Promise<(...args: never[]) => Promise<ExitCode>>;
}

/** The manifest that examples name. */
export const EXAMPLE_FILE = '-f iam/bootstrap.yaml -e prod';

/** The fleet that examples name, with its manifest. */
export const EXAMPLE_FLEET = '-f iam/fleet.yaml --fleet workloads';

/** The fleet that examples name, where no manifest is needed. */
export const EXAMPLE_FLEET_RUN = '--namespace platform --fleet workloads';

/** Adds examples and exit codes to the help of a command. */
export function addGuide(command: Command, { examples, exits }: Guide): Command {
  const lines = examples.flatMap(([line, purpose]) => [`  ${pc.dim(`# ${purpose}`)}`, `  $ ${line}`]);
  const codes = exits.map((exit) => {
    const [code, meaning] = typeof exit === 'number' ? [exit, EXIT_CODES[exit]] : exit;
    return `  ${String(code).padEnd(3)} ${meaning}`;
  });
  return command.addHelpText('after', () =>
    ['', pc.bold('Examples:'), ...lines, '', pc.bold('Exit codes:'), ...codes].join('\n'),
  );
}

/** Describes an option with its choices and its default. */
export function describeOption(option: Option): string {
  const { description, argChoices, defaultValueDescription } = option;
  const defaultValue: unknown = option.defaultValue;
  const fallback =
    defaultValueDescription ?? (['string', 'number'].includes(typeof defaultValue) ? String(defaultValue) : '');
  const choices = argChoices === undefined ? '' : `: ${argChoices.join(', ')}`;
  return `${description}${choices}${fallback === '' ? '' : ` (default: ${fallback})`}`;
}

/** Exit codes of every command that needs Temporal, the last in its list. */
export const BUSY_EXITS = [ExitCode.Busy, ExitCode.Usage] as const;

/** Exit codes of a command that sends a request to Temporal. */
export const REQUEST_EXITS = [
  ExitCode.Converged,
  ExitCode.Failed,
  ExitCode.Refused,
  ...BUSY_EXITS,
  ExitCode.Interrupted,
  ExitCode.Terminated,
] as const;

/** Returns the exit codes of a command that runs servers until it is stopped, with its own meaning of "busy". */
export function serverExits(busy: string): CommandDefinition['exits'] {
  return [[ExitCode.Converged, 'stopped by SIGINT or SIGTERM'], ExitCode.Failed, [ExitCode.Busy, busy], ExitCode.Usage];
}

/** All exit codes. */
export const ALL_EXITS = Object.keys(EXIT_CODES).map((code) => Number(code) as ExitCode);
