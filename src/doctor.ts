import { createAwsClients } from './aws/clients.js';
import { awsError } from './aws/errors.js';
import { connectTemporal, within } from './client/connect.js';
import type { TemporalConnection } from './client/connect.js';
import { hasWorker } from './client/runs.js';
import type { Config } from './config.js';
import { SEARCH_ATTRIBUTES } from './contract/messages.js';
import { KINDS } from './kinds/index.js';

/** One thing that was looked at. */
export interface Check {
  readonly name: string;
  /** `warn` does not stop an apply. */
  readonly status: 'ok' | 'warn' | 'fail';
  readonly message: string;
  /** How to mend it; null where there is nothing to mend. */
  readonly remedy: string | null;
}

/** Oldest Node that the packages work with. */
const OLDEST_NODE: readonly [number, number] = [20, 19];

/** Temporal's numbers for the types of search attributes. */
const TYPE_NUMBER = { Keyword: 2, Int: 3 } as const;

/**
 * Looks at everything that an apply needs, from this machine: run it where the worker runs, to check AWS with the
 * worker's credentials.
 *
 * @param options.register - add the search attributes that are missing
 */
export async function diagnose(config: Config, options: { readonly register: boolean }): Promise<Check[]> {
  return [checkNode(), ...(await checkTemporal(config, options.register)), ...(await checkAws(config))];
}

function ok(name: string, message: string): Check {
  return { name, status: 'ok', message, remedy: null };
}

function checkNode(): Check {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [oldestMajor, oldestMinor] = OLDEST_NODE;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return ok('node', process.version);
  const remedy = `install Node ${String(oldestMajor)}.${String(oldestMinor)} or later`;
  return { name: 'node', status: 'fail', message: `${process.version} is too old`, remedy };
}

async function checkTemporal(config: Config, register: boolean): Promise<Check[]> {
  let temporal: TemporalConnection;
  try {
    temporal = await connectTemporal(config);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return config.temporalConfigured
      ? [{ name: 'temporal', status: 'fail', message, remedy: 'start the server, or mend TEMPORAL_ADDRESS' }]
      : [
          {
            name: 'temporal',
            status: 'warn',
            message,
            remedy: 'none is needed: apply runs an embedded one; a team sets TEMPORAL_ADDRESS',
          },
        ];
  }
  try {
    const { client, address, taskQueue } = temporal;
    const { namespace } = client.options;
    try {
      await within(client, () => client.workflowService.describeNamespace({ namespace }));
    } catch (error) {
      const remedy = `create it: temporal operator namespace create ${namespace}; or set TEMPORAL_NAMESPACE`;
      return [
        { name: 'temporal', status: 'fail', message: `${address}: namespace ${namespace}: ${text(error)}`, remedy },
      ];
    }
    return [
      ok('temporal', `${address}, namespace ${namespace}`),
      await checkSearchAttributes(temporal, register),
      (await hasWorker(temporal))
        ? ok('worker', `polls the task queue ${taskQueue}`)
        : {
            name: 'worker',
            status: 'fail',
            message: `none polls the task queue ${taskQueue}`,
            remedy: 'start one: iam-bootstrap worker',
          },
    ];
  } finally {
    await temporal.close();
  }
}

async function checkSearchAttributes({ client }: TemporalConnection, register: boolean): Promise<Check> {
  const name = 'search attributes';
  const { namespace } = client.options;
  const { operatorService } = client.connection;
  try {
    const { customAttributes } = await within(client, () => operatorService.listSearchAttributes({ namespace }));
    const missing = SEARCH_ATTRIBUTES.filter((attribute) => !Object.hasOwn(customAttributes, attribute.name));
    if (missing.length === 0) return ok(name, SEARCH_ATTRIBUTES.map((attribute) => attribute.name).join(', '));
    const names = missing.map((attribute) => attribute.name).join(', ');
    if (!register) {
      const remedy = 'iam-bootstrap doctor --register; without them runs are found by workflow ID only';
      return { name, status: 'warn', message: `not registered: ${names}`, remedy };
    }
    const searchAttributes = Object.fromEntries(missing.map(({ name: key, type }) => [key, TYPE_NUMBER[type]]));
    await within(client, () => operatorService.addSearchAttributes({ namespace, searchAttributes }));
    return ok(name, `registered ${names}`);
  } catch (error) {
    return { name, status: 'warn', message: text(error), remedy: 'register them with the rights of an operator' };
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
    ];
  } catch (error) {
    const { code, message } = awsError(error);
    const remedy = 'give the worker credentials; a job that only talks to a worker elsewhere needs none';
    return [endpoint, { name: 'credentials', status: 'warn', message: `${code}: ${message}`, remedy }];
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
    return { name, status: 'fail', message: `denied: ${denied.join(', ')}`, remedy };
  } catch (error) {
    const { code, message } = awsError(error);
    const remedy = 'grant iam:SimulatePrincipalPolicy, or compare with docs/operator-policy.json by hand';
    return { name, status: 'warn', message: `could not be checked: ${code}: ${message}`, remedy };
  }
}

function text(error: unknown): string {
  const cause = error instanceof Error ? (error.cause as { details?: string } | undefined) : undefined;
  return cause?.details ?? (error instanceof Error ? error.message : String(error));
}
