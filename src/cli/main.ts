#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import pc from 'picocolors';
import { ExitCode } from '../contract/failures.js';
import { ACCOUNT } from '../contract/request.js';
import { MAX_APPROVAL_TIMEOUT_MS } from '../contract/approval.js';
import type { AnswerOptions } from './commands/approve-reject.js';
import type { ApplyOptions } from './commands/apply.js';
import type { CancelOptions } from './commands/cancel.js';
import type { DevOptions } from './commands/dev.js';
import type { DoctorOptions } from './commands/doctor.js';
import type { InitOptions } from './commands/init.js';
import type { ConflictsOptions } from './commands/conflicts.js';
import type { ExplainOptions } from './commands/explain.js';
import type { LeaveOptions } from './commands/leave.js';
import type { PlanOptions } from './commands/plan.js';
import type { StatusOptions } from './commands/status.js';
import type { ManifestOptions } from './request.js';
import { CI_SERVICES } from '../client/init.js';
import { complete, COMPLETE, completionScript, SHELLS } from './completion.js';
import type { Shell } from './completion.js';
import { explainError } from './errors.js';
import { ALL_EXITS, guide, optionDescription, SENDING } from './help.js';
import { plain, print, printError } from './terminal.js';
import { durationMs } from './duration.js';

/** What each command resolves to: the exit code. */
type Run = Promise<ExitCode>;

const { version } = JSON.parse(readFileSync(join(__dirname, '../../package.json'), 'utf8')) as { version: string };

const program = new Command('iam-bootstrap')
  .description('Brings the IAM entities of an AWS account to a declared state, exactly once.')
  .version(version)
  .configureHelp({ sortSubcommands: false, showGlobalOptions: false, styleTitle: pc.bold, optionDescription })
  .exitOverride()
  // Arguments may come from a title or a branch that somebody else has named.
  .configureOutput({
    outputError: (text, write) => {
      write(text.split('\n').map(plain).join('\n'));
    },
  });
program.commandsGroup('A manifest:');
guide(program, {
  examples: [
    ['iam-bootstrap validate -f iam/bootstrap.yaml', 'offline, in every environment'],
    ['iam-bootstrap plan -f iam/bootstrap.yaml --environment dev', 'what would be done, and why'],
    ['iam-bootstrap apply -f iam/bootstrap.yaml --environment dev', 'do it; again and again, from anywhere'],
  ],
  exits: ALL_EXITS,
});

const output = (): Option =>
  new Option('-o, --output <format>', 'what to print on standard output').choices(['text', 'json']).default('text');
const quiet = (): Option => new Option('-q, --quiet', 'print the result only');
const waitTimeout = (what: string): Option =>
  new Option('--wait-timeout <duration>', `how long to wait for ${what}, as 90s, 30m or 2h`)
    .default(30 * 60_000, '30m')
    .argParser(duration);
const manifest = (command: Command): Command =>
  command
    .optionsGroup('Manifest:')
    .requiredOption(
      '-f, --file <path>',
      'manifest: YAML, JSON or TypeScript, or - for standard input (repeatable)',
      collect,
      [],
    )
    .option('-e, --environment <name>', 'which of the manifest’s environments; the default where there is one')
    .option('--var <name=value>', 'value of a variable (repeatable)', variable, {})
    .optionsGroup('Output:')
    .addOption(output())
    .addOption(quiet());
const adoption = (command: Command): Command =>
  command
    .optionsGroup('What may be written:')
    .option('--adopt <foreign:KIND/NAME>', 'take over an entity from its owner (repeatable)', collect, [])
    .option('--remove-unmanaged', 'let unmanaged: remove hold for the first adoption, too', false);
const sending = (command: Command): Command =>
  command
    .optionsGroup('The run:')
    .option('--keep-going', 'converge what is not refused, instead of stopping before the first write', false)
    .addOption(waitTimeout('the namespace or for a worker'))
    .option('--request-key <key>', 'names this request; a repeat of it is known by its key')
    .optionsGroup('Output:')
    .option('--summary <file>', 'write the report as Markdown, too: for a job, or as a comment on a change')
    .option('--junit <file>', 'write the report as JUnit XML, too: each entity is a test');

const approval = (command: Command): Command =>
  command
    .optionsGroup('Approval:')
    .option('--require-approval', 'wait before the first write until somebody approves the plan', false)
    .addOption(
      new Option('--approval-timeout <duration>', 'how long an approval may take, at most 720h')
        .default(24 * 3_600_000, '24h')
        .argParser(approvalTime),
    );
const guarded = (command: Command): Command =>
  sending(command)
    .optionsGroup('The run:')
    .option('--revision <number>', 'how new the manifest is; in CI, else, the time of the commit', revision)
    .option('--allow-older', 'apply it even where it is older than what was applied last', false);

const FILE = '-f iam/bootstrap.yaml -e prod';

guide(manifest(program.command('validate').description('check a manifest offline')), {
  examples: [
    ['iam-bootstrap validate -f iam/bootstrap.yaml', 'in every environment that it declares'],
    ['iam-bootstrap validate -f iam/bootstrap.yaml --output json', 'problems with their places, for programs'],
  ],
  exits: [[ExitCode.Converged, 'sound'], ExitCode.Usage],
}).action((options: ManifestOptions) => run(async () => (await import('./commands/validate.js')).validate(options)));

guide(
  sending(
    adoption(
      manifest(program.command('plan').description('show each decision and drift; write nothing, take no lock')),
    ),
  )
    .optionsGroup('The run:')
    .option('--detailed-exitcode', 'exit 2 where changes are pending', false),
  {
    examples: [
      [`iam-bootstrap plan ${FILE}`, 'what apply would do'],
      [`iam-bootstrap plan ${FILE} --detailed-exitcode`, 'in a job that finds drift: 2 where something differs'],
      [`iam-bootstrap plan ${FILE} --summary plan.md`, 'as a comment on a change'],
    ],
    exits: [
      [ExitCode.Converged, 'nothing to do; without --detailed-exitcode also: changes pending'],
      ExitCode.Failed,
      [ExitCode.Pending, 'changes pending, with --detailed-exitcode'],
      ...SENDING.slice(2),
    ],
  },
).action((options: PlanOptions) => run(async () => (await import('./commands/plan.js')).plan(options)));

guide(
  approval(
    guarded(adoption(manifest(program.command('apply').description('start or join a run, and follow it to its end'))))
      .optionsGroup('The run:')
      .option('--no-wait', 'exit 4 at once where another manifest is under way, or an approval is due'),
  ),
  {
    examples: [
      [`iam-bootstrap apply ${FILE}`, 'what is missing is created, what exists is adopted'],
      [`iam-bootstrap apply ${FILE} \\\n      --adopt foreign:Role/prod-deploy`, 'take one over from its owner'],
      [
        `iam-bootstrap apply ${FILE} \\\n      --require-approval --no-wait`,
        'write once somebody has approved the plan',
      ],
      [`iam-bootstrap apply ${FILE} --output json`, 'the report, for programs'],
    ],
    exits: SENDING,
  },
).action((options: ApplyOptions) => run(async () => (await import('./commands/apply.js')).apply(options)));

const leaving = (command: Command): Command =>
  approval(guarded(manifest(command)))
    .optionsGroup('Confirmation:')
    .option('--yes', 'do not ask for confirmation, as in CI', false)
    .option('--plan', 'show what would be done, and stop there', false);
guide(
  leaving(
    program.command('release').description('give up what the manifest declares: ownership ends, the entities stay'),
  ),
  {
    examples: [
      [`iam-bootstrap release ${FILE} --plan`, 'what would be given up'],
      [`iam-bootstrap release ${FILE} --yes`, 'without a question, as in CI'],
    ],
    exits: SENDING,
  },
).action((options: LeaveOptions) => run(async () => (await import('./commands/leave.js')).leave('release', options)));
guide(
  leaving(program.command('destroy').description('delete what this namespace created, give up what it adopted'))
    .optionsGroup('What may be written:')
    .option('--include-adopted', 'delete what was adopted, too, and what cannot show who made it', false),
  {
    examples: [
      [`iam-bootstrap destroy ${FILE} --plan`, 'what would be deleted, and what stays'],
      [`iam-bootstrap destroy ${FILE} --yes`, 'without a question, as in CI'],
    ],
    exits: SENDING,
  },
).action((options: LeaveOptions) => run(async () => (await import('./commands/leave.js')).leave('destroy', options)));

program.commandsGroup('Runs:');
guide(
  program
    .command('status')
    .description('show the runs under way and the last ones')
    .option('-a, --account <id>', 'only of this account', account)
    .option('-n, --namespace <name>', 'only of this namespace; needs --account')
    .option('-l, --limit <count>', 'how many', count, 10)
    .option('-w, --watch', 'look again every two seconds, until it is interrupted', false)
    .addOption(output()),
  {
    examples: [
      ['iam-bootstrap status', 'the last ten'],
      ['iam-bootstrap status --account 111111111111 --namespace platform --limit 3', 'of one namespace'],
      ['iam-bootstrap status --watch', 'and each change as it comes'],
    ],
    exits: [[ExitCode.Converged, 'shown'], ExitCode.Failed, ExitCode.Busy, ExitCode.Usage],
  },
).action((options: StatusOptions) => run(async () => (await import('./commands/status.js')).status(options)));
/** Which run is meant. */
const place = (command: Command): Command =>
  command
    .optionsGroup('Output:')
    .addOption(output())
    .optionsGroup('Which run:')
    .option('-a, --account <id>', 'the account, with --namespace', account)
    .option('-n, --namespace <name>', 'the namespace, with --account')
    .option('-f, --file <path>', 'or the manifest (repeatable)', collect, [])
    .option('-e, --environment <name>', 'which of the manifest’s environments')
    .option('--var <name=value>', 'value of a variable (repeatable)', variable, {})
    .option('--run <id>', 'only this run');
for (const [word, what, end] of [
  ['approve', 'let a run go on whose plan waits for an approval', 'approved; the run goes on'],
  ['reject', 'end a run whose plan waits for an approval; nothing is written', 'rejected; the run ends'],
] as const) {
  guide(
    place(program.command(word).description(what))
      .optionsGroup('The answer:')
      .option('--plan <digest>', 'the plan that was seen; without it, the plan is shown and has to be confirmed')
      .option('--as <name>', 'who answers; the actor of the pipeline or the user unless it is given')
      .option('--reason <text>', 'why')
      .option('--yes', 'do not ask for confirmation', false),
    {
      examples: [
        [`iam-bootstrap ${word} ${FILE}`, 'shows the plan, and asks'],
        [
          `iam-bootstrap ${word} --account 222222222222 --namespace platform \\\n      --as alice --reason 'as agreed' --yes`,
          'asks nothing, as in a script',
        ],
      ],
      exits: [
        [ExitCode.Converged, end],
        ExitCode.Failed,
        [ExitCode.Refused, 'not confirmed; or nothing waits for this answer'],
        ...SENDING.slice(3),
      ],
    },
  ).action((options: AnswerOptions) =>
    run(async () => (await import('./commands/approve-reject.js')).answer(word, options)),
  );
}

guide(
  place(
    program
      .command('cancel')
      .description('end the run under way: what it has begun is finished, the rest is not begun'),
  )
    .optionsGroup('The request:')
    .option('--as <name>', 'who asks; the actor of the pipeline or the user unless it is given')
    .option('--reason <text>', 'why')
    .addOption(waitTimeout('its end'))
    .option('--no-wait', 'ask, and do not wait for its end')
    .optionsGroup('Output:')
    .addOption(quiet()),
  {
    examples: [
      [`iam-bootstrap cancel ${FILE}`, 'and wait for its end'],
      [
        `iam-bootstrap cancel --account 222222222222 --namespace platform \\\n      --reason 'wrong branch' --no-wait`,
        'ask, and go on',
      ],
    ],
    exits: [
      [ExitCode.Converged, 'cancelled, or nothing was under way'],
      ExitCode.Failed,
      [ExitCode.Refused, 'it had ended before, refused'],
      ...SENDING.slice(3),
    ],
  },
).action((options: CancelOptions) => run(async () => (await import('./commands/cancel.js')).cancel(options)));

guide(
  program
    .command('explain <what>')
    .description('say why an entity is there, or why a Create of it was refused: who made it, when, and what to do')
    .option('-a, --account <id>', 'the account; where runs were in one only, it is that one', account)
    .option('--since <duration>', 'how far back to look, as 90m, 12h or 7d', sinceMs)
    .addOption(output()),
  {
    examples: [
      ['iam-bootstrap explain Role/prod-deploy --account 222222222222', 'who made it, who has touched it, who owns it'],
      [
        `iam-bootstrap explain 1b6c2a4e-0d1f-4c53-9f0e-7a3d5c9b8e21 \\\n      --account 222222222222`,
        'the request ID of a call to AWS, or the ID of a run',
      ],
    ],
    exits: [
      [ExitCode.Converged, 'explained'],
      [ExitCode.Failed, 'nothing is known of it'],
      ExitCode.Busy,
      ExitCode.Usage,
    ],
  },
).action((what: string, options: ExplainOptions) =>
  run(async () => (await import('./commands/explain.js')).explain(what, options)),
);
guide(
  program
    .command('conflicts')
    .description('count what runs met that was there already, by entity, namespace, pipeline, cause and day')
    .option('-a, --account <id>', 'only of this account', account)
    .option('-n, --namespace <name>', 'only of this namespace; needs --account')
    .option('--since <duration>', 'how far back to look, as 12h or 7d', sinceMs)
    .addOption(output()),
  {
    examples: [
      ['iam-bootstrap conflicts --since 7d', 'and whether they become fewer'],
      ['iam-bootstrap conflicts --account 111111111111 --output json', 'for a dashboard'],
    ],
    exits: [[ExitCode.Converged, 'counted'], ExitCode.Failed, ExitCode.Busy, ExitCode.Usage],
  },
).action((options: ConflictsOptions) => run(async () => (await import('./commands/conflicts.js')).conflicts(options)));

program.commandsGroup('Set up:');
guide(
  program
    .command('init')
    .description('write a first manifest and a CI file; write over nothing')
    .addOption(
      new Option('--ci <service>', 'whose file, by default of the service that the repository uses').choices(
        CI_SERVICES,
      ),
    )
    .option('--ci-file <path>', 'where that file goes; default: where the service looks for it')
    .option('--namespace <name>', 'the owner of what is declared; default: the name of the folder')
    .option('--dev-account <id>', 'AWS account of the environment dev; asked for on a terminal')
    .option('--prod-account <id>', 'AWS account of the environment prod; asked for on a terminal')
    .option('--force', 'write over files that are there', false),
  {
    examples: [
      ['iam-bootstrap init', 'asks for what the repository does not show'],
      [
        'iam-bootstrap init --ci github --namespace platform \\\n      --dev-account 111111111111 --prod-account 222222222222',
        'asks nothing, as in a script',
      ],
    ],
    exits: [
      [ExitCode.Converged, 'written'],
      [ExitCode.Usage, 'something is there already, or is missing'],
    ],
  },
).action((options: InitOptions) => run(async () => (await import('./commands/init.js')).init(options)));
guide(
  program
    .command('doctor')
    .description('check Temporal, search attributes, credentials and permissions; say how to mend each')
    .option('--fix', 'make missing folders and search attributes; AWS is only read', false)
    .addOption(output()),
  {
    examples: [
      ['iam-bootstrap doctor', 'where the worker runs, for its credentials'],
      ['iam-bootstrap doctor --fix', 'and mend what is not of AWS'],
    ],
    exits: [
      [ExitCode.Converged, 'nothing stands against an apply'],
      [ExitCode.Failed, 'something does'],
    ],
  },
).action((options: DoctorOptions) => run(async () => (await import('./commands/doctor.js')).doctor(options)));

program.commandsGroup('Run it:');
const RUNNING = [
  [ExitCode.Converged, 'stopped by SIGINT or SIGTERM'],
  ExitCode.Failed,
  [ExitCode.Busy, 'Temporal cannot be reached, or not be started'],
  ExitCode.Usage,
] as const;
guide(program.command('worker').description('run the worker, which holds the AWS credentials'), {
  examples: [['iam-bootstrap worker', 'until it is stopped; TEMPORAL_* and AWS_* say where']],
  exits: RUNNING,
}).action(() => run(async () => (await import('./commands/worker.js')).worker()));
guide(
  program
    .command('dev')
    .description('run Temporal with its UI and a worker on this machine')
    .option('--sandbox', 'an IAM emulator in place of AWS', false)
    .option('--port <number>', 'port of the Temporal server', count)
    .option('--ui-port <number>', 'port of the Temporal UI', count)
    .option('--temporal-cli <path>', 'the Temporal CLI to run'),
  {
    examples: [
      ['iam-bootstrap dev --sandbox', 'nothing of AWS is touched'],
      ['iam-bootstrap dev --sandbox --port 7333 --ui-port 8333', 'beside another server'],
    ],
    exits: RUNNING,
  },
).action((options: DevOptions) => run(async () => (await import('./commands/dev.js')).dev(options)));

program.commandsGroup('The command line:');
program.helpCommand('help [command]', 'the same as --help');
guide(
  program
    .command('completion')
    .description('print a script by which a shell completes command lines')
    .addArgument(new Argument('<shell>').choices(SHELLS)),
  {
    examples: [
      ['source <(iam-bootstrap completion bash)', 'in ~/.bashrc; the same for zsh, in ~/.zshrc after compinit'],
      ['iam-bootstrap completion fish | source', 'in ~/.config/fish/config.fish'],
    ],
    exits: [
      [ExitCode.Converged, 'printed'],
      [ExitCode.Usage, 'there is none for that shell'],
    ],
  },
).action((shell: Shell) => {
  print(completionScript(shell));
});
program
  .command(COMPLETE, { hidden: true })
  .argument('[words...]')
  .action(async (words: readonly string[]) => {
    for (const line of await complete(program, words)) print(line);
  });

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
  if (ms < 1 || ms > MAX_APPROVAL_TIMEOUT_MS)
    throw new InvalidArgumentError('write at most 720h, and more than nothing');
  return ms;
}

function account(text: string): string {
  if (!ACCOUNT.test(text)) throw new InvalidArgumentError('write the twelve digits of an AWS account');
  return text;
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
