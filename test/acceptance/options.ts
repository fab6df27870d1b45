import { parseArgs } from 'node:util';
import { partitionOf } from '../../src/engine/partitions.js';
import { runOf } from './names.js';

/** The endpoint that the acceptance run is played against. `sandbox` and `moto` are started by the run itself. */
export type Platform = 'aws' | 'sandbox' | 'moto' | 'endpoint';

/** The partitions that a run plays in. Their services have the same names in trust policies. */
const PARTITIONS: readonly string[] = ['aws', 'aws-us-gov'];

/** The parts of a run. */
export const PARTS = ['assumptions', 'laws', 'runs'] as const;
export type Part = (typeof PARTS)[number];

/** Options of the acceptance command. */
export interface AcceptanceOptions {
  readonly command: 'run' | 'clean' | 'list';
  /** The start of the names of the run to clean; null for the other commands. */
  readonly cleaned: string | null;
  readonly account: string;
  readonly partition: string;
  readonly assumeRole: string | null;
  /** Begins every name that a run gives, in lower case. */
  readonly prefix: string;
  readonly platform: Platform;
  /** URL of an emulator that runs already, for platform `endpoint`. */
  readonly endpoint: string | null;
  /** The name of the platform in the report. */
  readonly title: string;
  readonly allowOtherEntities: boolean;
  /** Plays the settings that an account has once, too. */
  readonly accountSettings: boolean;
  readonly parts: ReadonlySet<Part>;
  /** Plays these kinds only. Empty: all. */
  readonly kinds: readonly string[];
  readonly output: string;
  /** Leaves account IDs and request IDs in the files. */
  readonly unredacted: boolean;
  /** How long a read may take to show a write, in milliseconds. */
  readonly propagationMs: number;
  /** How long CloudTrail may take to show a call, in milliseconds. */
  readonly trailMs: number;
}

/** Reports a command line that cannot be run. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Help of the command. */
export const HELP = `Plays iam-bootstrap against an AWS account, and reports what AWS does otherwise.

Usage: npm run acceptance -- --account ID [options]

  --account ID              account to play in; refused where the credentials
                            belong to another one
  --assume-role ARN         role to assume first
  --partition NAME          aws or aws-us-gov; default: that of AWS_REGION
  --prefix TEXT             begins every name that is made; default: iamb-
  --allow-other-entities    run in an account that holds other entities
  --account-settings        also play alias, password policy and STS setting,
                            in an account that holds nothing else
  --only PARTS              assumptions, laws, runs; comma-separated
  --kind KIND               laws of this kind only; repeatable
  --list                    list what runs that were killed have left, and end
  --clean RUN-ID            delete what one of these runs has left, and end
  --emulator sandbox|moto   start an emulator, and play against it
  --endpoint URL            play against an emulator that runs
  --title TEXT              name of the emulator in the report
  --output DIR              default: acceptance
  --trail-wait SECONDS      how long CloudTrail may take; default: 900
  --unredacted              leave account and request IDs in the files
`;

const OPTIONS = {
  account: { type: 'string' },
  'assume-role': { type: 'string' },
  partition: { type: 'string' },
  prefix: { type: 'string', default: 'iamb-' },
  'allow-other-entities': { type: 'boolean', default: false },
  'account-settings': { type: 'boolean', default: false },
  only: { type: 'string' },
  kind: { type: 'string', multiple: true },
  clean: { type: 'string' },
  list: { type: 'boolean', default: false },
  emulator: { type: 'string' },
  endpoint: { type: 'string' },
  title: { type: 'string' },
  output: { type: 'string', default: 'acceptance' },
  'trail-wait': { type: 'string' },
  unredacted: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

/** Returns the options of a command line; null where it asks for help. */
export function parseOptions(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>> = {},
): AcceptanceOptions | null {
  const { values } = parse(args);
  if (values.help) return null;
  const account = values.account ?? '';
  if (!/^\d{12}$/.test(account)) throw new UsageError('--account takes the 12 digits of the account to play in');
  // Short, since the names of the laws follow it, and lower case, since IAM compares names without case.
  if (!/^[a-z][a-z0-9]{1,7}-$/.test(values.prefix)) {
    throw new UsageError('--prefix takes 2 to 8 lower-case letters and digits, and a hyphen at the end');
  }
  const platform = platformOf(values);
  const isAws = platform === 'aws';
  const region = environment['AWS_REGION'] ?? environment['AWS_DEFAULT_REGION'] ?? '';
  const partition = values.partition ?? (isAws ? (partitionOf(region) ?? 'aws') : 'aws');
  if (!PARTITIONS.includes(partition)) {
    throw new UsageError(
      `partition ${partition} is not played: names of services in its trust policies are others. ` +
        `Use --partition ${PARTITIONS.join(' or ')}`,
    );
  }
  if (values['account-settings'] && values['allow-other-entities']) {
    throw new UsageError(
      '--account-settings changes how the users of an account sign in, so it takes an account that holds nothing else: ' +
        'leave --allow-other-entities out',
    );
  }
  if (values.list && values.clean !== undefined) throw new UsageError('use either --list or --clean RUN-ID');
  const cleaned = values.clean === undefined ? null : runOf(values.prefix, values.clean);
  if (values.clean !== undefined && cleaned === null) {
    throw new UsageError(`--clean takes the ID of a run, as --list shows it, and ${values.clean} is none`);
  }
  const trailSeconds = Number(values['trail-wait'] ?? (isAws ? 900 : 5));
  if (!(trailSeconds >= 0)) throw new UsageError('--trail-wait takes a number of seconds');
  return {
    command: values.list ? 'list' : cleaned === null ? 'run' : 'clean',
    cleaned,
    account,
    partition,
    assumeRole: values['assume-role'] ?? null,
    prefix: values.prefix,
    platform,
    endpoint: values.endpoint ?? null,
    title: values.title ?? (isAws ? `AWS (partition ${partition})` : platform),
    allowOtherEntities: values['allow-other-entities'],
    accountSettings: values['account-settings'],
    parts: new Set(values.only === undefined ? PARTS : values.only.split(',').map(partOf)),
    kinds: values.kind ?? [],
    output: values.output,
    unredacted: values.unredacted,
    propagationMs: isAws ? 120_000 : 0,
    trailMs: trailSeconds * 1_000,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, strict: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function platformOf({ emulator, endpoint }: { emulator?: string; endpoint?: string }): Platform {
  if (endpoint !== undefined) {
    if (emulator !== undefined) throw new UsageError('--endpoint names an emulator that runs: leave --emulator out');
    if (!URL.canParse(endpoint)) throw new UsageError('--endpoint takes a URL');
    return 'endpoint';
  }
  if (emulator === undefined) return 'aws';
  if (emulator !== 'sandbox' && emulator !== 'moto') throw new UsageError('--emulator takes sandbox or moto');
  return emulator;
}

function partOf(text: string): Part {
  const part = PARTS.find((one) => one === text);
  if (part === undefined) throw new UsageError(`--only takes ${PARTS.join(', ')}; comma-separated`);
  return part;
}
