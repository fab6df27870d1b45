import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';

const ROOT = join(__dirname, '../..');
const FOLDER = join(ROOT, '.github/workflows');

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
}

/** A level by scope, or one for all: `write-all`. */
type Permissions = Readonly<Record<string, string>> | string;

interface Workflow {
  readonly on: Readonly<Record<string, unknown>>;
  readonly permissions: Permissions;
  readonly jobs: Readonly<
    Record<
      string,
      {
        readonly needs?: string | readonly string[];
        readonly environment?: string;
        readonly permissions?: Permissions;
        readonly steps: readonly Step[];
        readonly 'timeout-minutes'?: number;
      }
    >
  >;
}

/** The scopes that jobs may write, by workflow. */
const WRITING: Readonly<Record<string, object>> = {
  'ci.yml': {},
  'release.yml': {
    image: ['packages', 'id-token'],
    chart: ['packages', 'id-token'],
    npm: ['id-token'],
    release: ['contents', 'id-token'],
  },
};

/** Returns what is granted beyond reading. A level for all scopes counts as itself. */
function grantedBy(permissions: Permissions): readonly string[] {
  if (typeof permissions === 'string') return [permissions];
  return Object.entries(permissions).flatMap(([scope, level]) => (level === 'read' || level === 'none' ? [] : [scope]));
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

  test('grants read access, and names each job that gets more', () => {
    expect(workflow.permissions).toEqual({ contents: 'read' });
    const granted = jobs.map(([name, { permissions = {} }]) => [name, grantedBy(permissions)] as const);
    expect(Object.fromEntries(granted.filter(([, scopes]) => scopes.length > 0))).toEqual(WRITING[file]);
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

  const stepOf = (job: string, part: string): Step | undefined =>
    jobs[job]?.steps.find(({ run = '', uses = '' }) => `${run}${uses}`.includes(part));
  const shell = (
    script: string,
    cwd: string,
    env: Readonly<Record<string, string>> = {},
  ): { code: number | null; output: string } => {
    const { status, stdout, stderr } = spawnSync('bash', ['-e', '-o', 'pipefail', '-c', script], {
      cwd,
      env: { PATH: process.env['PATH'], HOME: cwd, npm_config_offline: 'true', ...env },
      encoding: 'utf8',
    });
    return { code: status, output: stdout + stderr };
  };
  const folder = mkdtempSync(join(tmpdir(), 'iam-bootstrap-release-'));
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  test('publishes nothing before all tests have passed, and only from the environment that is reviewed', () => {
    expect(stepOf('verify', 'npm test')).toEqual({ run: 'npm test', env: { IAM_BOOTSTRAP_REQUIRE_ALL: 'true' } });
    for (const name of ['npm', 'image', 'chart']) expect(jobs[name]).toMatchObject({ environment: 'release' });
    for (const name of ['pack', 'image']) expect(jobs[name]).toMatchObject({ needs: 'verify' });
    // Its default image has to be there.
    expect(jobs['chart']?.needs).toEqual(['verify', 'image']);
    // Last, since no version can be published twice.
    expect(jobs['npm']?.needs).toEqual(['verify', 'pack', 'image', 'chart']);
    expect(jobs['release']?.needs).toEqual(['verify', 'npm']);
  });

  test('runs no script of a dependency where it may publish', () => {
    for (const [name, { environment, permissions, steps }] of Object.entries(jobs)) {
      const runsScripts = steps.some(({ run = '' }) => /\bnpm (ci|test|install|run)\b/.test(run));
      if (runsScripts) expect([name, environment, permissions]).toEqual([name, undefined, undefined]);
    }
    expect(jobs['npm']?.steps.map(({ uses = '' }) => uses.split('@')[0])).not.toContain('actions/checkout');
  });

  test('publishes the packed file, which npm takes for a file', () => {
    mkdirSync(join(folder, 'release'));
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: '@scope/name', version: '1.2.3-rc.1' }));
    expect(shell('npm pack --pack-destination release && rm package.json', folder).code).toBe(0);
    const publish = stepOf('npm', 'npm publish')?.run ?? '';
    const { code, output } = shell(`${publish} --dry-run`, folder, { NPM_TAG: 'next' });
    expect(output).toContain('+ @scope/name@1.2.3-rc.1');
    expect(code).toBe(0);
  });

  test('downloads what its jobs have uploaded, by name: an action may upload more, which is no file of the release', () => {
    const named = (action: string): string[] =>
      Object.values(jobs)
        .flatMap(({ steps }) => steps)
        .filter(({ uses = '' }) => uses.startsWith(`actions/${action}-artifact@`))
        .map(({ with: given }) => String(given?.['name']));
    expect(named('upload').sort()).toEqual(['chart', 'npm']);
    expect([...new Set(named('download'))].sort()).toEqual(['chart', 'npm']);
    const files = jobs['release']?.steps.flatMap(({ with: given }) => given?.['name'] ?? []);
    expect(files).toEqual(['npm', 'chart']);
    expect(stepOf('image', 'docker/build-push-action@')?.env).toEqual({ DOCKER_BUILD_RECORD_UPLOAD: 'false' });
  });

  test('starts the image that was pushed, on both of its platforms, before it signs it', () => {
    const script = stepOf('image', 'docker run')?.run ?? '';
    const bin = mkdtempSync(join(folder, 'docker-'));
    const docker = '#!/bin/sh\necho "$*" >> "$CALLS"\ncase $* in *"$BROKEN"*) exit 1 ;; esac\necho "$VERSION"\n';
    writeFileSync(join(bin, 'docker'), docker, { mode: 0o755 });
    const calls = join(bin, 'calls');
    const env = {
      PATH: `${bin}:${process.env['PATH'] ?? ''}`,
      CALLS: calls,
      VERSION: '1.2.3',
      IMAGE: 'i',
      DIGEST: 'd',
    };
    expect(shell(script, folder, { ...env, BROKEN: 'nothing' }).code).toBe(0);
    const platforms = String(stepOf('image', 'docker/build-push-action@')?.with?.['platforms']).split(',');
    expect(
      [...readFileSync(calls, 'utf8').matchAll(/--platform (\S+) .* i@d --version/g)].map(([, one]) => one),
    ).toEqual(platforms);
    for (const BROKEN of platforms) expect(shell(script, folder, { ...env, BROKEN }).code).not.toBe(0);
    const order = jobs['image']?.steps.map(({ run = '' }) => run) ?? [];
    expect(order.indexOf(script)).toBeLessThan(order.findIndex((run) => run.startsWith('cosign sign')));
  });

  test('gives the image the tag that the chart takes by default', () => {
    expect(String(stepOf('image', 'docker/build-push-action@')?.with?.['tags'])).toMatch(
      /:\$\{\{ needs\.verify\.outputs\.version \}\}$/,
    );
  });

  test('builds the image for both platforms, with its origin, SBOM and provenance, and signs each platform', () => {
    const { platforms, provenance, sbom, labels, annotations } =
      stepOf('image', 'docker/build-push-action@')?.with ?? {};
    expect([platforms, provenance, sbom]).toEqual(['linux/amd64,linux/arm64', 'mode=max', true]);
    const keysOf = (lines: unknown): string[] => [...String(lines).matchAll(/^\S+?(?==)/gm)].map(([key]) => key);
    const keys = ['source', 'revision', 'version'].map((name) => `org.opencontainers.image.${name}`);
    expect(keysOf(labels)).toEqual(keys);
    const all = [...keys, 'org.opencontainers.image.licenses'];
    expect(keysOf(annotations)).toEqual(['index', 'manifest'].flatMap((level) => all.map((key) => `${level}:${key}`)));
    const { license } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { license: string };
    for (const text of [String(annotations), readFileSync(join(ROOT, 'Dockerfile'), 'utf8')]) {
      expect(text.replaceAll('"', '')).toContain(`org.opencontainers.image.licenses=${license}`);
    }
    expect(stepOf('image', 'cosign sign')?.run).toContain('--recursive');
  });

  test.each([
    ['1.2.3', 'v1.2.3', '## 1.2.3 (2026-11-30)', 0, 'version=1.2.3\nnpm-tag=latest\n'],
    ['1.2.3-rc.1', 'v1.2.3-rc.1', '## 1.2.3-rc.1', 0, 'version=1.2.3-rc.1\nnpm-tag=next\n'],
    ['1.2.3', 'v1.2.4', '## 1.2.4', 1, ''],
    ['1.2.3', 'v1.2.3', '## 1.2.3 (not yet published)', 1, ''],
    ['1.2.3', 'v1.2.3', '## 1.2', 1, ''],
  ])(
    'of version %s as %s with the changelog "%s" ends its check with %s',
    (version, tag, heading, expected, output) => {
      const repository = mkdtempSync(join(folder, 'repository-'));
      cpSync(join(ROOT, 'scripts/release-notes.sh'), join(repository, 'scripts/release-notes.sh'));
      writeFileSync(join(repository, 'package.json'), JSON.stringify({ version }));
      writeFileSync(join(repository, 'CHANGELOG.md'), `# Changelog\n\n${heading}\n\n- New.\n\n## 1.0.0\n\n- Old.\n`);
      writeFileSync(join(repository, 'output'), '');
      const commit = 'git -c user.name=x -c user.email=x@example.com commit --quiet --allow-empty --message x';
      const given = `git init --quiet && ${commit} && git update-ref refs/remotes/origin/main HEAD`;
      expect(shell(given, repository)).toEqual({ code: 0, output: '' });
      const check = stepOf('verify', 'merge-base')?.run ?? '';
      const env = { GITHUB_REF_NAME: tag, GITHUB_SHA: 'HEAD', GITHUB_OUTPUT: 'output' };
      expect(shell(check, repository, env).code).toBe(expected);
      expect(readFileSync(join(repository, 'output'), 'utf8')).toBe(output);
      // A commit that is not on main.
      expect(shell(`${commit} \n${check}`, repository, env).code).not.toBe(0);
    },
  );

  test.each(['helm', 'real-server'])('fails where %s.sh would have its tests skipped', (script) => {
    const bin = mkdtempSync(join(folder, 'bin-'));
    for (const name of ['dirname', 'sed', 'ls', 'id']) {
      symlinkSync(shell(`command -v ${name}`, folder).output.trim(), join(bin, name));
    }
    const command = `PATH=${bin}; export PATH; /bin/bash scripts/${script}.sh`;
    const env = { IAM_BOOTSTRAP_CACHE: folder };
    expect(shell(command, ROOT, env)).toMatchObject({ code: 0, output: expect.stringContaining('skipped') as string });
    expect(shell(command, ROOT, { ...env, IAM_BOOTSTRAP_REQUIRE_ALL: 'true' }).code).toBe(1);
    const [end = ''] = /^for selection[^]*/m.exec(readFileSync(join(ROOT, 'scripts/test.sh'), 'utf8')) ?? [];
    const state = 'again=(); started=0; skipped="the tests"';
    expect(shell(`${state}\n${end}`, ROOT).code).toBe(0);
    expect(shell(`${state}\n${end}`, ROOT, { IAM_BOOTSTRAP_REQUIRE_ALL: 'true' }).code).toBe(1);
  });

  test('signs what SECURITY.md has people check, under the names that it gives', () => {
    const page = readFileSync(join(ROOT, 'SECURITY.md'), 'utf8').replaceAll(/\\\n\s*/g, '');
    const bundle = /sign-blob .*--bundle (\S+) SHA256SUMS/.exec(stepOf('release', 'sign-blob')?.run ?? '')?.[1];
    expect(page).toContain(`cosign verify-blob SHA256SUMS --bundle ${bundle ?? ''} --certificate`);
    expect(page).toContain('.github/workflows/release.yml@refs/tags/vVERSION');
    for (const [job, signed] of [
      ['image', 'ghcr.io/OWNER/NAME'],
      ['chart', 'ghcr.io/OWNER/charts/iam-bootstrap'],
    ] as const) {
      expect(stepOf(job, 'cosign sign --yes')).toBeDefined();
      expect(page).toContain(`cosign verify ${signed}@sha256:DIGEST --certificate`);
    }
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
