import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadConfig } from '../config/config.js';
import { makeOnce } from './lock.js';
import { EmbeddedError, type EmbeddedOptions, packageRoot, reasonOf } from './options.js';
import { LOOPBACK } from './ports.js';
import { execFileAsync, terminate } from './process.js';

const SANDBOX = join(packageRoot, 'sandbox');
const START_TIMEOUT_MS = 60_000;
const STOP_GRACE_MS = 5_000;

/** Options of the sandbox's virtual environment. */
export interface SandboxPythonOptions extends Partial<EmbeddedOptions> {
  readonly python?: string | undefined;
  readonly requirementsFile?: string | undefined;
}

/** Options of an IAM sandbox. */
export interface SandboxOptions {
  readonly python: string;
  readonly port?: number | undefined;
  readonly account?: string | undefined;
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
  readonly script?: string | undefined;
}

/** A running IAM sandbox. */
export interface Sandbox {
  readonly url: string;
  readonly pid: number;
  readonly exited: Promise<void>;
  stop(): Promise<void>;
}

/**
 * Returns the Python of the sandbox's virtual environment. The first call makes the environment in the cache, one for
 * each combination of requirements and Python.
 *
 * @throws EmbeddedError where no Python can make the environment, or pip cannot install its packages
 */
export async function sandboxPython(options: SandboxPythonOptions = {}): Promise<string> {
  const { announce, environment: env } = options;
  const python = options.python ?? 'python3';
  const requirementsFile = options.requirementsFile ?? join(SANDBOX, 'requirements.txt');
  const version = await describePython(python, env);
  const requirements = await readFile(requirementsFile);
  const key = createHash('sha256').update(requirements).update('\0').update(version).digest('hex').slice(0, 16);
  const directory = await makeOnce(
    join(options.cacheDirectory ?? loadConfig().cacheDirectory, 'sandbox', key),
    async (temporary) => {
      announce?.('making the Python environment of the IAM sandbox (about 20 seconds, once)');
      await makeEnvironment(temporary, python, requirementsFile, env);
    },
    { purpose: 'making the Python environment of the IAM sandbox', announce },
  );
  return pythonOf(directory);
}

/** Makes a virtual environment. The pip of the given Python installs into it where it can, which saves a copy of pip. */
async function makeEnvironment(
  directory: string,
  python: string,
  requirementsFile: string,
  env: SandboxPythonOptions['environment'],
): Promise<void> {
  const inEnvironment = pythonOf(directory);
  const run = async (file: string, args: readonly string[], remedy: string): Promise<void> => {
    await execFileAsync(file, args, { env, maxBuffer: 16_000_000 }).catch((error: unknown) => {
      const command = [file, ...args].join(' ');
      throw new EmbeddedError(`${describeFailure(command, error)}; ${remedy}`, { cause: error });
    });
  };
  await run(python, ['-m', 'venv', '--without-pip', directory], VENV_REMEDY);
  const ownPip = ['-m', 'pip', '--python', inEnvironment];
  const hasPip = await execFileAsync(python, [...ownPip, '--version'], { env }).then(
    () => true,
    () => false,
  );
  if (!hasPip) await run(inEnvironment, ['-m', 'ensurepip'], VENV_REMEDY);
  const [installer, pip] = hasPip ? [python, ownPip] : [inEnvironment, ['-m', 'pip']];
  const install = ['install', '--quiet', '--disable-pip-version-check', '--only-binary=:all:', '--no-compile'];
  await run(installer, [...pip, ...install, '-r', requirementsFile], PIP_REMEDY);
  // Compiles only the modules that the sandbox loads, not all of the thousands. A failure only costs time.
  await execFileAsync(inEnvironment, ['-c', COMPILE_MODULES], { env }).catch(() => undefined);
}

/**
 * Starts the IAM sandbox on the loopback interface and returns once it serves. It ends with this process, even if this
 * process is killed. It has a session of its own, so that Ctrl-C does not stop it before the run has ended.
 */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const script = options.script ?? join(SANDBOX, 'serve.py');
  // With 0 the sandbox takes a free port itself, which nobody can take in between.
  const port = options.port ?? 0;
  const child = spawn(
    options.python,
    [
      // -B: the package folder may be read-only, and stays as it was installed.
      ...['-B', script, '--host', LOOPBACK, '--port', String(port), '--exit-with-stdin'],
      ...(options.account === undefined ? [] : ['--account', options.account]),
    ],
    { detached: true, env: options.environment, stdio: ['pipe', 'pipe', 'pipe'] },
  );
  let errorOutput = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errorOutput = (errorOutput + text).slice(-4_000);
  });
  const exited = new Promise<void>((resolve) => {
    child.once('close', () => {
      resolve();
    });
    child.once('error', (error) => {
      errorOutput += error.message;
      resolve();
    });
  });
  const lines = createInterface({ input: child.stdout });
  const ready = new Promise<string>((resolve) => {
    lines.on('line', (line) => {
      const url = readyUrl(line);
      if (url !== undefined) resolve(url);
    });
  });
  const abort = new AbortController();
  const url = await Promise.race([
    ready,
    exited,
    sleep(START_TIMEOUT_MS, undefined, { signal: abort.signal }).catch(() => undefined),
  ]);
  abort.abort();
  const { pid } = child;
  const stop = async (): Promise<void> => {
    if (pid !== undefined) await terminate(pid, STOP_GRACE_MS);
    await exited;
  };
  if (url === undefined || pid === undefined) {
    await stop();
    const [where, remedy] =
      port === 0
        ? [LOOPBACK, 'try again']
        : [`port ${String(port)} of ${LOOPBACK}`, 'stop the process that listens on that port, or choose another port'];
    throw new EmbeddedError(`IAM sandbox: ${script} does not start on ${where}\n${indent(errorOutput)}; ${remedy}`);
  }
  return { url, pid, exited, stop };
}

/** Returns the variables by which a worker uses the sandbox in place of AWS. Empty ones count as unset. */
export function sandboxVariables(url: string): Readonly<Record<string, string>> {
  const services = [
    ...['IAM', 'STS', 'SECRETS_MANAGER', 'CLOUDTRAIL', 'ACCESSANALYZER', 'ORGANIZATIONS'],
    'RESOURCE_GROUPS_TAGGING_API',
  ];
  return {
    ...Object.fromEntries(services.map((service) => [`AWS_ENDPOINT_URL_${service}`, url])),
    // A profile would count before these keys, and the SDK would send its credentials to the sandbox.
    AWS_PROFILE: '',
    AWS_REGION: 'us-east-1',
    AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'false',
    AWS_USE_FIPS_ENDPOINT: 'false',
    AWS_USE_DUALSTACK_ENDPOINT: 'false',
    AWS_ACCESS_KEY_ID: 'sandbox',
    AWS_SECRET_ACCESS_KEY: 'sandbox',
    AWS_SESSION_TOKEN: '',
  };
}

const COMPILE_MODULES = `
import sys
sys.dont_write_bytecode = False
import boto3, moto.iam.responses, moto.secretsmanager.responses, moto.sts.responses`;

const PIP_REMEDY =
  'make sure that pip can reach its package index, or set IAM_BOOTSTRAP_CACHE to a cache that has the environment';

const VENV_REMEDY = 'install the venv module of Python 3 (Debian and Ubuntu: apt-get install python3-venv)';

/** Returns version, build and location of a Python. An environment that one Python made does not work with another. */
async function describePython(python: string, env: SandboxPythonOptions['environment']): Promise<string> {
  const program = 'import sys, sysconfig; print(sys.version, sys.base_prefix, sysconfig.get_platform())';
  try {
    return (await execFileAsync(python, ['-c', program], { env })).stdout;
  } catch (error) {
    const remedy = 'the IAM sandbox needs Python 3.10 or later on PATH: install it';
    throw new EmbeddedError(`${describeFailure(python, error)}; ${remedy}`, { cause: error });
  }
}

function pythonOf(directory: string): string {
  return join(directory, 'bin', 'python');
}

function readyUrl(line: string): string | undefined {
  try {
    const message = JSON.parse(line) as { readonly ready?: unknown; readonly url?: unknown } | null;
    return message?.ready === true && typeof message.url === 'string' ? message.url : undefined;
  } catch {
    return undefined;
  }
}

/** Returns the name of a failed command and the last lines of its output. */
function describeFailure(command: string, error: unknown): string {
  const streams = error as { readonly stdout?: string; readonly stderr?: string };
  const output = `${streams.stdout ?? ''}${streams.stderr ?? ''}`.trim();
  return `${command} failed: ${output === '' ? reasonOf(error) : `\n${indent(output)}\n`}`.trimEnd();
}

function indent(text: string): string {
  const lines = text.trim().split('\n').slice(-12);
  return lines.map((line) => `  ${line}`).join('\n');
}
