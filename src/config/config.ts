import { existsSync } from 'node:fs';
import { isIPv4, isIPv6 } from 'node:net';
import { join } from 'node:path';
import type { Pipeline } from '../contract/entity.js';
import { DEFAULT_TASK_QUEUE } from '../contract/request.js';
import type { Setting } from '../contract/setting.js';
import { ConfigError } from '../contract/user-facing-error.js';
import { pipelineOf } from './ci-provider.js';
import { cacheDirectory, homeOf } from './folders.js';
import { type LoginConfig, readLogin } from './login.js';
import { type Network, readNetwork } from './network.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** The sources of the keys that encrypt payloads. Undefined where a source is not configured. */
export interface EncryptionConfig {
  readonly keys?: string | undefined;
  readonly keysFile?: string | undefined;
  /** ARNs of keys in KMS, with commas between them. */
  readonly kmsKeys?: string | undefined;
  /** Refuses what is not encrypted. */
  readonly isRequired: boolean;
}

/** The configuration of the process, read from its environment here and nowhere else. `variables.ts` explains each variable. */
export interface Config {
  readonly taskQueue: string;
  readonly cacheDirectory: string;
  readonly stateDirectory: string;
  readonly secretsFolder: string | undefined;
  /** The file with what the worker allows. */
  readonly guardrailsFile: string | undefined;
  /** The file with the channels by which the worker tells people. */
  readonly notificationsFile: string | undefined;
  /** The key by which workers with guardrails sign what a plan permits. */
  readonly permitKey: string | undefined;
  readonly permitKeyFile: string | undefined;
  /** The key that clients sign requests with, and by which workers know them. */
  readonly requestKey: string | undefined;
  readonly requestKeyFile: string | undefined;
  /** The keys that encrypt what is sent to Temporal. */
  readonly encryption: EncryptionConfig;
  /** The issuer and the client at which people log in. Undefined where none is set. */
  readonly login: LoginConfig | undefined;
  /** The time after which a call to AWS without a reply counts as lost. */
  readonly awsTimeoutMs: number | undefined;
  /** Source identity of assumed-role sessions, which CloudTrail shows with every call. */
  readonly sourceIdentity: string | undefined;
  /** True where a `TEMPORAL_*` variable or a profile names a server. */
  readonly temporalConfigured: boolean;
  readonly temporalCli: string | undefined;
  readonly uiUrl: string | undefined;
  /** The endpoint in place of AWS that a variable names. */
  readonly iamEndpoint: Setting | undefined;
  readonly healthAddress: string | undefined;
  readonly metricsAddress: string | undefined;
  /** The build of a worker deployment, so that Temporal keeps each run on the build that started it. */
  readonly deployment: { readonly name: string; readonly buildId: string } | undefined;
  readonly logLevel: string;
  readonly network: Network;
  readonly pipeline: Pipeline;
  /** Files for the summary and outputs of a GitHub Actions step, and the checkout. Undefined elsewhere. */
  readonly github: Readonly<Record<'stepSummary' | 'output' | 'workspace', string | undefined>> | undefined;
  /** The whole environment, for child processes and for `@temporalio/envconfig`. */
  readonly environment: Environment;
}

/** Levels of `IAM_BOOTSTRAP_LOG`, the most detailed first. */
const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/** Returns true for levels at which commands log to standard error. */
export function isDebugLevel(level: string): boolean {
  return level === 'debug' || level === 'trace';
}

/** Sets the log level of this process and its children to debug. */
export function enableDebug(): void {
  process.env['IAM_BOOTSTRAP_LOG'] = 'debug';
}

/** Variables that the SDKs read by themselves. To some of them, an empty text is a value. */
const READ_BY_SDKS =
  /^(TEMPORAL_|AWS_|IAM_BOOTSTRAP_|GRPC_|NODE_EXTRA_CA_CERTS$|SSL_CERT_|(https?|no|all|grpc|no_grpc)_proxy$)/i;

/** Removes variables with an empty text from this process: CI services set unused variables so. */
export function unsetEmptyVariables(): void {
  for (const [name, value] of Object.entries(process.env)) {
    if (value === '' && READ_BY_SDKS.test(name)) Reflect.deleteProperty(process.env, name);
  }
}

/** Silences the AWS SDK's warning about the version of Node.js, which every command would print. `doctor` gives it. */
export function silenceSdkVersionWarning(): void {
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
}

/**
 * Reads the configuration.
 *
 * @throws ConfigError
 */
export function loadConfig(variables: Environment = process.env): Config {
  // CI services set unused variables to an empty text.
  const environment = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== ''));
  return {
    taskQueue: environment['IAM_BOOTSTRAP_TASK_QUEUE'] ?? DEFAULT_TASK_QUEUE,
    cacheDirectory: cacheDirectory(environment),
    stateDirectory: environment['IAM_BOOTSTRAP_STATE'] ?? '.iam-bootstrap',
    secretsFolder: environment['IAM_BOOTSTRAP_SECRETS'],
    guardrailsFile: environment['IAM_BOOTSTRAP_GUARDRAILS'],
    notificationsFile: environment['IAM_BOOTSTRAP_NOTIFICATIONS'],
    permitKey: environment['IAM_BOOTSTRAP_PERMIT_KEY'],
    permitKeyFile: environment['IAM_BOOTSTRAP_PERMIT_KEY_FILE'],
    requestKey: environment['IAM_BOOTSTRAP_REQUEST_KEY'],
    requestKeyFile: environment['IAM_BOOTSTRAP_REQUEST_KEY_FILE'],
    encryption: readEncryption(environment),
    login: readLogin(environment),
    awsTimeoutMs: readSeconds(environment, 'IAM_BOOTSTRAP_AWS_TIMEOUT'),
    sourceIdentity: readSourceIdentity(environment),
    temporalConfigured: temporalConfigured(environment),
    temporalCli: environment['IAM_BOOTSTRAP_TEMPORAL_CLI'],
    uiUrl: environment['IAM_BOOTSTRAP_UI_URL'],
    iamEndpoint: readIamEndpoint(environment),
    healthAddress: environment['IAM_BOOTSTRAP_HEALTH'],
    metricsAddress: readSocketAddress(environment, 'IAM_BOOTSTRAP_METRICS'),
    deployment: readDeployment(environment),
    logLevel: readLogLevel(environment),
    network: readNetwork(environment),
    pipeline: pipelineOf(environment),
    github:
      environment['GITHUB_ACTIONS'] === 'true'
        ? {
            stepSummary: environment['GITHUB_STEP_SUMMARY'],
            output: environment['GITHUB_OUTPUT'],
            workspace: environment['GITHUB_WORKSPACE'],
          }
        : undefined,
    environment: Object.fromEntries(
      Object.entries(variables).filter(([name, value]) => value !== '' || !READ_BY_SDKS.test(name)),
    ),
  };
}

function readIamEndpoint(environment: Environment): Setting | undefined {
  if (isOn(environment, 'AWS_IGNORE_CONFIGURED_ENDPOINT_URLS')) return undefined;
  const source = ['AWS_ENDPOINT_URL_IAM', 'AWS_ENDPOINT_URL'].find((name) => environment[name] !== undefined);
  const url = environment[source ?? ''];
  if (source === undefined || url === undefined) return undefined;
  // A URL may have a password.
  return { value: URL.canParse(url) ? `${new URL(url).protocol}//${new URL(url).host}` : 'not a URL', source };
}

/** Reads a switch. Another text than true or false would be taken for either by one library or the other. */
function isOn(environment: Environment, variable: string): boolean {
  const text = environment[variable] ?? 'false';
  if (text === 'true' || text === 'false') return text === 'true';
  throw new ConfigError(
    `${variable} is ${text}; expected true or false`,
    `set ${variable} to true or false, or unset it`,
  );
}

function readEncryption(environment: Environment): EncryptionConfig {
  const mode = environment['IAM_BOOTSTRAP_ENCRYPTION'];
  if (mode !== undefined && mode !== 'required') {
    throw new ConfigError(
      `IAM_BOOTSTRAP_ENCRYPTION is ${mode}; expected required`,
      'set it to required, or unset it: without it, keys encrypt, and what is not encrypted is read as well',
    );
  }
  return {
    keys: environment['IAM_BOOTSTRAP_ENCRYPTION_KEYS'],
    keysFile: environment['IAM_BOOTSTRAP_ENCRYPTION_KEYS_FILE'],
    kmsKeys: environment['IAM_BOOTSTRAP_ENCRYPTION_KMS_KEY'],
    isRequired: mode === 'required',
  };
}

/** Variables that name the build of a worker deployment. Temporal's worker controller sets the second of each. */
const DEPLOYMENT_VARIABLES = {
  name: ['IAM_BOOTSTRAP_DEPLOYMENT', 'TEMPORAL_DEPLOYMENT_NAME'],
  buildId: ['IAM_BOOTSTRAP_BUILD_ID', 'TEMPORAL_WORKER_BUILD_ID'],
} as const;

function readDeployment(environment: Environment): Config['deployment'] {
  const sourceOf = (part: keyof typeof DEPLOYMENT_VARIABLES): string | undefined =>
    DEPLOYMENT_VARIABLES[part].find((variable) => environment[variable] !== undefined);
  const [nameSource, buildSource] = [sourceOf('name'), sourceOf('buildId')];
  const [name, buildId] = [environment[nameSource ?? ''], environment[buildSource ?? '']];
  if (name !== undefined && buildId !== undefined) return { name, buildId };
  const set = nameSource ?? buildSource;
  if (set === undefined) return undefined;
  // Name the missing variable of the pair that is in use.
  const part = nameSource === undefined ? 'name' : 'buildId';
  const missing = DEPLOYMENT_VARIABLES[part][set.startsWith('TEMPORAL_') ? 1 : 0];
  throw new ConfigError(
    `${set} is set without ${missing}: both together name the build of a worker deployment`,
    `set ${missing} as well, or neither`,
  );
}

function readLogLevel(environment: Environment): string {
  const level = environment['IAM_BOOTSTRAP_LOG'] ?? 'info';
  if (LOG_LEVELS.includes(level)) return level;
  throw new ConfigError(`IAM_BOOTSTRAP_LOG is ${level}, not a log level`, `choose one of ${LOG_LEVELS.join(', ')}`);
}

/** Reads the source identity in the format of STS: [AssumeRole](https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html). */
function readSourceIdentity(environment: Environment): string | undefined {
  const variable = 'IAM_BOOTSTRAP_SOURCE_IDENTITY';
  const text = environment[variable];
  if (text === undefined || /^[\w+=,.@-]{2,64}$/.test(text)) return text;
  throw new ConfigError(
    `${variable} is ${text}; expected 2 to 64 letters, digits or characters of _+=,.@-`,
    `set ${variable} to platform-team, for example, or unset it`,
  );
}

function readSeconds(environment: Environment, variable: string): number | undefined {
  const text = environment[variable];
  if (text === undefined) return undefined;
  const ms = Number(text) * 1000;
  if (!(ms >= 1 && ms <= 600_000)) {
    throw new ConfigError(
      `${variable} is ${text}; expected a number of seconds, at most 600`,
      `set ${variable} to 15, for example, or unset it`,
    );
  }
  return ms;
}

/** Reads an IP address and a port. The metrics server resolves no names. */
function readSocketAddress(environment: Environment, variable: string): string | undefined {
  const text = environment[variable];
  if (text === undefined) return undefined;
  const [, four = '', six = '', port = ''] = /^(?:([\d.]+)|\[([\da-f:.]+)\]):(\d{1,5})$/i.exec(text) ?? [];
  if (!(isIPv4(four) || isIPv6(six)) || Number(port) < 1 || Number(port) > 65_535) {
    throw new ConfigError(
      `${variable} is ${text}; expected an IP address and a port`,
      `set ${variable} to 127.0.0.1:9464, for example, or unset it`,
    );
  }
  return text;
}

function temporalConfigured(environment: Environment): boolean {
  const variables = [
    'TEMPORAL_ADDRESS',
    'TEMPORAL_PROFILE',
    'TEMPORAL_CONFIG_FILE',
    'TEMPORAL_API_KEY',
    'IAM_BOOTSTRAP_TEMPORAL_API_KEY_FILE',
  ];
  if (variables.some((name) => environment[name] !== undefined)) return true;
  const home = homeOf(environment);
  const xdg = environment['XDG_CONFIG_HOME'];
  const folders = [
    xdg ?? (home === undefined ? [] : join(home, '.config')),
    home === undefined ? [] : join(home, 'Library/Application Support'),
  ].flat();
  return folders.some((folder) => existsSync(join(folder, 'temporalio', 'temporal.toml')));
}
