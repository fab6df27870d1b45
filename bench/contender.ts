import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { CONCURRENT_ENTITIES } from '../src/workflows/bootstrap/reconcile-entities.js';
import { manifestOf } from '../test/support/manifests-of.js';
import { ACCOUNT, CLI } from '../test/support/world.js';
import type { BareInput, BareRole } from './bare.js';
import type { Command } from './process.js';
import type { Stage } from './stage.js';
import { NAMESPACE } from './workload.js';
import type { Workload } from './workload.js';

/** A tool that brings an account to the declared state with a command. */
export interface Contender {
  readonly name: string;
  /** A description of the tool that follows its name in a sentence. */
  readonly what: string;
  readonly role: 'ours' | 'floor' | 'peer';
  /** It takes so long for each role that it is measured with few. */
  readonly isSlow?: boolean;
  /** It takes so long to start that ten at once are not measured. */
  readonly startsSlowly?: boolean;
  /** Trusts its state file even after the account was emptied. */
  readonly isStateful?: boolean;
  /** Is called before an account is emptied, to be filled. */
  prepare(): Promise<void>;
  /** Loses what it remembers of earlier runs; the account stays. */
  forget(): Promise<void>;
  /** The command of a pipeline. Pipelines that run at one time are numbered from 0. */
  command(workload: Workload, pipeline: number): Promise<Command>;
  /** The process that does the work of its commands and goes on when they have ended. */
  worker?(): number;
}

export const WARM = 'iam-bootstrap';
export const EMBEDDED = 'iam-bootstrap, embedded';
export const FLOOR = 'bare SDK script';

const PACKAGES = resolve(__dirname, '../node_modules');

/** A manifest has at most two million characters; what is larger comes as several files. */
const ENTITIES_OF_FILE = 1_000;

/** This project's command line, with a Temporal server and a worker that run. */
export function warm(stage: Stage): Contender {
  return {
    name: WARM,
    what: '`iam-bootstrap apply`, with a warm Temporal server and worker',
    role: 'ours',
    prepare: () => stage.warmUp(),
    forget: () => stage.loseState(),
    command: async (workload) => ({
      line: [process.execPath, CLI, 'apply', ...(await manifests(stage, workload)), '--quiet'],
      env: stage.env,
      cwd: stage.directory,
    }),
    worker: () => stage.workerPid,
  };
}

/** This project's command line where there is no server: each run starts one and a worker, and ends them. */
export function embedded(stage: Stage): Contender {
  const folder = join(stage.directory, 'embedded');
  return {
    name: EMBEDDED,
    what:
      '`iam-bootstrap apply` without a server: it starts one, runs a worker in its own process, and stops both; ' +
      'memory and processor time exclude the server, which ten at once share',
    role: 'ours',
    prepare: () => Promise.resolve(),
    forget: () => rm(folder, { recursive: true, force: true }),
    command: async (workload) => ({
      line: [process.execPath, CLI, 'apply', ...(await manifests(stage, workload)), '--quiet'],
      env: embeddedEnv(stage, folder),
      cwd: stage.directory,
    }),
  };
}

/** An environment that names no Temporal server, and where an embedded one keeps what it knows. */
function embeddedEnv(stage: Stage, folder: string): Record<string, string> {
  const env = Object.entries(stage.env).filter(([name]) => !/^(TEMPORAL_ADDRESS|IAM_BOOTSTRAP_UI_URL)$/.test(name));
  return { ...Object.fromEntries(env), IAM_BOOTSTRAP_STATE: folder };
}

/** Writes what is declared, and gives the options that name the files. */
export async function manifests(stage: Stage, { name, entities }: Workload): Promise<string[]> {
  const options: string[] = [];
  for (let first = 0; first < entities.length; first += ENTITIES_OF_FILE) {
    const part = entities.slice(first, first + ENTITIES_OF_FILE);
    const file = `${name.replaceAll(/\W+/g, '-')}-${String(first)}.json`;
    options.push('-f', await stage.file(file, manifestOf({ namespace: NAMESPACE, account: ACCOUNT, entities: part })));
  }
  return options;
}

/** The floor. */
export function bare(stage: Stage): Contender {
  return {
    ...stateless,
    name: FLOOR,
    what:
      `[bare.ts](../bench/bare.ts): the same writes by the AWS SDK for JavaScript, ${String(CONCURRENT_ENTITIES)} roles ` +
      'at a time, and nothing else; it reads nothing, checks no owner, sends every write each time, and retries throttled writes',
    role: 'floor',
    command: ({ roles }) => bareCommand(stage, stage.proxyUrl, roles),
  };
}

/** The bare script, through the proxy or not. */
export async function bareCommand(stage: Stage, endpoint: string, roles: readonly BareRole[]): Promise<Command> {
  const input: BareInput = { endpoint, concurrency: CONCURRENT_ENTITIES, roles };
  const path = await stage.file('bare.json', JSON.stringify(input));
  return {
    line: [process.execPath, stage.bareScript, path],
    // The script lies in the stage's folder, and its packages here.
    env: { ...stage.env, NODE_PATH: PACKAGES, NODE_NO_WARNINGS: '1' },
    cwd: stage.directory,
  };
}

/** Makes the contender that stands for a script of a Python user. */
export function boto3(stage: Stage): Contender {
  return {
    ...stateless,
    name: 'boto3 create-or-get',
    what:
      `[create_or_get.py](../bench/peers/create_or_get.py): the usual script, in ${String(CONCURRENT_ENTITIES)} threads; ` +
      'it reads an existing role and writes its policies again',
    role: 'peer',
    command: async ({ roles }) => ({
      line: [
        stage.python,
        resolve(__dirname, 'peers/create_or_get.py'),
        await stage.file('boto3.json', JSON.stringify({ concurrency: CONCURRENT_ENTITIES, roles })),
      ],
      env: stage.env,
      cwd: stage.directory,
    }),
  };
}

/** Makes a contender that keeps no state. */
export const stateless = {
  prepare: () => Promise.resolve(),
  forget: () => Promise.resolve(),
};
