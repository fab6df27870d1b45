import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

const ROOT = join(__dirname, '../..');
const FOLDER = join(ROOT, '.github/workflows');

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}

interface Workflow {
  readonly on: Readonly<Record<string, unknown>>;
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: Readonly<
    Record<
      string,
      {
        readonly needs?: string | readonly string[];
        readonly environment?: string;
        readonly permissions?: Readonly<Record<string, string>>;
        readonly steps: readonly Step[];
        readonly 'timeout-minutes'?: number;
      }
    >
  >;
}

const files = readdirSync(FOLDER);
const read = (file: string): string => readFileSync(join(FOLDER, file), 'utf8');

describe.each(files)('.github/workflows/%s', (file) => {
  const workflow = parse(read(file)) as Workflow;
  const jobs = Object.entries(workflow.jobs);
  const steps = jobs.flatMap(([, job]) => job.steps);

  test('names each action by its commit, with the version beside it', () => {
    const uses = read(file)
      .split('\n')
      .filter((line) => line.includes('uses: '));
    expect(uses).toHaveLength(steps.filter((step) => step.uses !== undefined).length);
    for (const line of uses) expect(line).toMatch(/uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

  test('may read the repository, and a job that may more says what', () => {
    expect(workflow.permissions).toEqual({ contents: 'read' });
    const writing = jobs.filter(([, { permissions = {} }]) => Object.values(permissions).includes('write'));
    if (file !== 'release.yml') expect(writing).toEqual([]);
    for (const { uses = '', with: given } of steps) {
      if (uses.startsWith('actions/checkout@')) expect(given).toMatchObject({ 'persist-credentials': false });
    }
  });

  test('ends each job in time, and runs only scripts that exist', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: object };
    for (const [name, job] of jobs) expect([name, job['timeout-minutes']]).toEqual([name, expect.any(Number)]);
    const named = steps.flatMap(({ run = '' }) => [...run.matchAll(/npm run ([\w:]+)/g)].map(([, script]) => script));
    expect(named.filter((script) => !(script !== undefined && script in scripts))).toEqual([]);
  });

  test('puts no expression into a script, which a name of a branch or a title could end', () => {
    expect(steps.filter(({ run = '' }) => run.includes('${{'))).toEqual([]);
  });
});

describe('a release', () => {
  const { jobs } = parse(read('release.yml')) as Workflow;

  test('publishes nothing before all tests have passed, and only from the environment that is reviewed', () => {
    expect(jobs['verify']?.steps.map(({ run }) => run)).toContain('npm test');
    for (const name of ['npm', 'image', 'chart']) {
      expect(jobs[name]).toMatchObject({ needs: 'verify', environment: 'release' });
    }
    expect(jobs['release']?.needs).toEqual(['npm', 'image', 'chart']);
  });

  test('builds the chart with the Helm of the tests', () => {
    const [, version = ''] = /^version=(.*)$/m.exec(readFileSync(join(ROOT, 'scripts/helm.sh'), 'utf8')) ?? [];
    const helm = jobs['chart']?.steps.find(({ uses = '' }) => uses.startsWith('azure/setup-helm@'));
    expect(helm?.with).toEqual({ version: `v${version}` });
  });
});

test('CI runs the tests on each version of Node.js that the project supports', () => {
  const { jobs } = parse(read('ci.yml')) as { jobs: { node: { strategy: { matrix: { node: number[] } } } } };
  const { engines } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { engines: { node: string } };
  const versions = jobs.node.strategy.matrix.node;
  expect(versions).toEqual([20, 22, 24]);
  expect(Number(/\d+/.exec(engines.node)?.[0])).toBe(Math.min(...versions));
});
