import type { Logger } from 'pino';
import { type AwsClients, type AwsOptions, createAwsClients } from '../../aws/clients.js';
import { withoutPassword } from '../../aws/describe-settings.js';
import { type AwsError, awsError } from '../../aws/errors.js';
import { type Fault, faultOf } from '../../aws/faults.js';
import { type AwsSettings, awsOptions } from '../../aws/settings.js';
import type { Config } from '../../config/config.js';
import { policyChecksIn } from '../../client/guardrails.js';
import { ConfigError } from '../../contract/user-facing-error.js';
import { KINDS } from '../../kinds/index.js';
import { openDebugLog } from '../session.js';
import { type Check, configProblem, ok, problem } from './doctor-check.js';
import { describeOtherInstallations } from './installations.js';

/** Checks what a worker needs from AWS, in the partition of the settings. AWS is only read. */
export async function checkAws(
  config: Config,
  settings: AwsSettings,
  installation: string | undefined,
): Promise<Check[]> {
  const endpoint = checkEndpoint(settings);
  let options: AwsOptions;
  try {
    options = awsOptions(config, settings);
  } catch (error) {
    if (error instanceof ConfigError) return [configProblem('aws settings', error)];
    throw error;
  }
  const log = await openDebugLog(config);
  const target = { account: '', partition: settings.partition?.value ?? '' };
  const clients = createAwsClients(target, { ...options, ...(await debugOptions(log)) });
  try {
    const caller = await clients.callerIdentity();
    return [
      endpoint,
      ok('credentials', `${caller.arn}, account ${caller.account}, partition ${caller.partition}`),
      await checkPermissions(clients, caller.arn),
      await checkEventHistory(clients),
      ...(await checkPolicyAnalyzer(clients, config)),
      ...(installation === undefined ? [] : [await checkInstallations(clients, installation)]),
    ];
  } catch (error) {
    const failure = awsError(error);
    const fault = faultOf(failure);
    const message = `${failure.code}: ${failure.message}`;
    return fault === 'credentials'
      ? [endpoint, credentialsProblem(failure, settings)]
      : [
          endpoint,
          problem('aws connection', 'warn', `${FAULTS[fault]}: ${message}`, faultRemedy(fault, settings, config)),
        ];
  } finally {
    clients.destroy();
  }
}

function checkEndpoint({ endpoints: { IAM: found } }: AwsSettings): Check {
  if (found === undefined) return ok('iam endpoint', "AWS's own");
  return problem('iam endpoint', 'warn', withoutPassword(found.value), `remove ${found.source} to reach AWS`);
}

const FAULTS: Readonly<Record<Exclude<Fault, 'credentials'>, string>> = {
  proxy: 'the proxy is at fault, not the credentials',
  network: 'the network is at fault, not the credentials',
  certificate: 'the certificate of the other side is not trusted',
  endpoint: 'the endpoint is at fault, not the credentials',
};

function faultRemedy(
  fault: Exclude<Fault, 'credentials'>,
  { endpoints }: AwsSettings,
  { network: { httpProxy, awsCa } }: Config,
): string {
  const proxy = httpProxy('https:', '', 0)?.variable;
  const override = endpoints.STS?.source;
  switch (fault) {
    case 'proxy':
      return `correct ${proxy ?? 'the proxy'}, have the proxy allow this host, or name the host in NO_PROXY`;
    case 'certificate': {
      const variable = awsCa?.variable ?? 'AWS_CA_BUNDLE';
      return `set ${variable}, or NODE_EXTRA_CA_CERTS, to a file with the CA of your network`;
    }
    case 'network':
      return override !== undefined
        ? `correct ${override}`
        : `allow connections to AWS${proxy === undefined ? '; where they need a proxy, set HTTPS_PROXY' : ''}`;
    case 'endpoint':
      return override !== undefined
        ? `correct ${override}`
        : 'find out what answers in place of AWS: a proxy, a firewall or a sign-in page; or try again later';
  }
}

async function debugOptions(log: Logger | undefined): Promise<AwsOptions> {
  if (log === undefined) return {};
  const { logAwsCalls } = await import('../../observability/logging.js');
  return { onCall: logAwsCalls(log) };
}

/** Tells missing credentials from refused ones, and names where they come from. */
function credentialsProblem({ code, message }: AwsError, { credentials: { value, source } }: AwsSettings): Check {
  const isMissing = code === 'CredentialsProviderError';
  const isSet = source !== 'default';
  const found = isSet ? `${value} from ${source}` : 'no variable or profile names any';
  const remedy = isMissing
    ? `${isSet ? `correct ${source}, or run` : 'run'} \`aws sso login\`, or try \`iam-bootstrap dev --sandbox\``
    : `renew the credentials${isSet ? ` of ${source}` : ''}`;
  return problem(
    'credentials',
    'warn',
    `${isMissing ? 'missing' : 'refused by AWS'} (${found}): ${code}: ${message}`,
    `${remedy}; jobs that use a worker elsewhere need no credentials`,
  );
}

/** Simulates all actions that the kinds need for the caller. */
async function checkPermissions(clients: AwsClients, callerArn: string): Promise<Check> {
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
async function checkEventHistory({ eventHistory }: AwsClients): Promise<Check> {
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

/** Checks access to Access Analyzer, where the guardrails have policies checked by it. */
async function checkPolicyAnalyzer({ policyAnalyzer }: AwsClients, { guardrailsFile }: Config): Promise<Check[]> {
  const checks = guardrailsFile === undefined ? [] : policyChecksIn(guardrailsFile);
  if (checks.length === 0) return [];
  const name = 'policy checks';
  const policy = { Version: '2012-10-17', Statement: [{ Effect: 'Deny', Action: '*', Resource: '*' }] };
  try {
    if (checks.includes('validatePolicy')) await policyAnalyzer.validate('identity', policy);
    if (checks.includes('checkNoNewAccess')) await policyAnalyzer.compare('identity', policy, policy);
    return [ok(name, `Access Analyzer answers (${checks.join(', ')})`)];
  } catch (error) {
    const { code, message } = awsError(error);
    const remedy =
      'grant access-analyzer:ValidatePolicy and access-analyzer:CheckNoNewAccess to the role that plans, or change accessAnalyzer in the guardrails';
    return [problem(name, 'warn', `${code}: ${message}`, remedy)];
  }
}

/** Checks that no other installation writes to the account: it would know nothing of the locks and ledgers of this one. */
async function checkInstallations({ reader }: AwsClients, own: string): Promise<Check> {
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
