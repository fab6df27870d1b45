import { execFile } from 'node:child_process';
import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { loadConfig } from '../src/config/config.js';
import { makeOnce } from '../src/embedded/lock.js';
import { ACCOUNT } from '../test/support/world.js';
import { stateless } from './contender.js';
import type { Contender } from './contender.js';
import type { Stage } from './stage.js';

const execFileAsync = promisify(execFile);

/** A peer that cannot be measured here, and why. */
export interface Absent {
  readonly name: string;
  readonly reason: string;
}

/** A peer as it is installed: packages of a registry, and the program that is run with them. */
interface Peer {
  readonly name: string;
  /** Folder in the cache. Another set of packages is another folder. */
  readonly folder: string;
  /** Scripts that have to be beside its packages to find them. */
  readonly programs?: readonly string[];
  /** The oldest Node.js that runs it, if it is a newer one than that of this project: major and minor number. */
  readonly node?: readonly [number, number];
  install(directory: string): Promise<void>;
  contender(stage: Stage, name: string, directory: string): Contender;
}

const PROGRAMS = resolve(__dirname, 'peers');
const INSTALL_TIMEOUT_MS = 1_200_000;

const ALCHEMY_2 = 'alchemy 2.0.0-beta.79';

const PEERS: readonly Peer[] = [
  {
    name: 'alchemy 0.94.0',
    folder: 'alchemy-0.94.0',
    programs: ['alchemy-0.mjs'],
    // Its AWS part loads a client for S3 whether or not the state lies there.
    install: (directory) =>
      npmInstall(directory, {
        alchemy: '0.94.0',
        '@aws-sdk/client-iam': '3.1169.0',
        '@aws-sdk/client-s3': '3.1169.0',
      }),
    contender: (stage, name, directory) => {
      const state = join(stage.directory, 'alchemy-0');
      return {
        name,
        what:
          '[alchemy-0.mjs](../bench/peers/alchemy-0.mjs) with local state, one for each pipeline; ' +
          'it trusts the state instead of reading the account',
        role: 'peer',
        isStateful: true,
        prepare: () => Promise.resolve(),
        forget: () => rm(state, { recursive: true, force: true }),
        command: async ({ roles }, pipeline) => {
          const cwd = await folderOf(state, pipeline);
          return {
            line: [process.execPath, join(directory, 'alchemy-0.mjs'), await stage.file('alchemy.json', { roles })],
            env: {
              ...stage.env,
              AWS_REGION: 'us-east-1',
              ALCHEMY_CI_STATE_STORE_CHECK: 'false',
              NODE_NO_WARNINGS: '1',
            },
            cwd,
          };
        },
      };
    },
  },
  {
    name: ALCHEMY_2,
    folder: ALCHEMY_2.replace(' ', '-'),
    programs: ['alchemy-2.mjs', 'alchemy-2-endpoint.mjs'],
    node: [22, 15],
    install: (directory) =>
      npmInstall(directory, {
        alchemy: '2.0.0-beta.79',
        // Its modules, which later versions have elsewhere.
        effect: '4.0.0-rc.117',
        '@effect/platform-node': '4.0.0-rc.117',
        '@effect/platform-node-shared': '4.0.0-rc.117',
        ws: '8.21.0',
      }),
    contender: (stage, name, directory) => {
      const state = join(stage.directory, 'alchemy-2');
      return {
        name,
        what:
          '[alchemy-2.mjs](../bench/peers/alchemy-2.mjs) with local state, one for each pipeline; ' +
          'it trusts the state instead of reading the account, and takes seconds to load its providers',
        role: 'peer',
        isStateful: true,
        startsSlowly: true,
        prepare: () => Promise.resolve(),
        forget: () => rm(state, { recursive: true, force: true }),
        command: async ({ roles }, pipeline) => {
          const cwd = await folderOf(state, pipeline);
          return {
            line: [
              ...[process.execPath, '--import', join(directory, 'alchemy-2-endpoint.mjs')],
              ...[join(directory, 'node_modules/alchemy/bin/cli.js'), 'deploy', join(directory, 'alchemy-2.mjs')],
              ...['--stage', 'bench', '--yes'],
            ],
            env: {
              ...stage.env,
              CI: 'true',
              DO_NOT_TRACK: '1',
              AWS_ACCOUNT_ID: ACCOUNT,
              AWS_REGION: 'us-east-1',
              BENCH_ENDPOINT: stage.proxyUrl,
              BENCH_ROLES: await stage.file('alchemy.json', { roles }),
            },
            cwd,
          };
        },
      };
    },
  },
  {
    name: 'Ansible 12.3.0',
    folder: 'ansible-12.3.0',
    install: async (directory) => {
      await execFileAsync('python3', ['-m', 'venv', directory], { timeout: INSTALL_TIMEOUT_MS });
      const packages = ['ansible==12.3.0', 'ansible-core==2.19.14', 'boto3==1.44.8'];
      const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages];
      await execFileAsync(join(directory, 'bin/python'), pip, { timeout: INSTALL_TIMEOUT_MS });
    },
    contender: (stage, name, directory) => ({
      ...stateless,
      name,
      isSlow: true,
      what: '[roles.yml](../bench/peers/roles.yml): `amazon.aws.iam_role` and `iam_policy` in loops, which run one after the other',
      role: 'peer',
      command: async ({ roles }) => ({
        // Its programs name the folder that they were installed into, which has another name since.
        line: [
          ...[join(directory, 'bin/python'), '-m', 'ansible', 'playbook', resolve(PROGRAMS, 'roles.yml')],
          ...['-e', `@${await stage.file('ansible.json', { declared: roles })}`],
        ],
        env: {
          ...stage.env,
          AWS_REGION: 'us-east-1',
          LC_ALL: 'C.UTF-8',
          ANSIBLE_PYTHON_INTERPRETER: join(directory, 'bin/python'),
          ANSIBLE_LOCALHOST_WARNING: 'false',
          ANSIBLE_INVENTORY_UNPARSED_WARNING: 'false',
        },
        cwd: stage.directory,
      }),
    }),
  },
];

/** Peers that no registry of packages has in a form that runs here. */
const NOT_RUN: readonly Absent[] = [
  { name: 'OpenTofu, Terraform, Pulumi', reason: 'their providers come as binaries from registries of their own' },
  { name: 'CloudFormation, CDK', reason: "the emulator's CloudFormation is not AWS's: its figures would mean nothing" },
  { name: 'ACK, Crossplane', reason: 'they need a Kubernetes cluster' },
];

/** All of them, where none is to be measured. */
export function peersLeftOut(): Absent[] {
  return [...PEERS.map(({ name }) => ({ name, reason: 'left out of this run' })), ...NOT_RUN];
}

/** Installs the peers, once, and gives those that can be measured and those that cannot. */
export async function findPeers(
  stage: Stage,
  announce: (line: string) => void,
): Promise<{ readonly peers: Contender[]; readonly absent: Absent[] }> {
  const peers: Contender[] = [];
  const absent: Absent[] = [...NOT_RUN];
  for (const { name, folder, programs = [], node, install, contender } of PEERS) {
    if (node !== undefined && !hasNode(node)) {
      absent.push({ name, reason: `it needs Node ${node.join('.')}, and this is Node ${process.versions.node}` });
      continue;
    }
    const path = join(loadConfig().cacheDirectory, 'peers', folder);
    try {
      announce(`${name}: finding or installing it`);
      const directory = await makeOnce(path, install, { purpose: `installing ${name}`, announce });
      for (const program of programs) await copyFile(join(PROGRAMS, program), join(directory, program));
      peers.push(contender(stage, name, directory));
    } catch (error) {
      const [reason = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
      announce(`${name}: ${reason}`);
      absent.push({ name, reason: `could not be installed: ${reason}` });
    }
  }
  return { peers, absent };
}

function hasNode([major, minor]: readonly [number, number]): boolean {
  const [ourMajor = 0, ourMinor = 0] = process.versions.node.split('.').map(Number);
  return ourMajor > major || (ourMajor === major && ourMinor >= minor);
}

/** Makes the folder in which a pipeline keeps its local state. */
async function folderOf(state: string, pipeline: number): Promise<string> {
  const folder = join(state, String(pipeline));
  await mkdir(folder, { recursive: true });
  return folder;
}

/** Packages of exact versions, with what they depend on. None runs a script. */
async function npmInstall(directory: string, dependencies: Readonly<Record<string, string>>): Promise<void> {
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'package.json'), JSON.stringify({ private: true, type: 'module', dependencies }));
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error', '--ignore-scripts', '--legacy-peer-deps'];
  await execFileAsync('npm', ['install', ...quiet], { cwd: directory, timeout: INSTALL_TIMEOUT_MS });
}
