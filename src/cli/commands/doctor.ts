import { constants, existsSync } from 'node:fs';
import { access, mkdir, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pc from 'picocolors';
import type { Logger } from 'pino';
import { agentsFor } from '../../aws/agents.js';
import { type AwsOptions, createAwsClients } from '../../aws/clients.js';
import { awsError } from '../../aws/errors.js';
import { hasWorker } from '../../client/runs.js';
import { type Config, loadConfig } from '../../config/config.js';
import { ExitCode } from '../../contract/failures.js';
import { SEARCH_ATTRIBUTES } from '../../contract/search-attributes.js';
import { KINDS } from '../../kinds/index.js';
import { counted } from '../../report/text.js';
import { connectTemporal, type TemporalConnection, withDeadline } from '../../temporal/connect.js';
import { readNamespace } from '../../temporal/installation.js';
import { describeOtherInstallations } from './installations.js';
import { openDebugLog } from '../session.js';
import { plain, print, printJson } from '../terminal.js';

const SIGNS = { ok: pc.green('ok  '), warn: pc.yellow('warn'), fail: pc.red('FAIL') } as const;
const FIXED = pc.cyan('done');

interface DoctorOptions {
  readonly fix: boolean;
  readonly output: 'text' | 'json';
}

/** Prints each check, what was fixed, and how to fix the rest. */
export async function doctor(options: DoctorOptions): Promise<ExitCode> {
  const checks = await diagnose(loadConfig(), options);
  const failed = checks.some(({ status }) => status === 'fail');
  if (options.output === 'json') printJson({ version: 1, checks });
  else {
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

/** The result of one check. */
export interface Check {
  readonly name: string;
  /** `warn` does not prevent an apply. */
  readonly status: 'ok' | 'warn' | 'fail';
  readonly message: string;
  readonly remedy: string | null;
  /** The fix that `--fix` made, or null. */
  readonly fixed: string | null;
}

/** The longest wait for a registered search attribute to appear. */
const MAX_REGISTRATION_MS = 20_000;

/** Temporal's codes for search attribute types. */
const TYPE_NUMBER = { Keyword: 2, Int: 3 } as const;

/**
 * Checks everything that an apply needs, from this machine. Run it where the worker runs, to check the worker's AWS
 * credentials. With `fix`, creates missing folders and search attributes. AWS is only read.
 */
export async function diagnose(config: Config, { fix }: { readonly fix: boolean }): Promise<Check[]> {
  const { checks, installation } = await checkTemporal(config, fix);
  return [
    // Older versions do not get here.
    ok('node', process.version),
    await checkFolder('cache folder', config.cacheDirectory, 'IAM_BOOTSTRAP_CACHE', fix),
    await checkFolder('state folder', config.stateDirectory, 'IAM_BOOTSTRAP_STATE', fix),
    ...checks,
    ...(await checkAws(config, installation)),
  ];
}

function ok(name: string, message: string, fixed: string | null = null): Check {
  return { name, status: 'ok', message, remedy: null, fixed };
}

function problem(name: string, status: 'warn' | 'fail', message: string, remedy: string): Check {
  return { name, status, message, remedy, fixed: null };
}

/** Checks a folder that commands create when they need it. */
async function checkFolder(name: string, path: string, variable: string, fix: boolean): Promise<Check> {
  const folder = resolve(path);
  try {
    if (!existsSync(folder)) {
      if (!fix) return ok(name, `${folder} does not exist yet; it is created when needed`);
      await mkdir(folder, { recursive: true });
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
    const message = error instanceof Error ? error.message : String(error);
    const unreachable = [
      config.temporalConfigured
        ? problem('temporal', 'fail', message, 'start the server, or correct TEMPORAL_ADDRESS')
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
    const checks = [
      ok('temporal', `${address}, namespace ${namespace}`),
      await checkSearchAttributes(temporal, fix),
      (await hasWorker(temporal))
        ? ok('worker', `a worker polls task queue ${taskQueue}`)
        : problem('worker', 'fail', `no worker polls task queue ${taskQueue}`, 'run `iam-bootstrap worker`'),
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
  const missing = async (): Promise<(typeof SEARCH_ATTRIBUTES)[number][]> => {
    const { customAttributes } = await withDeadline(client, () => operatorService.listSearchAttributes({ namespace }));
    return SEARCH_ATTRIBUTES.filter((attribute) => !Object.hasOwn(customAttributes, attribute.name));
  };
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

async function checkAws(config: Config, installation: string | undefined): Promise<Check[]> {
  const endpoint: Check = ok('iam endpoint', config.iamEndpoint ?? "AWS's own");
  const log = await openDebugLog(config);
  const clients = createAwsClients(
    { account: '', partition: 'aws' },
    {
      ...(await debugOptions(log)),
      agents: agentsFor(config.network),
      ...(config.awsRegion === undefined ? {} : { region: config.awsRegion }),
    },
  );
  try {
    const caller = await clients.callerIdentity();
    return [
      config.iamEndpoint === undefined
        ? endpoint
        : { ...endpoint, status: 'warn', remedy: 'unset AWS_ENDPOINT_URL_IAM to reach AWS' },
      ok('credentials', `${caller.arn}, account ${caller.account}, partition ${caller.partition}`),
      await checkPermissions(clients, caller.arn),
      await checkEventHistory(clients),
      ...(installation === undefined ? [] : [await checkInstallations(clients, installation)]),
    ];
  } catch (error) {
    const { code, message } = awsError(error);
    return [endpoint, problem('credentials', 'warn', `${code}: ${message}`, credentialsRemedy(code))];
  }
}

async function debugOptions(log: Logger | undefined): Promise<AwsOptions> {
  if (log === undefined) return {};
  const { logAwsCalls } = await import('../../observability/logging.js');
  return { onCall: logAwsCalls(log) };
}

function credentialsRemedy(code: string): string {
  return code === 'CredentialsProviderError'
    ? 'run `aws sso login`, or try `iam-bootstrap dev --sandbox`; jobs that use a worker elsewhere need no credentials'
    : 'renew the AWS credentials; jobs that use a worker elsewhere need none';
}

/** Simulates all actions that the kinds need for the caller. */
async function checkPermissions(clients: ReturnType<typeof createAwsClients>, callerArn: string): Promise<Check> {
  const name = 'permissions';
  const actions = [...new Set(KINDS.flatMap((kind) => [...kind.actions.read, ...kind.actions.write]))];
  const [, partition = 'aws', , , account = '', resource = ''] = callerArn.split(':');
  const role = /^assumed-role\/([^/]+)\//.exec(resource)?.[1];
  const source = role === undefined ? callerArn : `arn:${partition}:iam::${account}:role/${role}`;
  try {
    const results = await clients.reader.list(
      'SimulatePrincipalPolicy',
      { PolicySourceArn: source, ActionNames: actions },
      'EvaluationResults',
    );
    const denied = results
      .filter(({ EvalDecision }) => EvalDecision !== 'allowed')
      .map(({ EvalActionName }) => EvalActionName);
    if (denied.length === 0) return ok(name, `all ${String(actions.length)} actions are allowed`);
    const remedy = 'grant them; docs/operator-policy.json is the complete least-privilege policy';
    return problem(name, 'fail', `denied: ${denied.join(', ')}`, remedy);
  } catch (error) {
    const { code, message } = awsError(error);
    const remedy = 'grant iam:SimulatePrincipalPolicy, or compare the policy with docs/operator-policy.json';
    return problem(name, 'warn', `not checked: ${code}: ${message}`, remedy);
  }
}

/** Checks access to CloudTrail, where `explain` finds other callers. */
async function checkEventHistory({ eventHistory }: ReturnType<typeof createAwsClients>): Promise<Check> {
  const name = 'event history';
  const now = new Date();
  const from = new Date(now.getTime() - 3_600_000);
  try {
    await eventHistory.lookUp({ by: 'EventSource', value: 'iam.amazonaws.com' }, from, now, () => true);
    return ok(name, 'CloudTrail can be read');
  } catch (error) {
    const { code, message } = awsError(error);
    const remedy = 'grant cloudtrail:LookupEvents; without it, explain knows only runs of iam-bootstrap';
    return problem(name, 'warn', `${code}: ${message}`, remedy);
  }
}

/** Checks that no other installation writes to the account: it would know nothing of the locks and ledgers of this one. */
async function checkInstallations({ reader }: ReturnType<typeof createAwsClients>, own: string): Promise<Check> {
  const name = 'installations';
  try {
    const others = await describeOtherInstallations(reader, own);
    if (others.length === 0) return ok(name, `no other than this one, ${own}`);
    const remedy = 'use one Temporal namespace for each account; after a move to a new server, nothing to do';
    return problem(name, 'warn', others.join(', '), remedy);
  } catch (error) {
    const { code, message } = awsError(error);
    return problem(name, 'warn', `not checked: ${code}: ${message}`, 'grant iam:GetAccountAuthorizationDetails');
  }
}

function messageOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause as { details?: string } | undefined) : undefined;
  return cause?.details ?? (error instanceof Error ? error.message : String(error));
}
