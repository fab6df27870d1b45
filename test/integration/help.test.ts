import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { has, inShell, makeCheckout, ownNetwork, startInShell } from '../support/checkout.js';
import { role } from '../support/manifests-of.js';
import { onScreen } from '../support/terminal.js';
import type { Answer } from '../support/terminal.js';
import { planPath } from '../support/terraform-creates.js';
import { ACCOUNT } from '../support/world.js';
import { useWorld, world } from '../support/use-world.js';

/** `--help`: each example is run as it is printed. */

jest.setTimeout(600_000);
useWorld();

const OTHER = '222222222222';
/** Who answers, where nobody is named. */
const PERSON = {
  USER: 'alice',
  // The worker asks for no proof, so that nobody logs in there.
  IAM_BOOTSTRAP_LOGIN_ISSUER: 'https://login.example.com',
  IAM_BOOTSTRAP_LOGIN_CLIENT_ID: 'iam-bootstrap-cli',
};
const FILE = '-f iam/bootstrap.yaml -e prod';

const OF_FLEET = '-f iam/fleet.yaml --fleet workloads';
const RUN_OF_FLEET = '--namespace platform --fleet workloads';
const FLEET = {
  version: 1,
  namespace: 'platform',
  fleets: {
    workloads: {
      accounts: { ids: [ACCOUNT, OTHER] },
      assumeRole: 'arn:{{partition}}:iam::{{account}}:role/iam-bootstrap',
      waves: [{ accounts: 1 }, { percent: 100 }],
    },
  },
  entities: [role('audit')],
};

let checkout: string;
/** What `--help` of each command says; of the program itself, by the empty name. */
const helps = new Map<string, string>();

beforeAll(async () => {
  checkout = await makeCheckout(world);
  const init = `git init -q . && iam-bootstrap init --ci github --namespace platform --dev-account ${ACCOUNT} --prod-account ${OTHER}`;
  expect(await inShell(world, checkout, init)).toMatchObject({ code: 0 });
  await writeFile(join(checkout, 'iam/fleet.yaml'), JSON.stringify(FLEET));
  helps.set('', await helpOf());
  for (const name of commandsOf(await helpOf())) helps.set(name, await helpOf(name));
});

async function helpOf(...command: string[]): Promise<string> {
  const { code, stdout } = await world.cli([...command, '--help']);
  expect(code).toBe(0);
  return stdout;
}

/** Names of the commands that the help lists, but for its own. */
function commandsOf(help: string): string[] {
  return [...help.matchAll(/^ {2}([a-z][a-z-]*) (?: |\[|<)/gm)]
    .map(([, name = '']) => name)
    .filter((name) => name !== 'help');
}

/** The lines of a help text that a person may type. */
function examplesOf(help: string): string[] {
  return [...help.matchAll(/^ {2}\$ ((?:.*\\\n)*.*)$/gm)].map(([, line = '']) => line);
}

function exitCodesOf(help: string): number[] {
  return [...help.matchAll(/^ {2}(\d+) +\S/gm)].map(([, code]) => Number(code));
}

test('every command has examples and exit codes, within 80 columns', () => {
  expect([...helps.keys()]).toEqual(
    expect.arrayContaining(['validate', 'apply', 'approve', 'status', 'init', 'worker']),
  );
  for (const [name, help] of helps) {
    const said = [name, examplesOf(help)[0], exitCodesOf(help)[0]];
    expect(said).toEqual([name, expect.stringContaining(`iam-bootstrap ${name}`), 0]);
    expect(help.split('\n').filter((line) => line.length > 80)).toEqual([]);
  }
});

test('help NAME says the same, and a terminal shows headings in bold', async () => {
  const { lines, styled } = await onScreen(world, ['help', 'apply'], { env: { NO_COLOR: undefined } });
  expect(`${lines.join('\n')}\n`).toBe(helps.get('apply'));
  expect(styled).toEqual(expect.arrayContaining(['bold: Usage:', 'bold: Examples:', 'bold: Exit codes:']));
});

/** What has to be so before an example, what is typed where it asks, what is cleared away after it. */
interface Stage {
  readonly before?: string;
  readonly answers?: readonly Answer[];
  readonly after?: string;
}

const APPLIED: Stage = { before: `iam-bootstrap apply ${FILE}` };
/** A plan that waits. */
const GATED = `iam-bootstrap apply ${FILE} --require-approval --no-wait || [ $? -eq 4 ]`;
const TO_THE_PLAN: readonly Answer[] = [['Type yes to \\w+ this plan: ', 'yes\r']];

/** A wave that waits. */
const GATED_WAVE = `iam-bootstrap apply ${OF_FLEET} --approve-waves --no-wait || [ $? -eq 4 ]`;
const TO_THE_WAVE: readonly Answer[] = [['Type yes to \\w+ this wave: ', 'yes\r']];

/** A guardrails file is there. */
const GUARDED: Stage = {
  before: `printf 'version: 1\\naccounts: { "${ACCOUNT}": {}, "${OTHER}": { assumeRole: "arn:aws:iam::${OTHER}:role/iam-bootstrap" } }\\n' > guardrails.yaml`,
};

/** The schedule that examples name is there. */
const SCHEDULED: Stage = {
  before: `iam-bootstrap schedule create ${FILE} --every 6h && printf 'version: 1\\nnamespace: landing\\nfleets: { workloads: { accounts: { ids: ["${ACCOUNT}"] } } }\\nentities: [{ kind: User, userName: landing }]\\n' > fleet.yaml`,
};

function templatePath(name: string): string {
  return join(__dirname, `../unit/client/cloudformation/templates/${name}.json`);
}

/** A template is there. */
const SYNTHESIZED: Stage = {
  before: `mkdir -p cdk.out && cp ${templatePath('roles')} cdk.out/Roles.template.json && rm -f roles.yaml`,
};

/** Its role has no name of its own. */
const UNNAMED: Stage = {
  before: `mkdir -p cdk.out && node -p 'const { Resources } = require("${templatePath('roles')}"); delete Resources.Build.Properties.RoleName; JSON.stringify({ Parameters: { Stage: { Type: "String" } }, Resources })' > cdk.out/Roles.template.json`,
};

/** By command, or by the example; all that is not named runs on what `init` has written, and an empty account. */
const STAGES: Readonly<Record<string, Stage>> = {
  validate: GUARDED,
  guardrails: GUARDED,
  explain: APPLIED,
  'iam-bootstrap explain Role/prod-deploy --account 222222222222 --audit audit.jsonl': {
    before: `iam-bootstrap apply ${FILE} && iam-bootstrap audit export --output audit.jsonl`,
  },
  schedule: SCHEDULED,
  preflight: { before: `cp ${planPath('role')} plan.json && cp ${planPath('stack-b')} other.json && rm -f imports.tf` },
  convert: SYNTHESIZED,
  'iam-bootstrap convert cdk.out/Roles.template.json --account 111111111111 --region us-east-1 --parameter Stage=prod --resource-name Build=ci-build':
    UNNAMED,
  'iam-bootstrap plan -f cdk.out/Roles.template.json --account 111111111111 --region us-east-1': SYNTHESIZED,
  [`iam-bootstrap capture --update ${FILE}`]: { before: `iam-bootstrap apply ${FILE}` },
  capture: { before: `iam-bootstrap apply ${FILE} && mv iam saved`, after: 'rm -rf iam ci && mv saved iam' },
  release: APPLIED,
  destroy: APPLIED,
  approve: { before: GATED, answers: TO_THE_PLAN, after: `iam-bootstrap apply ${FILE}` },
  reject: { before: GATED, answers: TO_THE_PLAN },
  [`iam-bootstrap approve ${RUN_OF_FLEET}`]: {
    before: GATED_WAVE,
    answers: TO_THE_WAVE,
    // Another request than the approved run: it waits for the end of that.
    after: `iam-bootstrap apply ${OF_FLEET}`,
  },
  [`iam-bootstrap reject ${RUN_OF_FLEET}`]: { before: GATED_WAVE, answers: TO_THE_WAVE },
  [`iam-bootstrap cancel ${RUN_OF_FLEET}`]: { before: GATED_WAVE },
  'codec-server': {
    before: 'echo "2026-01: $(openssl rand -base64 32)" > encryption.keys && openssl rand -hex 32 > codec.tokens',
  },
  init: {
    before: 'rm -r iam .github',
    answers: [
      ['jenkins, buildkite\\): ', 'github\r'],
      ['\\[checkout\\]: ', 'platform\r'],
      ['dev, 12 digits: ', `${ACCOUNT}\r`],
      ['prod \\[\\d+\\]: ', `${OTHER}\r`],
    ],
  },
};

/** Examples that are to end with another code than 0 on their stage. */
const ENDS: Readonly<Record<string, number>> = {
  [`iam-bootstrap plan ${FILE} --detailed-exitcode`]: 2,
  [`iam-bootstrap apply ${FILE} --require-approval --no-wait`]: 4,
  // No run has written to this account.
  'iam-bootstrap explain 1b6c2a4e-0d1f-4c53-9f0e-7a3d5c9b8e21 --account 222222222222': 1,
};

/** These run until they are stopped: each has a test of its own below. */
const SERVERS = ['worker', 'dev', 'codec-server'];

/** What these show once they run, if it is not the state of a worker. */
const SHOWN: Readonly<Record<string, RegExp>> = { 'codec-server': /Codec server listens/ };

/** The environment that these need. */
const SETTINGS: Readonly<Record<string, string>> = {
  'codec-server': 'env IAM_BOOTSTRAP_ENCRYPTION_KEYS_FILE=encryption.keys ',
};

/** Takes a minute: getting-started.test.ts runs it. */
const RUN_ELSEWHERE = ['demo'];

/** An example of another command that runs until it is stopped, and what it shows. */
const WATCHING: readonly (readonly [string, RegExp])[] = [['iam-bootstrap status --watch', /NAMESPACE|No runs/]];

/** What an example leaves behind that others would meet. */
const LEFT: Readonly<Record<string, string>> = {
  [`iam-bootstrap schedule create ${FILE} --enforce --cron '0 3 * * *' --jitter 10m`]:
    'iam-bootstrap schedule delete iam-bootstrap-schedule:222222222222:platform:prod:enforce',
  [`iam-bootstrap apply ${FILE} --require-approval --no-wait`]: `iam-bootstrap reject ${FILE} --yes; iam-bootstrap apply ${FILE}`,
};

/** Some shells are not on every machine. */
function runnable(example: string): string {
  const [, before] = /^(.*) \| source$/.exec(example) ?? [];
  if (before === undefined) return example;
  return has('fish') ? `fish -c '${example}'` : before;
}

async function prepared(script: string | undefined): Promise<void> {
  if (script === undefined) return;
  const { code, output } = await inShell(world, checkout, script, { env: PERSON });
  expect({ script, code, output }).toEqual({ script, code: 0, output });
}

test('every example of every command that ends runs as it is printed, and ends with a code that the help names', async () => {
  for (const [name, help] of [...helps].filter(([one]) => ![...SERVERS, ...RUN_ELSEWHERE].includes(one))) {
    for (const example of examplesOf(help)) {
      if (WATCHING.some(([one]) => one === example)) continue;
      const line = example.replaceAll(/\\\n\s+/g, '');
      const { before, answers, after } = STAGES[line] ?? STAGES[name] ?? {};
      await world.sandbox.reset();
      await prepared(before);
      const typed = answers === undefined ? {} : { answers };
      const { code, output } = await inShell(world, checkout, runnable(example), { env: PERSON, ...typed });
      expect({ example, code, output }).toEqual({ example, code: ENDS[line] ?? 0, output });
      expect(exitCodesOf(help)).toContain(code);
      await prepared(LEFT[line] ?? after);
    }
  }
});

test('every example of a command that runs until it is stopped does so', async () => {
  const stopped = async (example: string, what: RegExp, prefix = ''): Promise<void> => {
    const { child, output, shows } = await startInShell(world, checkout, `${prefix}${example}`);
    await shows(what);
    child.kill('SIGINT');
    const [code] = (await once(child, 'close')) as [number | null];
    expect({ example, code, output: output() }).toEqual({ example, code: 0, output: output() });
  };
  const network = await ownNetwork();
  for (const name of SERVERS) {
    for (const example of examplesOf(helps.get(name) ?? '')) {
      await prepared(STAGES[name]?.before);
      await stopped(
        example,
        SHOWN[name] ?? /"state":"RUNNING"/,
        name === 'dev' ? `${network} env ` : (SETTINGS[name] ?? ''),
      );
    }
  }
  for (const [example, what] of WATCHING) {
    expect([...helps.values()].flatMap(examplesOf)).toContain(example);
    await stopped(example, what);
  }
});
