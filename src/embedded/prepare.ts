import { type Announce, EmbeddedError, type EmbeddedOptions, type Environment, hasCode, reasonOf } from './options.js';
import { execFileAsync } from './process.js';
import { sandboxPython } from './sandbox.js';
import { findTemporalCli } from './temporal-cli.js';

/** Options of preparing the servers of `dev` and `demo`. */
export interface PrepareOptions {
  /** The path of a Temporal CLI that the user named. */
  readonly temporalCli?: string | undefined;
  /** True where an IAM sandbox is started as well. */
  readonly sandbox: boolean;
  readonly announce: Announce;
}

/** The programs of the servers. */
export interface Prepared {
  /** The Temporal CLI. */
  readonly cli: string;
  /** The Python of the sandbox. Empty where none was asked for. */
  readonly python: string;
}

/**
 * Finds or fetches the programs that the servers need, before any of them is started.
 *
 * @throws EmbeddedError that names everything that is missing, and how to get it
 */
export async function prepareServers(
  config: EmbeddedOptions & { readonly temporalCli: string | undefined },
  { temporalCli, sandbox, announce }: PrepareOptions,
): Promise<Prepared> {
  const { cacheDirectory, environment } = config;
  const options = { cacheDirectory, environment, announce };
  const path = temporalCli ?? config.temporalCli;
  // The check of Python takes no time and no network: it comes before anything is downloaded.
  const python = await settled(sandbox ? requirePython('python3', environment) : Promise.resolve());
  const cli = await settled(findTemporalCli({ ...options, path }));
  const missing = [python, cli].flatMap(({ error }) => (error === undefined ? [] : [error]));
  const [first, second] = missing;
  if (first !== undefined) {
    throw second === undefined ? first : new EmbeddedError([first.message, second.message].join('\n'));
  }
  return { cli: cli.value?.path ?? '', python: sandbox ? await sandboxPython(options) : '' };
}

/** Prints the version, and 1 where an environment can be made: with venv, and pip from either place. */
const DESCRIBE = `import sys
from importlib.util import find_spec as find
print('%d.%d' % sys.version_info[:2], int(bool(find('venv') and (find('pip') or find('ensurepip')))))`;

const HOW_TO_GET_PYTHON = [
  '  Debian, Ubuntu: apt-get install python3 python3-venv',
  '  macOS: brew install python',
  '  others: https://www.python.org/downloads',
];

/**
 * Checks that a Python can make the environment of the IAM sandbox.
 *
 * @throws EmbeddedError
 */
export async function requirePython(python: string, environment: Environment | undefined): Promise<void> {
  const problem = await pythonProblem(python, environment);
  if (problem === undefined) return;
  const needs = 'the IAM sandbox needs Python 3.10 or later with venv. To get it:';
  throw new EmbeddedError([`${problem}; ${needs}`, ...HOW_TO_GET_PYTHON].join('\n'));
}

async function pythonProblem(python: string, environment: Environment | undefined): Promise<string | undefined> {
  let output: string;
  try {
    output = (await execFileAsync(python, ['-c', DESCRIBE], { env: environment })).stdout;
  } catch (error) {
    return hasCode(error, 'ENOENT') ? `no ${python} is on PATH` : `${python} does not run: ${reasonOf(error)}`;
  }
  const [version = '', hasVenv] = output.trim().split(' ');
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < 3 || (major === 3 && minor < 10)) return `${python} is Python ${version}`;
  return hasVenv === '1' ? undefined : `Python ${version} lacks its module venv or pip`;
}

interface Settled<T> {
  readonly value?: T;
  readonly error?: EmbeddedError;
}

async function settled<T>(work: Promise<T>): Promise<Settled<T>> {
  try {
    return { value: await work };
  } catch (error) {
    if (error instanceof EmbeddedError) return { error };
    throw error;
  }
}
