import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { CI_SERVICES } from '../../src/client/init.js';
import type { CiService } from '../../src/client/init.js';
import type { Check } from '../../src/doctor.js';
import { inShell, makeCheckout } from '../support/checkout.js';
import type { Ended } from '../support/checkout.js';
import { onScreen } from '../support/terminal.js';
import { ACCOUNT, startWorld } from '../support/world.js';
import type { CommandResult, World } from '../support/world.js';

/** What a person meets first: help, completion, `init` and `doctor`, as the built command line has them. */

jest.setTimeout(180_000);

const ROOT = resolve(__dirname, '../..');
const OTHER = '222222222222';

let world: World;
let checkout: string;

beforeAll(async () => {
  world = await startWorld();
  await world.startWorker();
});

beforeEach(async () => {
  await world.sandbox.reset();
  checkout = await makeCheckout(world);
});

afterEach(async () => {
  await rm(checkout, { recursive: true });
});

afterAll(async () => {
  await world.stop();
});

function shell(script: string, env?: Readonly<Record<string, string>>): Promise<Ended> {
  return inShell(world, checkout, script, env);
}

const ACCOUNTS = `--dev-account ${ACCOUNT} --prod-account ${OTHER}`;

async function helpOf(command: string): Promise<string> {
  const { code, stdout } = await world.cli([...(command === '' ? [] : [command]), '--help']);
  expect(code).toBe(0);
  return stdout;
}

/** Names of the commands that the help lists. */
async function commands(): Promise<string[]> {
  const named = [...(await helpOf('')).matchAll(/^ {2}([a-z]+) (?: |\[|<)/gm)].map(([, name = '']) => name);
  return named.filter((name) => name !== 'help');
}

/** The lines of a help text that a person may type. */
function examplesOf(help: string): string[] {
  return [...help.matchAll(/^ {2}\$ (.*(?:\\\n.*)*)$/gm)].map(([, line = '']) => line);
}

describe('help', () => {
  /** What an example ends with here where it is not 0, and why. */
  const ENDS: Readonly<Record<string, number>> = {
    // What is there already is not written over; the first example asks on a terminal.
    init: 64,
    // Ten changes are pending before the first apply.
    'plan -f iam/bootstrap.yaml -e prod --detailed-exitcode': 2,
    // The server's program is named wrongly here, so that no server is started on a port that may be in use.
    'dev --sandbox': 4,
    'dev --sandbox --port 7333 --ui-port 8333': 4,
  };

  test('every example of every command runs as it is printed', async () => {
    expect(await shell(`git init -q . && iam-bootstrap init --ci github ${ACCOUNTS}`)).toMatchObject({ code: 0 });
    const names = await commands();
    expect(names).toEqual(
      expect.arrayContaining(['validate', 'plan', 'apply', 'release', 'destroy', 'init', 'worker']),
    );
    for (const name of ['', ...names]) {
      const examples = examplesOf(await helpOf(name));
      expect([name, examples.length > 0]).toEqual([name, true]);
      for (const example of examples) {
        // The world has started one; it does not end by itself.
        if (example === 'iam-bootstrap worker') continue;
        const script = example.replace(/ \| source$/, '').replace('init --ci', 'init --force --ci');
        const { code, output } = await shell(script, { IAM_BOOTSTRAP_TEMPORAL_CLI: '/nowhere/temporal' });
        const expected = ENDS[example.replace('iam-bootstrap ', '')] ?? 0;
        expect({ example, code, output }).toEqual({ example, code: expected, output });
      }
    }
    expect(await world.creates(OTHER)).toEqual({
      'CreatePolicy prod-read-artifacts': 1,
      'CreateRole prod-deploy': 1,
    });
  });

  test('fits into 80 columns, and has its headings in bold on a terminal', async () => {
    for (const name of ['', ...(await commands())]) {
      const { lines, styled } = await onScreen(world, name === '' ? ['--help'] : [name, '--help'], {
        env: { NO_COLOR: '' },
      });
      expect(lines.filter((line) => line.length >= 80)).toEqual([]);
      expect(styled).toEqual(expect.arrayContaining(['bold: Usage:', 'bold: Options:', 'bold: Examples:']));
    }
  });

  test('names the exit codes that a command may end with', async () => {
    expect((await helpOf('plan')).match(/^ {2}\d+ /gm)).toEqual(['  0 ', '  1 ', '  2 ', '  3 ', '  4 ', '  64 ']);
    expect((await helpOf('apply')).match(/^ {2}\d+ /gm)).toEqual(['  0 ', '  1 ', '  3 ', '  4 ', '  64 ']);
  });
});

describe('completion in bash', () => {
  /** What the tab key would offer, or `files`. The cursor is at the end of the line. */
  async function completed(line: string): Promise<string[]> {
    // As readline cuts a line into words.
    const words = line.split(/ |(?<==)|(?==)/);
    const script = `
      source <(iam-bootstrap completion bash)
      [ "$(complete -p iam-bootstrap)" = 'complete -F _iam_bootstrap iam-bootstrap' ]
      compopt() { COMPOPT="$*"; }
      COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}) COMP_CWORD=${String(words.length - 1)}
      _iam_bootstrap iam-bootstrap
      if [ "\${COMPOPT:-}" = '-o default' ]; then echo files; fi
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { code, output } = await shell(script);
    expect({ code, output }).toEqual({ code: 0, output });
    return output.split('\n').filter((one) => one !== '');
  }

  test('knows commands, options, their values, files, and the environments of the manifest', async () => {
    await writeFile(join(checkout, 'a.yaml'), 'environments: { dev: {}, live: {} }');
    expect(await completed('iam-bootstrap ')).toEqual([...(await commands()), 'help']);
    expect(await completed('iam-bootstrap rel')).toEqual(['release']);
    expect(await completed('iam-bootstrap apply --no')).toEqual(['--no-wait']);
    expect(await completed('iam-bootstrap plan --output ')).toEqual(['text', 'json']);
    expect(await completed('iam-bootstrap plan --output=j')).toEqual(['json']);
    expect(await completed('iam-bootstrap plan --output=')).toEqual(['text', 'json']);
    expect(await completed('iam-bootstrap plan -f ')).toEqual(['files']);
    expect(await completed('iam-bootstrap plan -f a.yaml -e ')).toEqual(['dev', 'live']);
    expect(await completed('iam-bootstrap plan -f a.ts -e ')).toEqual([]);
    expect(await completed('iam-bootstrap completion ')).toEqual(['bash', 'zsh', 'fish']);
    expect(await completed('iam-bootstrap init --ci=git')).toEqual(['github', 'gitlab']);
  });

  test('offers an option that was given once more only where it may be', async () => {
    const offered = await completed('iam-bootstrap plan --file a.yaml --quiet --');
    expect(offered).toContain('--file');
    expect(offered).toContain('--summary');
    expect(offered).not.toContain('--quiet');
  });

  test('does what the tab key does in a shell that a person uses', async () => {
    const python = `
import os, pty, re, sys, time
child, terminal = pty.fork()
if child == 0: os.execvp('bash', ['bash', '--noprofile', '--norc', '-i'])
def until(pattern):
    shown = b''
    while not re.search(pattern, shown): shown += os.read(terminal, 4096)
os.write(terminal, b"PS1='rea''dy '; source <(iam-bootstrap completion bash)\\n")
until(b'ready ')
os.write(terminal, b'iam-bootstrap valid\\t')
until(b'iam-bootstrap validate ')
os.write(terminal, b'--outp\\t')
until(b'--output ')
os.write(terminal, b'js\\t')
until(b'json ')
os.write(terminal, b'-f a.y\\t')
until(b'a\\\\.yaml ')
os.write(terminal, b'\\n')
until(b'"ok": false')
`;
    await writeFile(join(checkout, 'a.yaml'), 'version: 1');
    await writeFile(join(checkout, 'tab.py'), python);
    expect(await shell('python3 tab.py')).toEqual({ code: 0, output: '' });
  });

  test.each(['zsh', 'fish'])(
    'prints a script for %s, which asks the command as the one for bash does',
    async (name) => {
      const { code, stdout } = await world.cli(['completion', name]);
      expect({ code, asks: stdout.includes(' complete -- ') }).toEqual({ code: 0, asks: true });
    },
  );
});

describe('init', () => {
  const FILES: Readonly<Record<CiService, string>> = {
    github: '.github/workflows/iam.yml',
    gitlab: '.gitlab-ci.yml',
    jenkins: 'Jenkinsfile',
    buildkite: '.buildkite/pipeline.yml',
  };

  test('writes a manifest that is sound, can be planned, and converges in both environments', async () => {
    const script = `
      iam-bootstrap init --ci gitlab --namespace acme ${ACCOUNTS}
      iam-bootstrap validate -f iam/bootstrap.yaml`;
    const { code, output } = await shell(script);
    expect({ code, output }).toEqual({ code: 0, output });
    expect(output).toContain('valid  acme (dev)');
    for (const environment of ['dev', 'prod']) {
      const applied = `iam-bootstrap apply -f iam/bootstrap.yaml --environment ${environment}`;
      const planned = `iam-bootstrap plan --detailed-exitcode -f iam/bootstrap.yaml --environment ${environment}`;
      expect((await shell(planned)).code).toBe(2);
      expect(await shell(applied)).toMatchObject({ code: 0 });
      expect((await shell(planned)).code).toBe(0);
    }
    expect(await world.creates()).toEqual({ 'CreatePolicy dev-read-artifacts': 1, 'CreateRole dev-deploy': 1 });
  });

  test.each(CI_SERVICES)('writes the recipe that the documentation shows for %s', async (ci) => {
    expect(await shell(`iam-bootstrap init --ci ${ci} --namespace acme ${ACCOUNTS}`)).toMatchObject({ code: 0 });
    const written = await readFile(join(checkout, FILES[ci]), 'utf8');
    expect(await readFile(join(ROOT, 'docs/ci.md'), 'utf8')).toContain(`\n${written}\`\`\`\n`);
    expect(written.split('\n')[0]).toContain(FILES[ci]);
  });

  test.each<[string, string, string]>([
    ['its files', 'mkdir .buildkite', '.buildkite/pipeline.yml'],
    ['its remote', 'git init -q . && git remote add origin git@gitlab.example.com:a/github.git', '.gitlab-ci.yml'],
    [
      'its remote, by HTTPS',
      'git init -q . && git remote add origin https://me@github.com/a/b',
      '.github/workflows/iam.yml',
    ],
  ])('finds out from a repository by %s which service it uses', async (_what, prepare, file) => {
    const { code, output } = await shell(`${prepare}\niam-bootstrap init ${ACCOUNTS}`);
    expect({ code, output }).toEqual({ code: 0, output });
    expect(output).toContain(`wrote ${file}`);
  });

  test('writes over nothing unless it is told to, and then says so before it writes anything', async () => {
    await writeFile(join(checkout, 'Jenkinsfile'), 'mine');
    const init = `iam-bootstrap init --namespace acme ${ACCOUNTS}`;
    const { code, output } = await shell(init);
    expect(code).toBe(64);
    expect(output).toContain('Jenkinsfile is there already, and nothing was written');
    expect(output).toContain('--ci-file');
    expect(existsSync(join(checkout, 'iam'))).toBe(false);
    expect(await readFile(join(checkout, 'Jenkinsfile'), 'utf8')).toBe('mine');
    expect(await shell(`${init} --ci-file iam/Jenkinsfile`)).toMatchObject({ code: 0 });
    expect(await readFile(join(checkout, 'Jenkinsfile'), 'utf8')).toBe('mine');
    expect(await shell(`${init} --force`)).toMatchObject({ code: 0 });
    expect(await readFile(join(checkout, 'Jenkinsfile'), 'utf8')).toContain('pipeline {');
  });

  test.each<[string, string, string]>([
    ['no service to be found', ACCOUNTS, '--ci is not given, and there is no terminal to ask on'],
    ['no account', '--ci github', '--dev-account is not given'],
    ['what is no account', `--ci github --dev-account 1 --prod-account ${OTHER}`, '1 is no account for dev'],
    ['what is no namespace', `--ci github ${ACCOUNTS} --namespace A_b`, 'A_b is no namespace'],
  ])('without a terminal, with %s, says what is missing', async (_what, options, message) => {
    const { code, output } = await shell(`iam-bootstrap init ${options}`);
    expect(code).toBe(64);
    expect(output).toContain(message);
    expect(output).toContain('remedy: ');
    expect(existsSync(join(checkout, 'iam'))).toBe(false);
  });

  test('in a folder of a repository that is not its root, says where to go', async () => {
    const { code, output } = await shell(
      `git init -q .; mkdir sub; cd sub; iam-bootstrap init --ci github ${ACCOUNTS}`,
    );
    expect(code).toBe(64);
    expect(output).toMatch(/remedy: cd .*checkout\n/);
  });

  test('on a terminal asks for what it cannot find out', async () => {
    const { code, lines } = await onScreen(world, ['init'], {
      cwd: checkout,
      answers: [
        ['buildkite\\): ', 'buildkite\r'],
        ['\\[checkout\\]: ', '\r'],
        ['digits: ', `${ACCOUNT}\r`],
        [`\\[${ACCOUNT}\\]: `, '\r'],
      ],
    });
    expect({ code, lines }).toEqual({ code: 0, lines });
    expect(lines).toEqual(expect.arrayContaining(['wrote iam/bootstrap.yaml', 'wrote .buildkite/pipeline.yml']));
    const manifest = await readFile(join(checkout, 'iam/bootstrap.yaml'), 'utf8');
    expect(manifest).toContain(`\nnamespace: 'checkout'\n`);
    expect(manifest).not.toContain('assumeRole:');
  });

  test('that is broken off on a terminal has written nothing', async () => {
    const { code } = await onScreen(world, ['init', '--ci', 'github'], {
      cwd: checkout,
      answers: [['\\]: ', '\u0004']],
    });
    expect(code).toBe(1);
    expect(existsSync(join(checkout, 'iam'))).toBe(false);
  });
});

describe('doctor', () => {
  /** A namespace of the server without our search attributes. */
  async function bare(name: string): Promise<Readonly<Record<string, string>>> {
    const state = join(checkout, 'state');
    execFileSync(
      (
        await import('../../src/embedded/temporal-cli.js').then(async ({ findTemporalCli }) =>
          findTemporalCli({ cacheDirectory: world.env['IAM_BOOTSTRAP_CACHE'] ?? '', environment: process.env }),
        )
      ).path,
      ['operator', 'namespace', 'create', '--address', world.temporal.address, '--retention', '24h', name],
    );
    return { TEMPORAL_NAMESPACE: name, IAM_BOOTSTRAP_STATE: state, IAM_BOOTSTRAP_CACHE: join(checkout, 'cache') };
  }

  function checksOf({ stdout }: CommandResult): Record<string, Check> {
    const { checks } = JSON.parse(stdout) as { readonly checks: readonly Check[] };
    return Object.fromEntries(checks.map((check) => [check.name, check]));
  }

  test('finds search attributes and folders missing, makes them when told to, and finds nothing then', async () => {
    const env = await bare('unprepared');
    const look = async (...options: string[]): Promise<Record<string, Check>> =>
      checksOf(await world.cli(['doctor', '--output', 'json', ...options], env));
    const before = await look();
    expect(before['search attributes']).toMatchObject({ status: 'warn', fixed: null });
    expect(before['search attributes']?.remedy).toContain('doctor --fix');
    expect(existsSync(join(checkout, 'state'))).toBe(false);

    const mended = await look('--fix');
    expect(mended['search attributes']).toMatchObject({
      status: 'ok',
      fixed: expect.stringContaining('IamAccount') as string,
    });
    expect(mended['state folder']).toMatchObject({ status: 'ok', fixed: `made ${join(checkout, 'state')}` });
    expect(mended['cache folder']).toMatchObject({ status: 'ok', fixed: `made ${join(checkout, 'cache')}` });
    // A worker is a person's to start.
    expect(mended['worker']).toMatchObject({ status: 'fail', fixed: null });
    expect(existsSync(join(checkout, 'cache'))).toBe(true);

    const after = Object.values(await look('--fix'));
    expect(after.filter(({ fixed }) => fixed !== null)).toEqual([]);
    expect(after.find(({ name }) => name === 'search attributes')?.status).toBe('ok');
  });

  test('only ever reads AWS', async () => {
    await world.cli(['doctor', '--fix']);
    const actions = (await world.sandbox.journal()).map(({ action }) => action);
    expect(actions).toEqual(['GetCallerIdentity', ...actions.slice(1)]);
    expect(actions.filter((action) => !/^(Get|List|Simulate)/.test(action))).toEqual([]);
  });

  test('says what it cannot mend', async () => {
    await mkdir(join(checkout, 'a'));
    await writeFile(join(checkout, 'a/file'), '');
    const folder = join(checkout, 'a/file');
    const { stdout } = await world.cli(['doctor', '--fix'], { IAM_BOOTSTRAP_STATE: folder });
    expect(stdout).toContain(`warn state folder       ${folder}: it is no folder`);
    expect(stdout).toContain('set IAM_BOOTSTRAP_STATE to another folder');
    expect(stdout).toMatch(/\n0 mended, \d+ left to you\n/);
  });
});
