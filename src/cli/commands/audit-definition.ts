import { Argument, Option } from 'commander';
import { ExitCode } from '../../contract/failures.js';
import { BUSY_EXITS, type CommandDefinition } from '../help.js';
import { sinceOption } from '../options.js';

/** The command that writes what runs have done to a file of the user's own. */
export const AUDIT_COMMAND: CommandDefinition = {
  name: 'audit',
  description: 'export runs, decisions, approvals and writes before Temporal forgets them',
  addOptions: (command) =>
    command
      .addArgument(new Argument('<action>', 'what to do').choices(['export']))
      .addOption(
        new Option(
          '--output <file>',
          'file of JSON lines that the export adds to, or - for standard output',
        ).makeOptionMandatory(),
      )
      .addOption(sinceOption()),
  examples: [
    ['iam-bootstrap audit export --output audit.jsonl', 'add what is new; run it daily'],
    [
      'iam-bootstrap audit export --output - --since 1d | gzip > audit.jsonl.gz',
      'print the runs that closed within a day',
    ],
  ],
  exits: [
    [ExitCode.Converged, 'exported, or nothing new'],
    [ExitCode.Failed, 'some runs could not be read as a whole; the others are exported'],
    ...BUSY_EXITS,
  ],
  load: async () => (await import('./audit.js')).audit,
};
