import { existsSync } from 'node:fs';
import { isIPv4, isIPv6 } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Pipeline } from '../contract/entity.js';
import { ExitCode } from '../contract/failures.js';
import { DEFAULT_TASK_QUEUE } from '../contract/request.js';
import { UserFacingError } from '../contract/user-facing-error.js';
import { pipelineOf } from './ci-provider.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** What the process is told by its environment. Every variable is read here and nowhere else. */
export interface Config {
  /** `IAM_BOOTSTRAP_TASK_QUEUE`. Default: `iam-bootstrap`. */
  readonly taskQueue: string;
  /** Things that are fetched or built once. `IAM_BOOTSTRAP_CACHE`. Default: the user's cache folder. */
  readonly cacheDirectory: string;
  /** The embedded server's database. `IAM_BOOTSTRAP_STATE`. Default: `.iam-bootstrap` in the working folder. */
  readonly stateDirectory: string;
  /** Folder for secrets that a manifest wants in files. `IAM_BOOTSTRAP_SECRETS`. Default: none, which refuses them. */
  readonly secretsFolder: string | undefined;
  /** Region of AWS Secrets Manager. `AWS_REGION`, `AWS_DEFAULT_REGION`. Default: the one that IAM is signed for. */
  readonly awsRegion: string | undefined;
  /**
   * How long a call to AWS may stay without an answer before it counts as lost. `IAM_BOOTSTRAP_AWS_TIMEOUT`, in seconds;
   * here in milliseconds. Default: 15 seconds.
   */
  readonly awsTimeoutMs: number | undefined;
  /**
   * Source identity of the sessions in which roles are assumed: CloudTrail shows it with every call, after further roles
   * were assumed as well. Each role's trust policy has to allow `sts:SetSourceIdentity`. `IAM_BOOTSTRAP_SOURCE_IDENTITY`.
   * Default: none.
   */
  readonly sourceIdentity: string | undefined;
  /** Whether a `TEMPORAL_*` variable or a profile names a server. */
  readonly temporalConfigured: boolean;
  /** A Temporal CLI for embedded servers. `IAM_BOOTSTRAP_TEMPORAL_CLI`. */
  readonly temporalCli: string | undefined;
  /** Address of the Temporal UI, for links. `IAM_BOOTSTRAP_UI_URL`. */
  readonly uiUrl: string | undefined;
  /** A non-AWS endpoint that the AWS SDK will use for IAM: always shown. */
  readonly iamEndpoint: string | undefined;
  /** `host:port` where the worker answers `/health`. `IAM_BOOTSTRAP_HEALTH`. Default: none. */
  readonly healthAddress: string | undefined;
  /** `host:port` where the worker answers `/metrics` to Prometheus; the host is an IP. `IAM_BOOTSTRAP_METRICS`. Default: none. */
  readonly metricsAddress: string | undefined;
  /**
   * Which build of which worker deployment a worker is, where Temporal is to send each run to the build that started it.
   * `IAM_BOOTSTRAP_DEPLOYMENT`, `IAM_BOOTSTRAP_BUILD_ID`. Default: none, and every worker takes every run.
   */
  readonly deployment: { readonly name: string; readonly buildId: string } | undefined;
  /** `trace` to `fatal`. `IAM_BOOTSTRAP_LOG`. Default: `info`. */
  readonly logLevel: string;
  /** `GITHUB_ACTIONS`, `GITLAB_CI`, …: where the request comes from. */
  readonly pipeline: Pipeline;
  /** Files by which a step of GitHub Actions says what is shown and handed on, and its checkout. Undefined elsewhere. */
  readonly github:
    | {
        readonly stepSummary: string | undefined;
        readonly output: string | undefined;
        readonly workspace: string | undefined;
      }
    | undefined;
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

/** Silences the AWS SDK's warning about the version of Node.js, which users of a command cannot act on. */
export function silenceSdkVersionWarning(): void {
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
}

/** Reports environment variables that are invalid or do not go together. */
export class ConfigError extends UserFacingError {
  override readonly name = 'ConfigError';
  override readonly exitCode = ExitCode.Usage;
}

/**
 * Reads the configuration.
 *
 * @throws ConfigError
 */
export function loadConfig(variables: Environment = process.env): Config {
  // CI services set what they do not use to an empty text.
  const environment = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== ''));
  return {
    taskQueue: environment['IAM_BOOTSTRAP_TASK_QUEUE'] ?? DEFAULT_TASK_QUEUE,
    cacheDirectory: cacheDirectory(environment),
    stateDirectory: environment['IAM_BOOTSTRAP_STATE'] ?? '.iam-bootstrap',
    secretsFolder: environment['IAM_BOOTSTRAP_SECRETS'],
    awsRegion: environment['AWS_REGION'] ?? environment['AWS_DEFAULT_REGION'],
    awsTimeoutMs: secondsOf(environment, 'IAM_BOOTSTRAP_AWS_TIMEOUT'),
    sourceIdentity: sourceIdentityOf(environment),
    temporalConfigured: temporalConfigured(environment),
    temporalCli: environment['IAM_BOOTSTRAP_TEMPORAL_CLI'],
    uiUrl: environment['IAM_BOOTSTRAP_UI_URL'],
    iamEndpoint: environment['AWS_ENDPOINT_URL_IAM'] ?? environment['AWS_ENDPOINT_URL'],
    healthAddress: environment['IAM_BOOTSTRAP_HEALTH'],
    metricsAddress: socketAddressOf(environment, 'IAM_BOOTSTRAP_METRICS'),
    deployment: deploymentOf(environment),
    logLevel: parseLogLevel(environment),
    pipeline: pipelineOf(environment),
    github:
      environment['GITHUB_ACTIONS'] === 'true'
        ? {
            stepSummary: environment['GITHUB_STEP_SUMMARY'],
            output: environment['GITHUB_OUTPUT'],
            workspace: environment['GITHUB_WORKSPACE'],
          }
        : undefined,
    environment: variables,
  };
}

/** Both or neither: a build of no deployment is nothing that Temporal could send runs to. */
function deploymentOf(environment: Environment): Config['deployment'] {
  const [name, buildId] = [environment['IAM_BOOTSTRAP_DEPLOYMENT'], environment['IAM_BOOTSTRAP_BUILD_ID']];
  if (name === undefined && buildId === undefined) return undefined;
  if (name === undefined || buildId === undefined) {
    const [set, missing] = ['IAM_BOOTSTRAP_DEPLOYMENT', 'IAM_BOOTSTRAP_BUILD_ID'].sort((a) =>
      environment[a] === undefined ? 1 : -1,
    );
    throw new ConfigError(
      `${set ?? ''} is set without ${missing ?? ''}: together they say which build of which deployment a worker is`,
      `set ${missing ?? ''} as well, or neither`,
    );
  }
  return { name, buildId };
}

function parseLogLevel(environment: Environment): string {
  const level = environment['IAM_BOOTSTRAP_LOG'] ?? 'info';
  if (LOG_LEVELS.includes(level)) return level;
  throw new ConfigError(`IAM_BOOTSTRAP_LOG is ${level}, not a log level`, `choose one of ${LOG_LEVELS.join(', ')}`);
}

/** As STS takes it: [AssumeRole](https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html). */
function sourceIdentityOf(environment: Environment): string | undefined {
  const variable = 'IAM_BOOTSTRAP_SOURCE_IDENTITY';
  const text = environment[variable];
  if (text === undefined || /^[\w+=,.@-]{2,64}$/.test(text)) return text;
  throw new ConfigError(
    `${variable} is ${text}, and has to be 2 to 64 letters, digits or characters of _+=,.@-`,
    `set ${variable} to platform-team, or not at all`,
  );
}

/** A number of seconds, in milliseconds. */
function secondsOf(environment: Environment, variable: string): number | undefined {
  const text = environment[variable];
  if (text === undefined) return undefined;
  const ms = Number(text) * 1000;
  if (!(ms >= 1 && ms <= 600_000)) {
    throw new ConfigError(
      `${variable} is ${text}, and has to be a number of seconds, at most 600`,
      `set ${variable} to 15, or not at all`,
    );
  }
  return ms;
}

/** An IP and a port: whatever listens there resolves no names. */
function socketAddressOf(environment: Environment, variable: string): string | undefined {
  const text = environment[variable];
  if (text === undefined) return undefined;
  const [, four = '', six = '', port = ''] = /^(?:([\d.]+)|\[([\da-f:.]+)\]):(\d{1,5})$/i.exec(text) ?? [];
  if (!(isIPv4(four) || isIPv6(six)) || Number(port) < 1 || Number(port) > 65_535) {
    throw new ConfigError(
      `${variable} is ${text}, and has to be an IP address and a port`,
      `set ${variable} to 127.0.0.1:9464, or not at all`,
    );
  }
  return text;
}

function cacheDirectory(environment: Environment): string {
  const named = environment['IAM_BOOTSTRAP_CACHE'];
  if (named !== undefined && named !== '') return named;
  const xdg = environment['XDG_CACHE_HOME'];
  if (xdg !== undefined && xdg !== '') return join(xdg, 'iam-bootstrap');
  const home = environment['HOME'] ?? homedir();
  return process.platform === 'darwin'
    ? join(home, 'Library/Caches/iam-bootstrap')
    : join(home, '.cache/iam-bootstrap');
}

function temporalConfigured(environment: Environment): boolean {
  const variables = ['TEMPORAL_ADDRESS', 'TEMPORAL_PROFILE', 'TEMPORAL_CONFIG_FILE', 'TEMPORAL_API_KEY'];
  if (variables.some((name) => (environment[name] ?? '') !== '')) return true;
  const home = environment['HOME'] ?? homedir();
  const folders = [environment['XDG_CONFIG_HOME'] ?? join(home, '.config'), join(home, 'Library/Application Support')];
  return folders.some((folder) => existsSync(join(folder, 'temporalio', 'temporal.toml')));
}
