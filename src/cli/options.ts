import { type Command, InvalidArgumentError, Option } from 'commander';
import { DEFAULT_MANIFEST } from '../client/init.js';
import { MAX_APPROVAL_TIMEOUT_MS, PLAN_DIGEST } from '../contract/approval.js';
import { ACCOUNT } from '../contract/request.js';
import { MIN_INTERVAL_MS } from '../contract/schedule.js';

/** Headings under which the help of a command lists its options. */
const GROUPS = {
  manifest: 'Manifest:',
  output: 'Output:',
  writes: 'What may be written:',
  run: 'Run:',
  approval: 'Approval:',
  namespace: 'Which run:',
  fleet: 'Fleet:',
} as const;

/** Returns the option that chooses between text and JSON. */
export function outputOption(): Option {
  return new Option('-o, --output <format>', 'format of standard output').choices(['text', 'json']).default('text');
}

/** Returns the option that silences progress. */
export function quietOption(): Option {
  return new Option('-q, --quiet', 'print the result only');
}

/** Returns the option that bounds a wait. */
export function waitTimeoutOption(what: string): Option {
  return new Option('--wait-timeout <duration>', `how long to wait for ${what}: 90s, 30m, 2h`)
    .default(30 * 60_000, '30m')
    .argParser(parseDuration);
}

/** Returns the option that limits a search to an account. */
export function accountOption(description: string): Option {
  return new Option('-a, --account <id>', description).argParser(parseAccount);
}

/** Returns the option that limits a search in time. */
export function sinceOption(): Option {
  return new Option('--since <duration>', 'how far back to look: 90m, 12h, 7d').argParser(parseLookBack);
}

/** Returns the option that names a plan by its digest. */
export function planOption(): Option {
  return new Option('--plan <digest>', 'digest of the reviewed plan; default: show it and ask').argParser(
    parsePlanDigest,
  );
}

/** Returns the option that names manifests. */
function fileOption(description: string): Option {
  return new Option('-f, --file <path>', description).argParser(parseRepeatable).default([], DEFAULT_MANIFEST);
}

/** Adds the options that name a manifest and how its result is printed. */
export function addManifestOptions(command: Command): Command {
  return command
    .optionsGroup(GROUPS.manifest)
    .addOption(fileOption('manifest in YAML, JSON or TypeScript, template, or - for standard input (repeatable)'))
    .option('-e, --environment <name>', 'environment of the manifest; optional if it declares only one')
    .option('--var <name=value>', 'value of a variable (repeatable)', parseAssignment, {})
    .optionsGroup(GROUPS.output)
    .addOption(outputOption())
    .addOption(quietOption());
}

/** Adds the options that widen what a run may take over or remove. */
export function addAdoptionOptions(command: Command): Command {
  return addTrustOption(command)
    .optionsGroup(GROUPS.writes)
    .option('--adopt <foreign:KIND/NAME>', 'take an entity over from its owner (repeatable)', parseRepeatable, [])
    .option('--remove-unmanaged', 'apply "unmanaged: remove" to newly adopted entities as well', false)
    .addOption(
      new Option('--orphans <what>', 'what to do with entities that left the manifest; default: as it says').choices([
        'report',
        'release',
        'remove',
      ]),
    );
}

/** Adds the option that allows to delete what other entities trust. */
export function addTrustOption(command: Command): Command {
  return command
    .optionsGroup(GROUPS.writes)
    .option(
      '--delete-trusted <KIND/NAME>',
      'delete an identity provider although roles trust it (repeatable)',
      parseRepeatable,
      [],
    );
}

/** Adds the options of a command that sends a request to Temporal. */
export function addRequestOptions(command: Command): Command {
  return command
    .optionsGroup(GROUPS.run)
    .option('--keep-going', 'if the plan refuses an entity, converge the rest', false)
    .addOption(waitTimeoutOption('the namespace or a worker'))
    .addOption(
      new Option(
        '--timeout <duration>',
        'end the run when it has made no progress for this long: 90s, 30m, 2h (default: 1h)',
      ).argParser(parseDuration),
    )
    .option('--request-key <key>', 'idempotency key; a repeated request is recognized by it')
    .optionsGroup(GROUPS.output)
    .option('--summary <file>', 'also write the report as Markdown, for a job or a pull request')
    .option('--junit <file>', 'also write the report as JUnit XML, with a test case per entity');
}

/** Returns the option that names a fleet of the manifest. */
export function fleetOption(
  description = 'all accounts of a fleet of the manifest, in place of an environment',
): Option {
  return new Option('--fleet <name>', description);
}

/** Adds the options that choose the accounts of a fleet. */
export function addFleetOptions(command: Command): Command {
  return command
    .optionsGroup(GROUPS.fleet)
    .addOption(fleetOption())
    .option('--accounts <ids>', 'only these accounts of the fleet, separated by commas', parseAccounts);
}

/** Adds the options of a command that writes to a fleet. */
export function addFleetRunOptions(command: Command): Command {
  return addFleetOptions(command)
    .option('--approve-waves', 'wait for an approval before each wave but the first', false)
    .option('--retry-failed', 'only the accounts that did not converge in the last run of the fleet', false);
}

/** Adds the options of a command that writes to AWS. */
export function addRunOptions(command: Command): Command {
  return addRevisionOptions(addRequestOptions(command));
}

/** Adds the options that name the revision of a manifest. */
export function addRevisionOptions(command: Command): Command {
  return command
    .optionsGroup(GROUPS.run)
    .option('--revision <number>', 'revision of the manifest; default: commit time, in CI', naturalParser(15))
    .option('--allow-older', 'apply even if a newer revision was applied before', false);
}

/** Adds `--no-wait`: the command ends where it would have to wait. */
export function addNoWaitOption(command: Command): Command {
  return command
    .optionsGroup('Run:')
    .option('--no-wait', 'exit with 4 instead of waiting for another run or an approval');
}

/** Adds the options that say when a schedule runs, and what it does. */
export function addScheduleOptions(command: Command): Command {
  return command
    .optionsGroup('Schedule:')
    .addOption(fleetOption())
    .option('--enforce', 'apply the manifest where something differs; default: only look', false)
    .addOption(new Option('--every <duration>', 'interval: 30m, 6h; at least 10s').argParser(parseInterval))
    .option('--cron <expression>', 'times as five cron fields, in UTC')
    .addOption(new Option('--jitter <duration>', 'delay each run by up to this').argParser(parseDuration))
    .option('--name <name>', 'tells it from others of the same environment')
    .option('--paused', 'create it paused', false)
    .option('--reason <text>', 'reason, kept in the schedule')
    .optionsGroup('Which schedules:')
    .addOption(accountOption('only schedules of this account; for create: of the stack'))
    .option('-n, --namespace <name>', 'only schedules of this namespace; for create: of the stack');
}

/** Parses the interval of a schedule into milliseconds. */
function parseInterval(text: string): number {
  const ms = parseDuration(text);
  if (ms < MIN_INTERVAL_MS) throw new InvalidArgumentError('Expected at least 10s.');
  return ms;
}

/** Adds the options that make a run wait for an approval. */
export function addApprovalOptions(command: Command): Command {
  return command
    .optionsGroup(GROUPS.approval)
    .option('--require-approval', 'write nothing until the plan is approved', false)
    .addOption(
      new Option('--approval-timeout <duration>', 'how long to wait for the approval, at most 720h')
        .default(24 * 3_600_000, '24h')
        .argParser(parseApprovalTimeout),
    );
}

/** Adds the options that name a run: by account and namespace, or by manifest. */
export function addNamespaceOptions(command: Command): Command {
  return command
    .optionsGroup(GROUPS.output)
    .addOption(outputOption())
    .optionsGroup(GROUPS.namespace)
    .addOption(accountOption('account of the namespace'))
    .option('-n, --namespace <name>', 'namespace; needs --account')
    .addOption(fileOption('manifest, instead of --account and --namespace'))
    .option('-e, --environment <name>', 'environment of the manifest; optional if it declares only one')
    .option('--var <name=value>', 'value of a variable (repeatable)', parseAssignment, {})
    .addOption(fleetOption('fleet of the namespace, in place of an account'))
    .option('--run <id>', 'only the run with this ID');
}

/** Adds the options that name an account by the environment of a manifest. */
export function addTargetManifestOptions(command: Command): Command {
  return command
    .addOption(fileOption('manifest that names the account, instead of --account'))
    .option('-e, --environment <name>', 'environment of the manifest; optional if it declares only one')
    .option('--var <name=value>', 'value of a variable (repeatable)', parseAssignment, {});
}

/** Adds a value to the earlier ones. */
export function parseRepeatable(value: string, earlier: readonly string[]): string[] {
  return [...earlier, value];
}

/** Adds `name=value` to the earlier ones. */
export function parseAssignment(text: string, earlier: Readonly<Record<string, string>>): Record<string, string> {
  const separator = text.indexOf('=');
  if (separator < 1) throw new InvalidArgumentError('Expected name=value.');
  return { ...earlier, [text.slice(0, separator)]: text.slice(separator + 1) };
}

/** Parses a duration such as `90s`, `30m` or `2h` into milliseconds. */
function parseDuration(text: string): number {
  const ms = durationMs(text);
  if (ms === undefined) throw new InvalidArgumentError('Expected a duration such as 90s, 30m or 2h.');
  return ms;
}

/** Parses how far back to look, such as `90m`, `12h` or `7d`, into milliseconds. */
function parseLookBack(text: string): number {
  const ms = /^\d{1,4}d$/.test(text) ? Number.parseInt(text, 10) * 24 * UNITS.h : durationMs(text);
  if (ms === undefined || ms < 1) throw new InvalidArgumentError('Expected a duration such as 90m, 12h or 7d.');
  return ms;
}

/** Parses how long an approval may take into milliseconds. */
function parseApprovalTimeout(text: string): number {
  const ms = parseDuration(text);
  if (ms < 1 || ms > MAX_APPROVAL_TIMEOUT_MS) {
    throw new InvalidArgumentError('Expected a duration of more than 0s and at most 720h.');
  }
  return ms;
}

function parseAccount(text: string): string {
  if (!ACCOUNT.test(text)) throw new InvalidArgumentError('Expected the 12 digits of an AWS account ID.');
  return text;
}

/** Parses account IDs that are separated by commas, and adds them to the earlier ones. */
function parseAccounts(text: string, earlier: readonly string[] = []): string[] {
  return [...earlier, ...text.split(',').map((id) => parseAccount(id.trim()))];
}

function parsePlanDigest(text: string): string {
  if (PLAN_DIGEST.test(text)) return text;
  throw new InvalidArgumentError('Expected the digest of a plan: sha256: and 64 hexadecimal digits.');
}

/** Returns a parser of whole numbers. */
export function naturalParser(maxDigits: number): (text: string) => number {
  return (text) => {
    if (/^\d+$/.test(text) && text.length <= maxDigits) return Number(text);
    throw new InvalidArgumentError(`Expected a whole number of at most ${String(maxDigits)} digits.`);
  };
}

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

/** Converts `90s`, `30m`, `2h` or `500ms` to milliseconds. Returns undefined for anything else. */
export function durationMs(text: string): number | undefined {
  const [, count, unit] = /^(\d+)(ms|s|m|h)$/.exec(text) ?? [];
  return unit === undefined ? undefined : Number(count) * UNITS[unit as keyof typeof UNITS];
}

/** Parses an address to listen on: `127.0.0.1:8081`, `[::1]:8081`. */
export function parseListen(text: string): { readonly host: string; readonly port: number } {
  const [, six, name, port = ''] = /^(?:\[([\da-f:.]+)\]|([\w.-]+)):(\d{1,5})$/i.exec(text) ?? [];
  const host = six ?? name;
  if (host === undefined || Number(port) > 65_535) throw new InvalidArgumentError('expected host:port');
  return { host, port: Number(port) };
}

/** Collects origins of web pages: `https://temporal.example.com`, without a path. */
export function parseOrigin(text: string, previous: readonly string[]): readonly string[] {
  const origin = URL.canParse(text) ? new URL(text).origin : 'null';
  if (!/^https?:/.test(origin)) throw new InvalidArgumentError('expected http(s)://host[:port]');
  return [...previous, origin];
}
