import { readFile, realpath, writeFile } from 'node:fs/promises';
import type { NamedAccount, PlanAccounts } from '../../client/terraform/accounts.js';
import { BLOCKS_HEADER, blocksOf } from '../../client/terraform/blocks.js';
import { readPlanFile } from '../../client/terraform/plan-file.js';
import type { TerraformPlan } from '../../client/terraform/plan.js';
import {
  compareTerraformPlans,
  type ComparedPlans,
  preflight as lookUp,
  preflightExitCode,
  preflightOffline,
} from '../../client/terraform/preflight.js';
import { targetOfRole } from '../../client/terraform/shown-accounts.js';
import { type Config, loadConfig } from '../../config/config.js';
import { ExitCode } from '../../contract/failures.js';
import type { Preflight } from '../../contract/preflight.js';
import { ACCOUNT } from '../../contract/request.js';
import { writeErrorText } from '../../files/write-error.js';
import { renderFinding, renderPreflight } from '../render/preflight.js';
import { loadManifestRequest } from '../request.js';
import { untilInterrupted, UsageError } from '../run-command.js';
import { openSession, type Session } from '../session.js';
import { note, plain, print, printJson, wrapped } from '../terminal.js';

interface PreflightOptions {
  readonly terraform: readonly string[];
  readonly account?: string;
  readonly assumeRole?: string;
  readonly partition?: string;
  readonly provider: readonly string[];
  readonly file: readonly string[];
  readonly environment?: string;
  readonly var: Readonly<Record<string, string>>;
  readonly offline: boolean;
  readonly allowIncomplete: boolean;
  readonly output: readonly string[];
  readonly json: boolean;
  readonly waitTimeout: number;
}

/** Predicts what the creates of Terraform plans meet in the account. Writes nothing to AWS. */
export async function preflight(options: PreflightOptions): Promise<ExitCode> {
  const config = loadConfig();
  // `--output json` asks for JSON in every other command.
  const files = options.output.filter((file) => file !== 'json' && file !== 'text');
  const json = options.json || options.output.includes('json');
  const plans = await readPlans(options);
  await checkBlockFiles(files, plans);
  const given = await accountsOf(options, plans, config, json);
  if (given === null) return ExitCode.Usage;
  const compared = compareTerraformPlans(plans, given);
  const result = options.offline ? preflightOffline(compared) : await ask(compared, options, config);
  for (const [index, file] of files.entries()) await writeBlocks(file, plans[index], result);
  if (json) printJson(result);
  else print(wrapped(renderPreflight(result, files), process.stdout));
  return preflightExitCode(result);
}

async function readPlans({ terraform, allowIncomplete }: PreflightOptions): Promise<readonly TerraformPlan[]> {
  if (terraform.length === 0) {
    throw new UsageError('no plan is named', 'name the output of `terraform show -json` with --terraform FILE');
  }
  const paths = await Promise.all(terraform.map(async (file) => [await pathOf(file), file] as const));
  // The first name of a file is that of its plan.
  const files = new Map([...paths].reverse());
  return Promise.all(
    [...new Set(paths.map(([path]) => path))].map((path) => readPlanFile(files.get(path) ?? path, { allowIncomplete })),
  );
}

/** Returns the path of a file without links and detours, which is the same for all its names. */
async function pathOf(file: string): Promise<string> {
  return file === '-' ? file : realpath(file).catch(() => file);
}

/** Returns the accounts that the options name. Prints the problems of an invalid manifest and returns null. */
async function accountsOf(
  options: PreflightOptions,
  plans: readonly TerraformPlan[],
  config: Config,
  json: boolean,
): Promise<PlanAccounts | null> {
  const paths = new Map(await Promise.all(plans.map(async ({ file }) => [await pathOf(file), file] as const)));
  const providers = await Promise.all(
    options.provider.map(async (text) => {
      const { file, ...named } = parseProvider(text, options.partition);
      return { ...named, file: file === undefined ? undefined : (paths.get(await pathOf(file)) ?? file) };
    }),
  );
  const target = targetOf(options);
  if (options.file.length === 0 && options.environment === undefined) return { target, providers };
  if (target !== undefined || options.partition !== undefined) {
    throw new UsageError(
      '--account, --assume-role and --partition go without a manifest',
      'give either, or --file and --environment',
    );
  }
  const { file, environment, var: variables } = options;
  const manifest = { file, environment, var: variables, output: json ? 'json' : 'text', quiet: true } as const;
  const request = await loadManifestRequest(
    { ...withoutUndefined(manifest), keepGoing: false, waitTimeout: 0 },
    config,
  );
  return request === null ? null : { target: request.target, providers };
}

/** Returns the account that the options name, and the role in it. */
function targetOf({ account, assumeRole, partition }: PreflightOptions): NamedAccount | undefined {
  if (assumeRole === undefined) return account === undefined ? undefined : { account, partition };
  const role = targetOfRole(assumeRole);
  if (role === undefined) {
    throw new UsageError(`--assume-role ${assumeRole} is not the ARN of a role`, 'give arn:aws:iam::ACCOUNT:role/NAME');
  }
  if ((account ?? role.account) === role.account && (partition ?? role.partition) === role.partition) return role;
  throw new UsageError(`--assume-role ${assumeRole} is not in the account that is named`, 'correct one of both');
}

function withoutUndefined<T extends { readonly environment: string | undefined }>({ environment, ...rest }: T) {
  return environment === undefined ? rest : { ...rest, environment };
}

/** Parses `[FILE#]NAME=ACCOUNT`, or a role in the account. */
function parseProvider(
  text: string,
  partition: string | undefined,
): { file: string | undefined; provider: string; target: NamedAccount } {
  const [, file, provider = '', value = ''] = /^(?:(.*)#)?([\w.:-]+)=(.+)$/.exec(text) ?? [];
  const target = ACCOUNT.test(value) ? { account: value, partition } : targetOfRole(value);
  if (provider === '' || target === undefined) {
    throw new UsageError(
      `--provider ${text} is not valid`,
      'give NAME=ACCOUNT, or NAME=ROLE_ARN, with the name of the provider configuration: aws.prod=222222222222',
    );
  }
  return { file, provider, target };
}

/** Asks a worker. Where that fails, what the plans alone show is told nevertheless. */
async function ask(compared: ComparedPlans, options: PreflightOptions, config: Config): Promise<Preflight> {
  const interrupt = untilInterrupted();
  let session: Session | undefined;
  const open = async (): Promise<Session> => (session ??= await openSession(config, note));
  try {
    return await lookUp(async () => (await open()).temporal, compared, {
      waitTimeoutMs: options.waitTimeout,
      signal: interrupt.signal,
      onEvent: (event) => {
        if (event.type === 'no-worker') note(`Waiting for a worker of task queue ${plain(event.taskQueue)}.`);
      },
    });
  } catch (error) {
    for (const finding of compared.findings.values()) {
      if (finding.verdict === 'duplicate')
        note(wrapped(renderFinding(finding, compared.plans.length > 1), process.stderr));
    }
    if (interrupt.signal.aborted) throw interrupt.signal.reason;
    throw error;
  } finally {
    interrupt.dispose();
    await session?.close();
  }
}

/** @throws UsageError where a file of blocks would replace one that a person wrote, or plans have no file of their own */
async function checkBlockFiles(files: readonly string[], plans: readonly TerraformPlan[]): Promise<void> {
  if (files.length > 0 && files.length !== plans.length) {
    throw new UsageError(
      `${String(plans.length)} plans need ${String(plans.length)} files of import blocks, and --output names ${String(files.length)}`,
      'give --output once for each plan, in their order: import blocks stand in the root module of their plan',
    );
  }
  for (const file of files) {
    const present = await readFile(file, 'utf8').catch(() => undefined);
    if (present === undefined || present === '' || present.startsWith(BLOCKS_HEADER)) continue;
    throw new UsageError(
      `--output ${file} exists, and preflight has not written it`,
      'name another file, or remove it',
    );
  }
}

async function writeBlocks(file: string, plan: TerraformPlan | undefined, { findings }: Preflight): Promise<void> {
  const own = findings.filter((finding) => finding.plan === plan?.file);
  try {
    await writeFile(file, blocksOf(own));
  } catch (error) {
    throw new UsageError(
      `--output ${file} cannot be written: ${writeErrorText(error)}`,
      'name a file in a folder that exists and is writable',
    );
  }
}
