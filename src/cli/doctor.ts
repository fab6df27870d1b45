import { constants, existsSync } from 'node:fs';
import { access, mkdir, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createAwsClients } from '../aws/clients.js';
import { awsError } from '../aws/errors.js';
import { connectTemporal, within } from '../temporal/connect.js';
import type { TemporalConnection } from '../temporal/connect.js';
import { hasWorker } from '../client/runs.js';
import type { Config } from '../config/config.js';
import { SEARCH_ATTRIBUTES } from '../contract/search-attributes.js';
import { KINDS } from '../kinds/index.js';

/** One thing that was looked at. */
export interface Check {
  readonly name: string;
  /** `warn` does not stop an apply. */
  readonly status: 'ok' | 'warn' | 'fail';
  readonly message: string;
  /** How to mend it; null where there is nothing to mend. */
  readonly remedy: string | null;
  /** What was done to mend it; null where nothing was. */
  readonly fixed: string | null;
}

/** Oldest Node that the packages work with. */
const OLDEST_NODE: readonly [number, number] = [20, 19];

/** So long a server may take to show what was registered with it. */
const REGISTERED_WITHIN_MS = 20_000;

/** Temporal's numbers for the types of search attributes. */
const TYPE_NUMBER = { Keyword: 2, Int: 3 } as const;

/**
 * Looks at everything that an apply needs, from this machine: run it where the worker runs, to check AWS with the
 * worker's credentials.
 *
 * @param options.fix - mend what is this machine's or Temporal's: folders, search attributes. AWS is only ever read
 */
export async function diagnose(config: Config, options: { readonly fix: boolean }): Promise<Check[]> {
  return [
    checkNode(),
    await checkFolder('cache folder', config.cacheDirectory, 'IAM_BOOTSTRAP_CACHE', options.fix),
    await checkFolder('state folder', config.stateDirectory, 'IAM_BOOTSTRAP_STATE', options.fix),
    ...(await checkTemporal(config, options.fix)),
    ...(await checkAws(config)),
  ];
}

function ok(name: string, message: string, fixed: string | null = null): Check {
  return { name, status: 'ok', message, remedy: null, fixed };
}

function amiss(name: string, status: 'warn' | 'fail', message: string, remedy: string): Check {
  return { name, status, message, remedy, fixed: null };
}

function checkNode(): Check {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [oldestMajor, oldestMinor] = OLDEST_NODE;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return ok('node', process.version);
  const remedy = `install Node ${String(oldestMajor)}.${String(oldestMinor)} or later`;
  return amiss('node', 'fail', `${process.version} is too old`, remedy);
}

/** A folder of ours: commands make it where they need it, if they may. */
async function checkFolder(name: string, path: string, variable: string, fix: boolean): Promise<Check> {
  const place = resolve(path);
  try {
    if (!existsSync(place)) {
      if (!fix) return ok(name, `${place}: not there yet, and made when it is needed`);
      await mkdir(place, { recursive: true });
      return ok(name, place, `made ${place}`);
    }
    if (!(await stat(place)).isDirectory()) throw new Error('it is no folder');
    await access(place, constants.W_OK);
    return ok(name, place);
  } catch (error) {
    return amiss(name, 'warn', `${place}: ${text(error)}`, `make it writable, or set ${variable} to another folder`);
  }
}

async function checkTemporal(config: Config, fix: boolean): Promise<Check[]> {
  let temporal: TemporalConnection;
  try {
    temporal = await connectTemporal(config);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return [
      config.temporalConfigured
        ? amiss('temporal', 'fail', message, 'start the server, or mend TEMPORAL_ADDRESS')
        : amiss(
            'temporal',
            'warn',
            message,
            'none is needed: apply runs an embedded one; a team sets TEMPORAL_ADDRESS',
          ),
    ];
  }
  try {
    const { client, address, taskQueue } = temporal;
    const { namespace } = client.options;
    try {
      await within(client, () => client.workflowService.describeNamespace({ namespace }));
    } catch (error) {
      const remedy = `create it: temporal operator namespace create ${namespace}; or set TEMPORAL_NAMESPACE`;
      return [amiss('temporal', 'fail', `${address}: namespace ${namespace}: ${text(error)}`, remedy)];
    }
    return [
      ok('temporal', `${address}, namespace ${namespace}`),
      await checkSearchAttributes(temporal, fix),
      (await hasWorker(temporal))
        ? ok('worker', `polls the task queue ${taskQueue}`)
        : amiss('worker', 'fail', `none polls the task queue ${taskQueue}`, 'start one: iam-bootstrap worker'),
    ];
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
    const { customAttributes } = await within(client, () => operatorService.listSearchAttributes({ namespace }));
    return SEARCH_ATTRIBUTES.filter((attribute) => !Object.hasOwn(customAttributes, attribute.name));
  };
  try {
    const absent = await missing();
    const names = absent.map((attribute) => attribute.name).join(', ');
    if (absent.length === 0) return ok(name, wanted);
    if (!fix) {
      const remedy = 'iam-bootstrap doctor --fix; without them runs are found by workflow ID only';
      return amiss(name, 'warn', `not registered: ${names}`, remedy);
    }
    const searchAttributes = Object.fromEntries(absent.map(({ name: key, type }) => [key, TYPE_NUMBER[type]]));
    await within(client, () => operatorService.addSearchAttributes({ namespace, searchAttributes }));
    // The server tells of them a little later.
    const end = Date.now() + REGISTERED_WITHIN_MS;
    while ((await missing()).length > 0) {
      await pause(200);
      if (Date.now() > end) return amiss(name, 'warn', `registered, and not shown yet: ${names}`, 'look again later');
    }
    return ok(name, wanted, `registered ${names}`);
  } catch (error) {
    return amiss(name, 'warn', text(error), 'register them with the rights of an operator');
  }
}

async function checkAws(config: Config): Promise<Check[]> {
  const endpoint: Check = ok('iam endpoint', config.iamEndpoint ?? "AWS's own");
  const clients = createAwsClients({ account: '', partition: 'aws' }, {});
  try {
    const caller = await clients.callerIdentity();
    return [
      config.iamEndpoint === undefined
        ? endpoint
        : { ...endpoint, status: 'warn', remedy: 'unset AWS_ENDPOINT_URL_IAM to reach AWS' },
      ok('credentials', `${caller.arn}, account ${caller.account}, partition ${caller.partition}`),
      await checkPermissions(clients, caller.arn),
      await checkEventHistory(clients),
    ];
  } catch (error) {
    const { code, message } = awsError(error);
    const remedy = 'give the worker credentials; a job that only talks to a worker elsewhere needs none';
    return [endpoint, amiss('credentials', 'warn', `${code}: ${message}`, remedy)];
  }
}

/** Asks IAM whether the caller may do all that the kinds declare. */
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
    const remedy = 'grant them: docs/operator-policy.json holds the whole least-privilege policy';
    return amiss(name, 'fail', `denied: ${denied.join(', ')}`, remedy);
  } catch (error) {
    const { code, message } = awsError(error);
    const remedy = 'grant iam:SimulatePrincipalPolicy, or compare with docs/operator-policy.json by hand';
    return amiss(name, 'warn', `could not be checked: ${code}: ${message}`, remedy);
  }
}

/** What `explain` knows of others it has from there. */
async function checkEventHistory({ eventHistory }: ReturnType<typeof createAwsClients>): Promise<Check> {
  const name = 'event history';
  const now = new Date();
  const from = new Date(now.getTime() - 3_600_000);
  try {
    await eventHistory.lookUp({ by: 'EventSource', value: 'iam.amazonaws.com' }, from, now, () => true);
    return ok(name, 'CloudTrail may be asked who made what');
  } catch (error) {
    const { code, message } = awsError(error);
    const remedy = 'grant cloudtrail:LookupEvents; without it explain knows of our own runs only';
    return amiss(name, 'warn', `${code}: ${message}`, remedy);
  }
}

function text(error: unknown): string {
  const cause = error instanceof Error ? (error.cause as { details?: string } | undefined) : undefined;
  return cause?.details ?? (error instanceof Error ? error.message : String(error));
}
