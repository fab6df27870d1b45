import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import { inShell, makeCheckout } from '../support/checkout.js';
import type { Ended } from '../support/checkout.js';
import { role } from '../support/manifests-of.js';
import { ACCOUNT } from '../support/world.js';
import { useWorld, world } from '../support/use-world.js';

/** The recipes as they are printed: what they have a shell do, done by a shell, in a checkout that has the package. */

useWorld();

const ROOT = resolve(__dirname, '../..');
const OTHER = '222222222222';

let checkout: string;

beforeAll(async () => {
  checkout = await makeCheckout(world);
  await mkdir(join(checkout, 'iam'), { recursive: true });
  const manifest = {
    version: 1,
    namespace: 'recipes',
    environments: {
      dev: { account: ACCOUNT },
      prod: { account: OTHER, assumeRole: `arn:aws:iam::${OTHER}:role/iam-bootstrap` },
    },
    entities: [role('{{environment}}-deploy')],
  };
  await writeFile(join(checkout, 'iam/bootstrap.yaml'), JSON.stringify(manifest));
});

beforeEach(async () => {
  await rm(join(checkout, 'output'), { force: true });
});

function shell(script: string, env: Readonly<Record<string, string>>): Promise<Ended> {
  return inShell(world, checkout, script, { env });
}

/** The first block of a language below a heading of the page, or the first that says so. */
async function blockBelow(heading: string): Promise<string> {
  const page = await readFile(join(ROOT, 'docs/ci.md'), 'utf8');
  const below = page.slice(page.indexOf(`\n## ${heading}\n`));
  const block = /^(`{3,})\w+\n([\s\S]*?)^\1$/m.exec(below)?.[2];
  if (block === undefined) throw new Error(`docs/ci.md has no block below ${heading}`);
  return block;
}

/** Commands but those that install, which have been. */
function withoutInstall(commands: readonly string[]): string[] {
  return commands.filter((command) => !/^npm (ci|install)/.test(command));
}

/** What each recipe comes to: valid, pending, made in both accounts. */
async function expectPipeline(
  run: (stage: 'validate' | 'plan' | 'apply', target: 'dev' | 'prod') => Promise<Ended>,
  codeOfPending: number,
): Promise<void> {
  expect(await run('validate', 'dev')).toMatchObject({ code: 0 });
  for (const target of ['dev', 'prod'] as const) {
    expect(await run('plan', target)).toMatchObject({ code: codeOfPending });
    expect(await world.creates(target === 'dev' ? ACCOUNT : OTHER)).toEqual({});
    expect(await run('apply', target)).toMatchObject({ code: 0 });
    expect(await world.creates(target === 'dev' ? ACCOUNT : OTHER)).toEqual({ [`CreateRole ${target}-deploy`]: 1 });
  }
}

test('the recipe for GitHub Actions checks, plans and applies, and pending changes are no failure', async () => {
  interface Workflow {
    readonly jobs: Readonly<Record<string, { readonly steps: readonly { readonly run?: string }[] }>>;
  }
  const { jobs } = parse(await blockBelow('GitHub Actions')) as Workflow;
  await expectPipeline((stage, target) => {
    const steps = jobs[stage]?.steps.flatMap(({ run }) => run ?? []) ?? [];
    const script = withoutInstall(steps).join('\n').replaceAll('${{ matrix.environment }}', target);
    expect(script).toContain('npx --no-install iam-bootstrap');
    return shell(script, { GITHUB_ACTIONS: 'true', GITHUB_STEP_SUMMARY: join(checkout, 'summary.md') });
  }, 0);
  const summary = await readFile(join(checkout, 'summary.md'), 'utf8');
  expect(summary.match(/^### .*$/gm)).toEqual([
    '### iam-bootstrap plan: pending',
    '### iam-bootstrap apply: converged',
    '### iam-bootstrap plan: pending',
    '### iam-bootstrap apply: converged',
  ]);
});

test('the recipe for GitLab checks, plans with exit code 2, which is a warning there, and applies', async () => {
  type Job = Readonly<Record<string, { readonly script?: readonly string[] }>> & {
    readonly variables: Readonly<Record<string, string>>;
  };
  const jobs = parse(await blockBelow('GitLab')) as Job;
  await expectPipeline((stage, target) => {
    const { script = [] } = jobs[stage === 'apply' ? '.apply' : stage] ?? {};
    return shell(withoutInstall(script).join('\n'), {
      ...jobs.variables,
      GITLAB_CI: 'true',
      TARGET: target,
      CI_ENVIRONMENT_NAME: target,
    });
  }, 2);
  expect(await readFile(join(checkout, 'plan.xml'), 'utf8')).toContain('Role/prod-deploy');
});

test('the recipe for Jenkins checks, plans and applies with what it hands to sh', async () => {
  const pipeline = await blockBelow('Jenkins');
  const scripts = [...pipeline.matchAll(/sh '([^']+)'|script: "([^"]+)"/g)].map((found) => found[1] ?? found[2] ?? '');
  await expectPipeline((stage, target) => {
    const script = scripts.find((one) => one.includes(`iam-bootstrap ${stage}`)) ?? 'false';
    return shell(script.replaceAll('${target}', target), { JENKINS_URL: 'https://ci.example.com/' });
  }, 2);
});

test('the recipe for Buildkite checks, plans with exit code 2, which is soft there, and applies', async () => {
  interface Step {
    readonly label?: string;
    readonly command?: readonly string[];
  }
  const { steps } = parse(await blockBelow('Buildkite')) as { readonly steps: readonly (Step | 'wait')[] };
  await expectPipeline((stage, target) => {
    const labels = { validate: 'validate', plan: 'plan {{matrix}}', apply: `apply ${target}` };
    const step = steps.find((one): one is Step => one !== 'wait' && one.label === labels[stage]);
    const script = withoutInstall(step?.command ?? ['false']).join('\n');
    return shell(script.replaceAll('{{matrix}}', target), { BUILDKITE: 'true' });
  }, 2);
});

describe('the action', () => {
  interface Action {
    readonly inputs: Readonly<Record<string, { readonly default?: string; readonly required?: boolean }>>;
    readonly outputs: Readonly<Record<string, { readonly value: string }>>;
    readonly runs: {
      readonly steps: readonly {
        readonly id: string;
        readonly run: string;
        readonly env: Readonly<Record<string, string>>;
      }[];
    };
  }

  async function runAction(inputs: Readonly<Record<string, string>>): Promise<Ended> {
    const action = parse(await readFile(join(ROOT, 'action.yml'), 'utf8')) as Action;
    const [step] = action.runs.steps;
    const valueOf = (expression: string): string => {
      const name = /^\$\{\{ inputs\.([\w-]+) \}\}$/.exec(expression)?.[1] ?? '';
      const value = inputs[name] ?? action.inputs[name]?.default;
      if (value === undefined) throw new Error(`${expression} has no value`);
      return value;
    };
    const env = Object.fromEntries(Object.entries(step?.env ?? {}).map(([name, text]) => [name, valueOf(text)]));
    const github = { GITHUB_ACTIONS: 'true', GITHUB_OUTPUT: join(checkout, 'output'), GITHUB_WORKSPACE: checkout };
    return shell(step?.run ?? 'false', { ...env, ...github });
  }

  test('applies a manifest, and hands on every output that it names', async () => {
    const inputs = { manifest: 'iam/bootstrap.yaml', environment: 'dev', arguments: '--wait-timeout=5m\n--quiet\n' };
    expect(await runAction(inputs)).toMatchObject({ code: 0 });
    expect(await world.creates()).toEqual({ 'CreateRole dev-deploy': 1 });
    const written = await readFile(join(checkout, 'output'), 'utf8');
    const { outputs } = parse(await readFile(join(ROOT, 'action.yml'), 'utf8')) as Action;
    const names = [...written.matchAll(/^([\w-]+)<<(\S+)\n.*\n\2$/gm)].map(([, name]) => name);
    expect(names.sort()).toEqual(Object.keys(outputs).sort());
    expect(Object.entries(outputs).map(([name, { value }]) => [name, value])).toEqual(
      Object.keys(outputs).map((name) => [name, `\${{ steps.run.outputs.${name} }}`]),
    );
  });

  test('takes whatever stands in its inputs for text', async () => {
    const hostile = '$(touch hacked) `touch hacked`; touch hacked';
    const { code, output } = await runAction({ manifest: `iam/${hostile}.yaml`, environment: hostile });
    expect(code).toBe(64);
    expect(output).toContain('there is no such file');
    await expect(readFile(join(checkout, 'hacked'))).rejects.toThrow('ENOENT');
  });
});
