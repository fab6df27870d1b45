import { constants, existsSync } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pc from 'picocolors';
import { describeAwsSettings } from '../../aws/describe-settings.js';
import { type AwsSettings, readAwsSettings } from '../../aws/settings.js';
import { loadGuardrails } from '../../client/guardrails.js';
import { findMissingWorker } from '../../client/run/missing-worker.js';
import { type Config, loadConfig } from '../../config/config.js';
import { ExitCode } from '../../contract/failures.js';
import { SEARCH_ATTRIBUTES } from '../../contract/search-attributes.js';
import type { NamedSetting } from '../../contract/setting.js';
import { ConfigError } from '../../contract/user-facing-error.js';
import { positionText } from '../../engine/manifest/problem.js';
import { makeFolder } from '../../files/make-folder.js';
import { counted } from '../../report/text.js';
import { UnreachableError } from '../../temporal/diagnose.js';
import { connectTemporal, type TemporalConnection, withDeadline } from '../../temporal/connect.js';
import { readNamespace } from '../../temporal/installation.js';
import { missingSearchAttributes } from '../../temporal/search-attributes.js';
import { describeTemporalSettings } from '../../temporal/settings.js';
import { columns, plain, print, printJson } from '../terminal.js';
import { checkAws } from './doctor-aws.js';
import { checkCertificates } from './doctor-certificates.js';
import { type Check, configProblem, ok, problem } from './doctor-check.js';
import { checkEncryption } from './doctor-encryption.js';
import { checkNode } from './doctor-node.js';
import { checkNotifications } from './doctor-notifications.js';
import { checkProof } from './doctor-proof.js';

const SIGNS = { ok: pc.green('ok  '), warn: pc.yellow('warn'), fail: pc.red('FAIL') } as const;
const FIXED = pc.cyan('done');

interface DoctorOptions {
  readonly fix: boolean;
  readonly output: 'text' | 'json';
}

/** The findings of `doctor`. */
interface Diagnosis {
  readonly settings: readonly NamedSetting[];
  readonly checks: readonly Check[];
}

/** Prints the settings in force and each check, what was fixed, and how to fix the rest. */
export async function doctor(options: DoctorOptions): Promise<ExitCode> {
  const { settings, checks } = await diagnose(loadConfig(), options);
  const failed = checks.some(({ status }) => status === 'fail');
  if (options.output === 'json') printJson({ version: 1, settings, checks });
  else {
    const rows = settings.map(({ name, value, source }) => [name, plain(value), pc.dim(plain(source))]);
    for (const line of columns([['setting', 'value', 'from'].map((title) => pc.bold(title)), ...rows])) print(line);
    print('');
    for (const { name, status, message, remedy, fixed } of checks) {
      print(`${fixed === null ? SIGNS[status] : FIXED} ${name.padEnd(18)} ${plain(fixed ?? message)}`);
      if (remedy !== null) print(`     ${pc.dim('remedy:')} ${plain(remedy)}`);
    }
    if (options.fix) {
      const repaired = checks.filter(({ fixed }) => fixed !== null).length;
      const remaining = checks.filter(({ remedy }) => remedy !== null).length;
      print(`\n${counted(repaired, 'problem')} fixed, ${String(remaining)} left to fix.`);
    }
  }
  return failed ? ExitCode.Failed : ExitCode.Converged;
}

/** The longest wait for a registered search attribute to appear. */
const MAX_REGISTRATION_MS = 20_000;

/** Temporal's codes for search attribute types. */
const TYPE_NUMBER = { Keyword: 2, Int: 3 } as const;

/**
 * Checks everything that an apply needs, from this machine. Run it where the worker runs, to check the worker's AWS
 * credentials. With `fix`, creates missing folders and search attributes. AWS is only read.
 */
async function diagnose(config: Config, { fix }: { readonly fix: boolean }): Promise<Diagnosis> {
  const described = describeSettings(config);
  const aws = await describeAws(config);
  const { checks, installation } = await checkTemporal(config, fix);
  return {
    settings: [...described.settings, ...aws.settings],
    checks: [
      checkNode(process.version, new Date()),
      await checkFolder('cache folder', config.cacheDirectory, 'IAM_BOOTSTRAP_CACHE', fix),
      await checkFolder('state folder', config.stateDirectory, 'IAM_BOOTSTRAP_STATE', fix),
      checkGuardrails(config),
      await checkNotifications(config),
      await checkEncryption(config),
      await checkProof(config),
      ...checkCertificates(config, new Date()),
      ...checks,
      ...aws.checks,
      ...(aws.found === undefined ? [] : await checkAws(config, aws.found, installation)),
    ],
  };
}

/** Describes the settings of Temporal. Their mistakes are those of the check of Temporal. */
function describeSettings(config: Config): Pick<Diagnosis, 'settings'> {
  const queue = 'IAM_BOOTSTRAP_TASK_QUEUE';
  const source = config.environment[queue] === undefined ? 'default' : queue;
  const settings = [{ name: 'task queue', value: config.taskQueue, source }];
  try {
    return { settings: [...describeTemporalSettings(config), ...settings] };
  } catch (error) {
    if (error instanceof ConfigError) return { settings };
    throw error;
  }
}

async function describeAws(config: Config): Promise<Diagnosis & { readonly found: AwsSettings | undefined }> {
  try {
    const found = await readAwsSettings(config.environment);
    return { settings: describeAwsSettings(found, config.network), checks: [], found };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { settings: [], checks: [configProblem('aws settings', error)], found: undefined };
  }
}

/** Checks a folder that commands create when they need it. */
async function checkFolder(name: string, path: string, variable: string, fix: boolean): Promise<Check> {
  const folder = resolve(path);
  try {
    if (!existsSync(folder)) {
      if (!fix) return ok(name, `${folder} does not exist yet; it is created when needed`);
      await makeFolder(folder, { mode: 0o700 });
      return ok(name, folder, `created ${folder}`);
    }
    if (!(await stat(folder)).isDirectory()) throw new Error('not a folder');
    await access(folder, constants.W_OK);
    return ok(name, folder);
  } catch (error) {
    return problem(
      name,
      'warn',
      `${folder}: ${messageOf(error)}`,
      `make it writable, or set ${variable} to another folder`,
    );
  }
}

/** Checks the file with what a worker on this machine allows. */
function checkGuardrails({ guardrailsFile }: Config): Check {
  const name = 'guardrails';
  if (guardrailsFile === undefined) {
    const message = 'none: a worker writes whatever a client asks for and its AWS credentials allow';
    return problem(name, 'warn', message, 'set IAM_BOOTSTRAP_GUARDRAILS to a file; see docs/guardrails.md');
  }
  const loaded = loadGuardrails(guardrailsFile);
  if (loaded.ok) return ok(name, `${guardrailsFile}, ${loaded.guardrails.digest}`);
  const [first] = loaded.problems;
  if (first === undefined) return problem(name, 'fail', `${guardrailsFile} is invalid`, 'correct the file');
  return problem(name, 'fail', `${positionText(first)}: ${first.message}`, first.remedy);
}

/** The checks of Temporal, and the installation that answered; undefined where none did. */
interface CheckedTemporal {
  readonly checks: readonly Check[];
  readonly installation: string | undefined;
}

async function checkTemporal(config: Config, fix: boolean): Promise<CheckedTemporal> {
  let temporal: TemporalConnection;
  try {
    temporal = await connectTemporal(config);
  } catch (error) {
    if (error instanceof ConfigError) return { checks: [configProblem('temporal', error)], installation: undefined };
    const message = error instanceof Error ? error.message : String(error);
    const remedy = error instanceof UnreachableError ? error.remedy : null;
    const unreachable = [
      config.temporalConfigured
        ? problem('temporal', 'fail', message, remedy ?? 'correct TEMPORAL_ADDRESS')
        : problem(
            'temporal',
            'warn',
            message,
            'nothing to do: apply starts an embedded server; a team sets TEMPORAL_ADDRESS',
          ),
    ];
    return { checks: unreachable, installation: undefined };
  }
  try {
    const { client, address, taskQueue } = temporal;
    const { namespace } = client.options;
    let installation: string | undefined;
    try {
      installation = (await readNamespace(client)).id;
    } catch (error) {
      const remedy = `run \`temporal operator namespace create ${namespace}\`, or set TEMPORAL_NAMESPACE`;
      const message = `${address}: namespace ${namespace}: ${messageOf(error)}`;
      return { checks: [problem('temporal', 'fail', message, remedy)], installation: undefined };
    }
    const missing = await findMissingWorker(temporal);
    const checks = [
      ok('temporal', `${address}, namespace ${namespace}`),
      await checkSearchAttributes(temporal, fix),
      missing === null
        ? ok('worker', `a worker polls task queue ${taskQueue}`)
        : problem('worker', 'fail', missing.message, missing.remedy),
    ];
    return { checks, installation };
  } finally {
    await temporal.close();
  }
}

async function checkSearchAttributes({ client }: TemporalConnection, fix: boolean): Promise<Check> {
  const name = 'search attributes';
  const { namespace } = client.options;
  const { operatorService } = client.connection;
  const wanted = SEARCH_ATTRIBUTES.map((attribute) => attribute.name).join(', ');
  const missing = (): ReturnType<typeof missingSearchAttributes> => missingSearchAttributes(client, client.connection);
  try {
    const absent = await missing();
    const names = absent.map((attribute) => attribute.name).join(', ');
    if (absent.length === 0) return ok(name, wanted);
    if (!fix) {
      const remedy = 'run `iam-bootstrap doctor --fix`; without them, runs can be found by workflow ID only';
      return problem(name, 'warn', `not registered: ${names}`, remedy);
    }
    const searchAttributes = Object.fromEntries(absent.map(({ name: key, type }) => [key, TYPE_NUMBER[type]]));
    await withDeadline(client, () => operatorService.addSearchAttributes({ namespace, searchAttributes }));
    // The server shows them with a delay.
    const end = Date.now() + MAX_REGISTRATION_MS;
    while ((await missing()).length > 0) {
      await pause(200);
      if (Date.now() > end)
        return problem(name, 'warn', `registered, but not visible yet: ${names}`, 'run doctor again later');
    }
    return ok(name, wanted, `registered ${names}`);
  } catch (error) {
    return problem(name, 'warn', messageOf(error), 'register them as an operator of the Temporal server');
  }
}

function messageOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause as { details?: string } | undefined) : undefined;
  return cause?.details ?? (error instanceof Error ? error.message : String(error));
}
