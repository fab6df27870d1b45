#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { ExitCode } from '../contract/failures.js';
import { LONGEST_APPROVAL_MS } from '../contract/messages.js';
import type { AnswerOptions } from './commands/answer.js';
import type { ApplyOptions } from './commands/apply.js';
import type { ConflictsOptions } from './commands/conflicts.js';
import type { DevOptions } from './commands/dev.js';
import type { DoctorOptions } from './commands/doctor.js';
import type { ExplainOptions } from './commands/explain.js';
import type { LeaveOptions } from './commands/leave.js';
import type { PlanOptions } from './commands/plan.js';
import type { StatusOptions } from './commands/status.js';
import type { ManifestOptions } from './request.js';
import { explainError } from './errors.js';
import { plain, printError } from './terminal.js';
import { durationMs } from './duration.js';

/** What each command resolves to: the exit code. */
type Run = Promise<ExitCode>;

const { version } = JSON.parse(readFileSync(join(__dirname, '../../package.json'), 'utf8')) as { version: string };

const program = new Command('iam-bootstrap')
  .description('Brings the IAM entities of an AWS account to a declared state, exactly once.')
  .version(version)
  .configureHelp({ sortSubcommands: false, showGlobalOptions: false })
  .exitOverride()
  // Arguments may come from a title or a branch that somebody else has named.
  .configureOutput({
    outputError: (text, write) => {
      write(text.split('\n').map(plain).join('\n'));
    },
  })
  .addHelpText(
    'after',
    `
Exit codes:
  0   converged, or nothing to do
  1   failed
  2   changes pending (plan --detailed-exitcode)
  3   refused: ownership, collision, wrong account
  4   busy or unreachable: try again
  64  invalid manifest or usage`,
  );

const output = (): Option =>
  new Option('-o, --output <format>', 'what to print on standard output').choices(['text', 'json']).default('text');
const quiet = (): Option => new Option('-q, --quiet', 'print the result only');
const manifest = (command: Command): Command =>
  command
    .requiredOption(
      '-f, --file <path>',
      'manifest: YAML, JSON or TypeScript, or - for standard input (repeatable)',
      collect,
      [],
    )
    .option('-e, --environment <name>', 'which of the manifest’s environments; the default where there is one')
    .option('--var <name=value>', 'value of a variable (repeatable)', variable, {})
    .addOption(output())
    .addOption(quiet());
const adoption = (command: Command): Command =>
  command
    .option('--adopt <foreign:KIND/NAME>', 'take over an entity from its owner (repeatable)', collect, [])
    .option('--remove-undeclared', 'let undeclared: remove hold for the first adoption, too', false);
const sending = (command: Command): Command =>
  command
    .option('--keep-going', 'converge what is not refused, instead of stopping before the first write', false)
    .option(
      '--wait-timeout <duration>',
      'how long to wait for the namespace or for a worker, as 90s, 30m or 2h',
      duration,
      30 * 60_000,
    )
    .option('--request-key <key>', 'names this request; a repeat of it is known by its key')
    .option('--summary <file>', 'write the report as Markdown, too: for a job, or as a comment on a change')
    .option('--junit <file>', 'write the report as JUnit XML, too: each entity is a test');

const approval = (command: Command): Command =>
  command
    .option('--require-approval', 'wait before the first write until somebody approves the plan', false)
    .option(
      '--approval-timeout <duration>',
      'how long an approval may take, at most 720h',
      approvalTime,
      24 * 3_600_000,
    );
const guarded = (command: Command): Command =>
  sending(command)
    .option('--revision <number>', 'how new the manifest is; in CI, else, the time of the commit', revision)
    .option('--allow-older', 'apply it even where it is older than what was applied last', false);

manifest(program.command('validate').description('check a manifest offline')).action((options: ManifestOptions) =>
  run(async () => (await import('./commands/validate.js')).validate(options)),
);
sending(
  adoption(manifest(program.command('plan').description('show each decision and drift; write nothing, take no lock'))),
)
  .option('--detailed-exitcode', 'exit 2 where changes are pending', false)
  .action((options: PlanOptions) => run(async () => (await import('./commands/plan.js')).plan(options)));
approval(
  guarded(adoption(manifest(program.command('apply').description('start or join a run, and follow it to its end')))),
)
  .option('--no-wait', 'exit 4 at once where another manifest is under way, or an approval is due')
  .action((options: ApplyOptions) => run(async () => (await import('./commands/apply.js')).apply(options)));
const leaving = (command: Command): Command =>
  approval(guarded(manifest(command)))
    .option('--yes', 'do not ask for confirmation, as in CI', false)
    .option('--plan', 'show what would be done, and stop there', false);
leaving(
  program.command('release').description('give up what the manifest declares: ownership ends, the entities stay'),
).action((options: LeaveOptions) => run(async () => (await import('./commands/leave.js')).leave('release', options)));
leaving(program.command('destroy').description('delete what this namespace created, give up what it adopted'))
  .option('--include-adopted', 'delete what was adopted, too, and what cannot show who made it', false)
  .action((options: LeaveOptions) => run(async () => (await import('./commands/leave.js')).leave('destroy', options)));
for (const [word, what] of [
  ['approve', 'let a run go on whose plan waits for an approval'],
  ['reject', 'end a run whose plan waits for an approval; nothing is written'],
] as const) {
  program
    .command(word)
    .description(what)
    .option('-a, --account <id>', 'the account, with --namespace')
    .option('-n, --namespace <name>', 'the namespace, with --account')
    .option('-f, --file <path>', 'or the manifest (repeatable)', collect, [])
    .option('-e, --environment <name>', 'which of the manifest’s environments')
    .option('--var <name=value>', 'value of a variable (repeatable)', variable, {})
    .option('--run <id>', 'only this run')
    .option('--plan <digest>', 'the plan that was seen; without it, the plan is shown and has to be confirmed')
    .option('--as <name>', 'who answers; the actor of the pipeline or the user unless it is given')
    .option('--reason <text>', 'why')
    .option('--yes', 'do not ask for confirmation', false)
    .addOption(output())
    .action((options: AnswerOptions) => run(async () => (await import('./commands/answer.js')).answer(word, options)));
}
program
  .command('status')
  .description('show the runs under way and the last ones')
  .option('-a, --account <id>', 'only of this account')
  .option('-n, --namespace <name>', 'only of this namespace; needs --account')
  .option('-l, --limit <count>', 'how many', count, 10)
  .addOption(output())
  .action((options: StatusOptions) => run(async () => (await import('./commands/status.js')).status(options)));
program
  .command('explain <what>')
  .description('say why an entity is there, or why a Create of it was refused: who made it, when, and what to do')
  .addHelpText('after', '\nWHAT is an entity as Role/deploy, the request ID of a call to AWS, or the ID of a run.')
  .option('-a, --account <id>', 'the account; where runs were in one only, it is that one')
  .option('--since <duration>', 'how far back to look, as 90m, 12h or 7d', sinceMs)
  .addOption(output())
  .action((what: string, options: ExplainOptions) =>
    run(async () => (await import('./commands/explain.js')).explain(what, options)),
  );
program
  .command('conflicts')
  .description('count what runs met that was there already, by entity, namespace, pipeline, cause and day')
  .option('-a, --account <id>', 'only of this account')
  .option('-n, --namespace <name>', 'only of this namespace; needs --account')
  .option('--since <duration>', 'how far back to look, as 12h or 7d', sinceMs)
  .addOption(output())
  .action((options: ConflictsOptions) => run(async () => (await import('./commands/conflicts.js')).conflicts(options)));
program
  .command('worker')
  .description('run the worker, which holds the AWS credentials')
  .action(() => run(async () => (await import('./commands/worker.js')).worker()));
program
  .command('dev')
  .description('run Temporal with its UI and a worker on this machine')
  .option('--sandbox', 'an IAM emulator in place of AWS', false)
  .option('--port <number>', 'port of the Temporal server', count)
  .option('--ui-port <number>', 'port of the Temporal UI', count)
  .option('--temporal-cli <path>', 'the Temporal CLI to run')
  .action((options: DevOptions) => run(async () => (await import('./commands/dev.js')).dev(options)));
program
  .command('doctor')
  .description('check Temporal, search attributes, credentials and permissions; say how to mend each')
  .option('--register', 'register the search attributes that are missing', false)
  .addOption(output())
  .action((options: DoctorOptions) => run(async () => (await import('./commands/doctor.js')).doctor(options)));

async function run(command: () => Run): Promise<void> {
  // A manifest is a program that may end the process, or wait for what never comes: neither is a success.
  const cutShort = (): void => {
    printError('the process ended before the command did', 'see what the manifest does to process.exit, or waits for');
    process.exitCode = ExitCode.Failed;
  };
  process.once('exit', cutShort);
  process.exitCode = await command().catch(explainError);
  process.off('exit', cutShort);
}

function collect(value: string, earlier: readonly string[]): string[] {
  return [...earlier, value];
}

function variable(text: string, earlier: Readonly<Record<string, string>>): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('write it as name=value');
  return { ...earlier, [text.slice(0, at)]: text.slice(at + 1) };
}

function duration(text: string): number {
  const ms = durationMs(text);
  if (ms === undefined) throw new InvalidArgumentError('write it as 90s, 30m or 2h');
  return ms;
}

function sinceMs(text: string): number {
  const ms = /^\d{1,4}d$/.test(text) ? Number.parseInt(text, 10) * 24 * 3_600_000 : durationMs(text);
  if (ms === undefined || ms < 1) throw new InvalidArgumentError('write it as 90m, 12h or 7d');
  return ms;
}

function approvalTime(text: string): number {
  const ms = duration(text);
  if (ms < 1 || ms > LONGEST_APPROVAL_MS) throw new InvalidArgumentError('write at most 720h, and more than nothing');
  return ms;
}

function revision(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('write a whole number, of at most 15 digits');
  return Number(text);
}

function count(text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw new InvalidArgumentError('write a whole number');
  return Number(text);
}

// What dependencies warn of is for those who maintain this package, not for those who run it.
process.removeAllListeners('warning');

program.parseAsync().catch((error: unknown) => {
  // Commander has printed what is wrong; help and version end well.
  const known = error instanceof CommanderError;
  if (!known) throw error;
  process.exitCode = error.exitCode === 0 ? ExitCode.Converged : ExitCode.Usage;
});
