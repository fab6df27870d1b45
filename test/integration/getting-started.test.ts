import { cp, mkdir, mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { loadConfig } from '../../src/config/config.js';
import { type Ended, inShell, ownNetwork } from '../support/checkout.js';

/** docs/getting-started.md, command by command: in a copy of the clone, then with the package alone, each in a network of its own. */

jest.setTimeout(600_000);

const ROOT = resolve(__dirname, '../..');

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'iam-bootstrap-'));
  const clone = join(directory, 'iam-bootstrap');
  const files = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: ROOT });
  for (const file of files
    .toString()
    .split('\0')
    .filter((name) => name !== '')) {
    await mkdir(dirname(join(clone, file)), { recursive: true });
    await cp(join(ROOT, file), join(clone, file), { preserveTimestamps: true });
  }
  // `npm run setup` keeps the installed packages. In a worktree `node_modules` may be a link to those of another checkout:
  // the copy must not be a link too, since `npm ci` would empty the other checkout.
  execFileSync('cp', ['-al', await realpath(join(ROOT, 'node_modules')), join(clone, 'node_modules')]);
  // Last, and so newer than what it was built from.
  await cp(join(ROOT, 'dist'), join(clone, 'dist'), { recursive: true });
});

afterAll(async () => {
  await rm(directory, { recursive: true });
});

/** The blocks of commands of the page, in their order. */
function blocksOf(page: string): string[] {
  return [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block);
}

/** The page as one script: the command of the first terminal runs beside all that comes after it. */
function scriptOf(blocks: readonly string[]): string {
  const servers = blocks.filter((block) => block.includes('iam-bootstrap dev'));
  expect(servers).toHaveLength(1);
  return blocks
    .map((block) => {
      if (!servers.includes(block)) return `set -x\n${block}{ set +x; } 2>/dev/null\n`;
      return `log=$PWD/dev.log
set -m
${block.trim()} >"$log" 2>&1 &
set +m
trap 'kill -INT -- -$!; wait $! || true' EXIT
until grep -q '^Press Ctrl-C' "$log"; do kill -0 $!; sleep 0.1; done
`;
    })
    .join('');
}

test('each command runs as it is printed, from the clone to a job that applies', async () => {
  const [page = ''] = await partsOfPage();
  const clone = join(directory, 'iam-bootstrap');
  const { code, output } = await runIn(clone, scriptOf(blocksOf(page)), directory);
  expect({ code, output }).toEqual({ code: 0, output });
  // What each apply did, in their order.
  expect(appliesIn(output)).toEqual([
    ['first-steps', 'dev', 'converged: 2 created'],
    ['first-steps', 'dev', 'No changes. 2 entities match the manifest'],
    ['platform', 'dev', 'converged: 3 created'],
    ['platform', 'prod', 'converged: 3 created'],
  ]);
  expect(output).toContain('Group/prod-people');
});

test('the package alone does the same in an empty folder, with an empty home', async () => {
  const [, page = ''] = await partsOfPage();
  const [folder, home] = [join(directory, 'platform-alone'), join(directory, 'home')];
  await mkdir(home);
  await mkdir(folder);
  // The packages are there already, at versions that fit: npm installs the package itself, and downloads nothing.
  execFileSync('cp', ['-al', await realpath(join(ROOT, 'node_modules')), join(folder, 'node_modules')]);
  const { code, output } = await runIn(folder, scriptOf(blocksOf(page)), home);
  expect({ code, output }).toEqual({ code: 0, output });
  expect(output).toContain('All 14 claims hold');
  expect(appliesIn(output)).toEqual([['platform', 'dev', 'converged: 2 created']]);
  // What `dev` prints to type next is what the page says.
  const printed = await readFile(join(folder, 'dev.log'), 'utf8');
  const next = blocksOf(page).at(-1)?.trim().split('\n').slice(0, 2) ?? [];
  expect(printed.split('\n').map((line) => line.trim())).toEqual(expect.arrayContaining(next));
  expect(printed.split('\n').filter((line) => line.length > 80 && !/^[/{]|\.db|^  export /.test(line))).toEqual([]);
});

/** The page from a clone, and its part without one. */
async function partsOfPage(): Promise<string[]> {
  const page = await readFile(join(directory, 'iam-bootstrap/docs/getting-started.md'), 'utf8');
  return page.split('\n## Without a clone\n');
}

/** Namespace, environment and result of each apply in an output. */
function appliesIn(output: string): string[][] {
  const reports = /^apply (\S+) \((\w+)\)[\s\S]*?^(converged: [^;]*|No changes\. [^.]*)[;.]/gm;
  return [...output.matchAll(reports)].map(([, namespace = '', environment = '', result = '']) => [
    namespace,
    environment,
    result,
  ]);
}

async function runIn(folder: string, script: string, home: string): Promise<Ended> {
  const { cacheDirectory, environment } = loadConfig();
  const env = {
    PATH: environment['PATH'] ?? '',
    HOME: home,
    // The seconds that have passed before each command.
    PS4: '+ ${SECONDS} s: ',
    NO_COLOR: '1',
    IAM_BOOTSTRAP_CACHE: cacheDirectory,
    npm_config_offline: 'true',
    GIT_AUTHOR_NAME: 'A',
    GIT_AUTHOR_EMAIL: 'a@example.com',
    GIT_COMMITTER_NAME: 'A',
    GIT_COMMITTER_EMAIL: 'a@example.com',
  };
  return inShell({ directory, env }, folder, script, { prefix: await ownNetwork() });
}
