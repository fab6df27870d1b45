import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { CI_SERVICES } from '../../src/client/init.js';
import type { CiService } from '../../src/client/init.js';
import { inShell, makeCheckout } from '../support/checkout.js';
import type { Ended } from '../support/checkout.js';
import { onScreen } from '../support/terminal.js';
import { ACCOUNT } from '../support/world.js';
import { useWorld, world } from '../support/use-world.js';

/** What `init` writes: a manifest and the file of a CI service. */

useWorld();

let checkout: string;

beforeEach(async () => {
  checkout = await makeCheckout(world);
});

afterEach(async () => {
  await rm(checkout, { recursive: true });
});

const ROOT = resolve(__dirname, '../..');
const ACCOUNTS = `--dev-account ${ACCOUNT} --prod-account 222222222222`;

function shell(script: string): Promise<Ended> {
  return inShell(world, checkout, script);
}

const FILES: Readonly<Record<CiService, string>> = {
  github: '.github/workflows/iam.yml',
  gitlab: '.gitlab-ci.yml',
  jenkins: 'Jenkinsfile',
  buildkite: '.buildkite/pipeline.yml',
};

test('writes a manifest that is sound, can be planned, and converges in both environments', async () => {
  const script = `
    iam-bootstrap init --ci gitlab --namespace acme ${ACCOUNTS}
    iam-bootstrap validate`;
  const { code, output } = await shell(script);
  expect({ code, output }).toEqual({ code: 0, output });
  expect(output).toContain('valid  acme (dev)');
  for (const environment of ['dev', 'prod']) {
    const applied = `iam-bootstrap apply --environment ${environment}`;
    const planned = `iam-bootstrap plan --detailed-exitcode --environment ${environment}`;
    expect((await shell(planned)).code).toBe(2);
    expect(await shell(applied)).toMatchObject({ code: 0 });
    expect((await shell(planned)).code).toBe(0);
  }
  expect(await world.creates()).toEqual({ 'CreatePolicy dev-read-artifacts': 1, 'CreateRole dev-deploy': 1 });
});

test('writes a manifest that names the schema and the page of kinds where they are', async () => {
  expect(await shell(`iam-bootstrap init --ci gitlab --namespace acme ${ACCOUNTS}`)).toMatchObject({ code: 0 });
  const manifest = await readFile(join(checkout, 'iam/bootstrap.yaml'), 'utf8');
  const [, schema = ''] = /^# yaml-language-server: \$schema=(.*)$/m.exec(manifest) ?? [];
  const [, page = ''] = /All kinds and properties: (.*)$/m.exec(manifest) ?? [];
  // Editors resolve it against the folder of the file; people read from the root.
  expect(existsSync(resolve(checkout, 'iam', schema))).toBe(true);
  expect(existsSync(resolve(checkout, page))).toBe(true);
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
  expect(output).toContain('Jenkinsfile already exists; nothing was written');
  expect(output).toContain('--ci-file');
  expect(existsSync(join(checkout, 'iam'))).toBe(false);
  expect(await readFile(join(checkout, 'Jenkinsfile'), 'utf8')).toBe('mine');
  expect(await shell(`${init} --ci-file iam/Jenkinsfile`)).toMatchObject({ code: 0 });
  expect(await readFile(join(checkout, 'Jenkinsfile'), 'utf8')).toBe('mine');
  expect(await shell(`${init} --force`)).toMatchObject({ code: 0 });
  expect(await readFile(join(checkout, 'Jenkinsfile'), 'utf8')).toContain('pipeline {');
});

test.each<[string, string, string]>([
  ['no service to be found', ACCOUNTS, '--ci is missing, and there is no terminal to ask on'],
  ['no account', '--ci github', '--dev-account is missing'],
  ['what is no account', `--ci github --dev-account 1 --prod-account 222222222222`, '1 is not a valid account for dev'],
  ['what is no namespace', `--ci github ${ACCOUNTS} --namespace A_b`, 'A_b is not a valid namespace'],
])('without a terminal, with %s, says what is missing', async (_what, options, message) => {
  const { code, output } = await shell(`iam-bootstrap init ${options}`);
  expect(code).toBe(64);
  expect(output).toContain(message);
  expect(output).toContain('remedy: ');
  expect(existsSync(join(checkout, 'iam'))).toBe(false);
});

test('in a folder of a repository that is not its root, says where to go', async () => {
  const { code, output } = await shell(`git init -q .; mkdir sub; cd sub; iam-bootstrap init --ci github ${ACCOUNTS}`);
  expect(code).toBe(64);
  expect(output).toMatch(/remedy: cd .*checkout\n/);
});

test('on a terminal asks for what it cannot find out, and again where an answer is wrong', async () => {
  const { code, lines } = await onScreen(world, ['init'], {
    cwd: checkout,
    answers: [
      ['buildkite\\): ', 'travis\r'],
      ['unknown CI service: travis[\\s\\S]*buildkite\\): ', 'buildkite\r'],
      ['\\[checkout\\]: ', '\r'],
      ['digits: ', '12\r'],
      ['12 is not a valid account for dev[\\s\\S]*digits: ', `${ACCOUNT}\r`],
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
  const { code } = await onScreen(world, ['init', '--ci', 'github'], { cwd: checkout, answers: [['\\]: ', '\u0004']] });
  expect(code).toBe(130);
  expect(existsSync(join(checkout, 'iam'))).toBe(false);
});
