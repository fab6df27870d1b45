import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../src/config/config.js';
import { has, inShell, makeCheckout } from '../support/checkout.js';
import type { Surroundings } from '../support/checkout.js';
import type { Answer } from '../support/terminal.js';

/** What the tab key does, in shells as people use them. */

jest.setTimeout(180_000);

let place: Surroundings;
let checkout: string;

beforeAll(async () => {
  const directory = await mkdtemp(join(tmpdir(), 'iam-bootstrap-'));
  const { PATH = '' } = loadConfig().environment;
  place = { directory, env: { PATH, HOME: directory, NO_COLOR: '1' } };
  checkout = await makeCheckout(place);
  await writeFile(join(checkout, 'a.yaml'), 'environments: { dev: {}, live: {} }');
});

afterAll(async () => {
  await rm(place.directory, { recursive: true });
});

async function printed(script: string): Promise<string[]> {
  const { code, output } = await inShell(place, checkout, script);
  expect({ script, code, output }).toEqual({ script, code: 0, output });
  return output.split('\n').filter((one) => one !== '');
}

/** What bash would offer, or `files`. The cursor is at the end of the line. */
function inBash(line: string): Promise<string[]> {
  // As readline cuts a line into words.
  const words = line.split(/ |(?<==)|(?==)/);
  return printed(`
    source <(iam-bootstrap completion bash)
    [ "$(complete -p iam-bootstrap)" = 'complete -F _iam_bootstrap iam-bootstrap' ]
    compopt() { COMPOPT="$*"; }
    COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}) COMP_CWORD=${String(words.length - 1)}
    _iam_bootstrap iam-bootstrap
    if [ "\${COMPOPT:-}" = '-o default' ]; then echo files; fi
    printf '%s\\n' "\${COMPREPLY[@]}"`);
}

/** What fish would offer, without what it says of it. */
async function inFish(line: string): Promise<string[]> {
  const offered = await printed(
    `fish --no-config -c 'iam-bootstrap completion fish | source; complete -C ${JSON.stringify(line)}'`,
  );
  return offered.map((one) => one.split('\t')[0] ?? '');
}

const SHELLS = [
  ['bash', inBash, ['files']],
  ['fish', inFish, ['a.yaml', 'node_modules/', 'package.json']],
] as const;

describe.each(SHELLS.filter(([shell]) => has(shell)))('in %s', (_shell, completed, files) => {
  test('knows commands, options, their values, files, and the environments of the manifest', async () => {
    expect(await completed('iam-bootstrap ')).toEqual(expect.arrayContaining(['validate', 'apply', 'approve', 'help']));
    expect(await completed('iam-bootstrap rel')).toEqual(['release']);
    expect(await completed('iam-bootstrap apply --no')).toEqual(['--no-wait']);
    expect((await completed('iam-bootstrap plan --output ')).sort()).toEqual(['json', 'text']);
    expect(await completed('iam-bootstrap plan -f ')).toEqual(files);
    expect(await completed('iam-bootstrap plan -f a.yaml -e ')).toEqual(['dev', 'live']);
    expect(await completed('iam-bootstrap plan -f a.ts -e ')).toEqual([]);
    expect((await completed('iam-bootstrap completion ')).sort()).toEqual(['bash', 'fish', 'zsh']);
  });

  test('offers an option that was given once more only where it may be', async () => {
    const offered = await completed('iam-bootstrap plan --file a.yaml --quiet --');
    expect(offered).toEqual(expect.arrayContaining(['--file', '--summary']));
    expect(offered).not.toContain('--quiet');
  });
});

test('bash, which cuts words at =, completes the value behind it', async () => {
  expect(await inBash('iam-bootstrap plan --output=j')).toEqual(['json']);
  expect(await inBash('iam-bootstrap plan --output=')).toEqual(['text', 'json']);
  expect(await inBash('iam-bootstrap init --ci=git')).toEqual(['github', 'gitlab']);
});

const PROMPT = `PS1='re''ady '`;
const TYPED: readonly Answer[] = [
  ['ready $', 'iam-bootstrap valid\t'],
  ['validate $', '--outp\t'],
  ['--output $', 'js\t'],
  ['json $', '-f a.y\t'],
  ['a\\.yaml ', '\r'],
  ['"ok": false[\\s\\S]*ready $', 'exit 0\r'],
];
const INTERACTIVE = [
  ['bash', 'bash --noprofile --norc -i', `${PROMPT}; source <(iam-bootstrap completion bash)\r`],
  [
    'zsh',
    'TERM=dumb zsh -f -i',
    `${PROMPT}; autoload -Uz compinit; compinit -u -D; source <(iam-bootstrap completion zsh)\r`,
  ],
] as const;

test.each(INTERACTIVE.filter(([shell]) => has(shell)))(
  'the tab key in %s, as a person presses it, makes a command line that runs',
  async (_shell, command, setUp) => {
    const answers: readonly Answer[] = [['[#$%] $', setUp], ...TYPED];
    expect(await inShell(place, checkout, command, { answers })).toMatchObject({ code: 0 });
  },
);
