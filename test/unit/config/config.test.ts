import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os, { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig, unsetEmptyVariables } from '../../../src/config/config.js';
import { compileCacheDirectory } from '../../../src/config/folders.js';

/** An empty home: the machine's own Temporal profile does not count. */
let home: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'iam-bootstrap-home-'));
});

afterEach(() => {
  rmSync(home, { recursive: true });
});

test('with nothing set there are defaults for all', () => {
  const environment = { HOME: home };
  expect(loadConfig(environment)).toEqual({
    taskQueue: 'iam-bootstrap',
    cacheDirectory: expect.stringMatching(/iam-bootstrap$/) as string,
    stateDirectory: '.iam-bootstrap',
    secretsFolder: undefined,
    awsTimeoutMs: undefined,
    sourceIdentity: undefined,
    temporalConfigured: false,
    temporalCli: undefined,
    uiUrl: undefined,
    iamEndpoint: undefined,
    healthAddress: undefined,
    metricsAddress: undefined,
    deployment: undefined,
    logLevel: 'info',
    network: expect.anything() as object,
    pipeline: { provider: 'local', url: null, commit: null, actor: null },
    encryption: { isRequired: false },
    environment,
  });
});

test('a variable with an empty text is not set, for this process and its children', () => {
  const names = ['TEMPORAL_NAMESPACE', 'TEMPORAL_API_KEY', 'AWS_PROFILE', 'IAM_BOOTSTRAP_STATE', 'https_proxy'];
  const { environment } = loadConfig({ HOME: home, ...Object.fromEntries(names.map((name) => [name, ''])) });
  expect(environment).toEqual({ HOME: home });
  for (const name of names) process.env[name] = '';
  unsetEmptyVariables();
  expect(names.filter((name) => name in process.env)).toEqual([]);
});

test('each variable is read', () => {
  const config = loadConfig({
    HOME: home,
    IAM_BOOTSTRAP_TASK_QUEUE: 'queue',
    IAM_BOOTSTRAP_CACHE: '/cache',
    IAM_BOOTSTRAP_STATE: '/state',
    IAM_BOOTSTRAP_SECRETS: '/secrets',
    IAM_BOOTSTRAP_AWS_TIMEOUT: '2.5',
    IAM_BOOTSTRAP_SOURCE_IDENTITY: 'platform-team@example.com',
    IAM_BOOTSTRAP_TEMPORAL_CLI: '/bin/temporal',
    IAM_BOOTSTRAP_UI_URL: 'https://temporal.example.com',
    IAM_BOOTSTRAP_HEALTH: '0.0.0.0:8080',
    IAM_BOOTSTRAP_METRICS: '0.0.0.0:9464',
    IAM_BOOTSTRAP_LOG: 'debug',
    IAM_BOOTSTRAP_DEPLOYMENT: 'iam',
    IAM_BOOTSTRAP_BUILD_ID: '4b825dc',
  });
  expect(config).toMatchObject({
    taskQueue: 'queue',
    cacheDirectory: '/cache',
    stateDirectory: '/state',
    secretsFolder: '/secrets',
    sourceIdentity: 'platform-team@example.com',
    awsTimeoutMs: 2500,
    temporalCli: '/bin/temporal',
    uiUrl: 'https://temporal.example.com',
    healthAddress: '0.0.0.0:8080',
    metricsAddress: '0.0.0.0:9464',
    deployment: { name: 'iam', buildId: '4b825dc' },
    logLevel: 'debug',
  });
});

test('the build of a worker deployment is also read from the variables that Temporal’s worker controller sets', () => {
  const temporal = { TEMPORAL_DEPLOYMENT_NAME: 'team/iam', TEMPORAL_WORKER_BUILD_ID: '0.2.0-1a2b' };
  expect(loadConfig({ HOME: home, ...temporal }).deployment).toEqual({ name: 'team/iam', buildId: '0.2.0-1a2b' });
  const own = { IAM_BOOTSTRAP_DEPLOYMENT: 'iam', IAM_BOOTSTRAP_BUILD_ID: '4b825dc' };
  expect(loadConfig({ HOME: home, ...temporal, ...own }).deployment).toEqual({ name: 'iam', buildId: '4b825dc' });
});

test.each([
  ['IAM_BOOTSTRAP_DEPLOYMENT', 'IAM_BOOTSTRAP_BUILD_ID'],
  ['IAM_BOOTSTRAP_BUILD_ID', 'IAM_BOOTSTRAP_DEPLOYMENT'],
  ['TEMPORAL_DEPLOYMENT_NAME', 'TEMPORAL_WORKER_BUILD_ID'],
  ['TEMPORAL_WORKER_BUILD_ID', 'TEMPORAL_DEPLOYMENT_NAME'],
])('%s without %s is refused', (set, missing) => {
  expect(() => loadConfig({ HOME: home, [set]: 'x' })).toThrow(
    expect.objectContaining({
      name: 'ConfigError',
      message: expect.stringMatching(new RegExp(`^${set} is set without ${missing}:`)) as string,
      remedy: `set ${missing} as well, or neither`,
    }) as Error,
  );
});

test.each(['15s', '-1', '0', '3600', 'NaN', ' '])('a timeout of %j is refused', (text) => {
  expect(() => loadConfig({ HOME: home, IAM_BOOTSTRAP_AWS_TIMEOUT: text })).toThrow(
    expect.objectContaining({
      name: 'ConfigError',
      message: expect.stringMatching(/^IAM_BOOTSTRAP_AWS_TIMEOUT is .*a number of seconds/) as string,
    }) as Error,
  );
});

test.each(['x', 'a b', 'a'.repeat(65), 'team:platform'])('a source identity of %j is refused', (text) => {
  expect(() => loadConfig({ HOME: home, IAM_BOOTSTRAP_SOURCE_IDENTITY: text })).toThrow(
    expect.objectContaining({
      name: 'ConfigError',
      message: expect.stringMatching(/^IAM_BOOTSTRAP_SOURCE_IDENTITY is .*2 to 64/) as string,
    }) as Error,
  );
});

test.each(['127.0.0.1:9464', '[::1]:1', '[2001:db8::1]:65535'])('metrics may be served at %j', (address) => {
  expect(loadConfig({ HOME: home, IAM_BOOTSTRAP_METRICS: address }).metricsAddress).toBe(address);
});

test.each(['9464', ':9464', 'localhost:9464', '::1:9464', '[::1]', '127.0.0.1:0', '127.0.0.1:65536', '1.2.3:9464'])(
  'an address for metrics of %j is refused, because what listens there resolves no names',
  (text) => {
    expect(() => loadConfig({ HOME: home, IAM_BOOTSTRAP_METRICS: text })).toThrow(
      expect.objectContaining({
        name: 'ConfigError',
        message: `IAM_BOOTSTRAP_METRICS is ${text}; expected an IP address and a port`,
        remedy: 'set IAM_BOOTSTRAP_METRICS to 127.0.0.1:9464, for example, or unset it',
      }) as Error,
    );
  },
);

test('without an environment it is that of the process', () => {
  expect(loadConfig().environment).toEqual(process.env);
});

describe('the cache', () => {
  const platform = Object.getOwnPropertyDescriptor(process, 'platform') ?? {};

  afterEach(() => {
    Object.defineProperty(process, 'platform', platform);
  });

  test.each([
    ['linux', {}, '.cache/iam-bootstrap'],
    ['darwin', {}, 'Library/Caches/iam-bootstrap'],
    // An empty variable is as none: the XDG specification says so.
    ['linux', { XDG_CACHE_HOME: '', IAM_BOOTSTRAP_CACHE: '' }, '.cache/iam-bootstrap'],
  ])('on %s with %j is in the home', (name, more, path) => {
    Object.defineProperty(process, 'platform', { value: name });
    expect(loadConfig({ HOME: home, ...more }).cacheDirectory).toBe(join(home, path));
  });

  test.each([
    [{ XDG_CACHE_HOME: '/xdg' }, '/xdg/iam-bootstrap'],
    [{ XDG_CACHE_HOME: '/xdg', IAM_BOOTSTRAP_CACHE: '/own' }, '/own'],
  ])('with %j is where that says', (more, path) => {
    expect(loadConfig({ HOME: home, ...more }).cacheDirectory).toBe(path);
  });

  test('without a home in the environment is in the one that the system knows', () => {
    Object.defineProperty(process, 'platform', { value: 'linux' });
    expect(loadConfig({}).cacheDirectory).toBe(join(homedir(), '.cache/iam-bootstrap'));
  });

  test('has compiled code, but not where it is a temporary folder that all users share', () => {
    expect(compileCacheDirectory({ IAM_BOOTSTRAP_CACHE: '', XDG_CACHE_HOME: '/xdg' })).toBe(
      '/xdg/iam-bootstrap/compiled',
    );
    jest.spyOn(os, 'homedir').mockImplementation(() => {
      throw new Error('no home');
    });
    expect(compileCacheDirectory({})).toBeUndefined();
    expect(loadConfig({}).cacheDirectory).toBe(join(tmpdir(), `iam-bootstrap-${String(process.getuid?.() ?? 0)}`));
  });
});

describe('a Temporal server', () => {
  test.each(['TEMPORAL_ADDRESS', 'TEMPORAL_PROFILE', 'TEMPORAL_CONFIG_FILE', 'TEMPORAL_API_KEY'])(
    'is named by %s, if that is not empty',
    (name) => {
      expect(loadConfig({ HOME: home, [name]: 'something' }).temporalConfigured).toBe(true);
      expect(loadConfig({ HOME: home, [name]: '' }).temporalConfigured).toBe(false);
    },
  );

  test.each(['.config', 'Library/Application Support'])('is named by a profile in %s', (folder) => {
    mkdirSync(join(home, folder, 'temporalio'), { recursive: true });
    writeFileSync(join(home, folder, 'temporalio/temporal.toml'), '');
    expect(loadConfig({ HOME: home }).temporalConfigured).toBe(true);
  });

  test('is named by a profile in XDG_CONFIG_HOME', () => {
    const folder = join(home, 'elsewhere');
    expect(loadConfig({ HOME: home, XDG_CONFIG_HOME: folder }).temporalConfigured).toBe(false);
    mkdirSync(join(folder, 'temporalio'), { recursive: true });
    writeFileSync(join(folder, 'temporalio/temporal.toml'), '');
    expect(loadConfig({ HOME: home, XDG_CONFIG_HOME: folder }).temporalConfigured).toBe(true);
  });

  test.each(['TEMPORAL_NAMESPACE', 'IAM_BOOTSTRAP_TASK_QUEUE', 'TEMPORALITY'])('is not named by %s', (name) => {
    expect(loadConfig({ HOME: home, [name]: 'something' }).temporalConfigured).toBe(false);
  });
});

describe('the endpoint that is shown', () => {
  test.each([
    [{ AWS_ENDPOINT_URL: 'http://all' }, 'http://all'],
    [{ AWS_ENDPOINT_URL_IAM: 'http://iam' }, 'http://iam'],
    [{ AWS_ENDPOINT_URL: 'http://all', AWS_ENDPOINT_URL_IAM: 'http://iam' }, 'http://iam'],
    [{ AWS_ENDPOINT_URL_STS: 'http://sts' }, undefined],
  ])('of %j is the one that the SDK uses for IAM', (environment, endpoint) => {
    expect(loadConfig({ HOME: home, ...environment }).iamEndpoint?.value).toBe(endpoint);
  });
});

describe('the pipeline', () => {
  const commit = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';

  test.each([
    [
      'github',
      {
        GITHUB_ACTIONS: 'true',
        GITHUB_SERVER_URL: 'https://github.com',
        GITHUB_REPOSITORY: 'acme/infra',
        GITHUB_RUN_ID: '42',
        GITHUB_SHA: commit,
        GITHUB_ACTOR: 'octocat',
      },
      { url: 'https://github.com/acme/infra/actions/runs/42', commit, actor: 'octocat' },
    ],
    [
      'gitlab',
      {
        GITLAB_CI: 'true',
        CI_JOB_URL: 'https://gitlab.com/acme/infra/-/jobs/42',
        CI_COMMIT_SHA: commit,
        GITLAB_USER_LOGIN: 'tanuki',
      },
      { url: 'https://gitlab.com/acme/infra/-/jobs/42', commit, actor: 'tanuki' },
    ],
    [
      'buildkite',
      {
        BUILDKITE: 'true',
        BUILDKITE_BUILD_URL: 'https://buildkite.com/acme/infra/builds/42',
        BUILDKITE_COMMIT: commit,
        BUILDKITE_BUILD_CREATOR: 'Ada Lovelace',
      },
      { url: 'https://buildkite.com/acme/infra/builds/42', commit, actor: 'Ada Lovelace' },
    ],
    [
      'jenkins',
      {
        JENKINS_URL: 'https://ci.example.com/',
        BUILD_ID: '42',
        BUILD_URL: 'https://ci.example.com/job/infra/42/',
        GIT_COMMIT: commit,
        BUILD_USER: 'alfred',
      },
      { url: 'https://ci.example.com/job/infra/42/', commit, actor: 'alfred' },
    ],
    [
      'circleci',
      { CIRCLECI: 'true', CIRCLE_BUILD_URL: 'https://circleci.com/42', CIRCLE_SHA1: commit, CIRCLE_JOB: 'apply' },
      { url: 'https://circleci.com/42', commit, job: 'apply' },
    ],
    [
      'azure',
      {
        TF_BUILD: 'True',
        SYSTEM_COLLECTIONURI: 'https://dev.azure.com/acme/',
        SYSTEM_TEAMPROJECT: 'in fra',
        BUILD_BUILDID: '42',
        SYSTEM_JOBATTEMPT: '2',
      },
      { url: 'https://dev.azure.com/acme/in%20fra/_build/results?buildId=42', run: '42', attempt: '2' },
    ],
    [
      'codebuild',
      { CODEBUILD_BUILD_ARN: 'arn', CODEBUILD_BUILD_ID: 'infra:42', CODEBUILD_BUILD_URL: 'https://aws/42' },
      { url: 'https://aws/42', run: 'infra:42' },
    ],
    ['teamcity', { TEAMCITY_VERSION: '2024' }, { url: null, commit: null, run: null }],
    ['local', { USER: 'ada', LOGNAME: 'lovelace' }, { url: null, commit: null, actor: 'ada' }],
    ['local', { LOGNAME: 'lovelace' }, { url: null, commit: null, actor: 'lovelace' }],
    // Variables of a service without the one that detects it are leftovers.
    ['local', { GITHUB_ACTIONS: 'false', GITHUB_SHA: commit, CI: 'true' }, { url: null, commit: null, actor: null }],
  ])('on %s with %j is told by what the service says of the job', (provider, environment, pipeline) => {
    expect(loadConfig({ HOME: home, ...environment }).pipeline).toMatchObject({ provider, ...pipeline });
  });

  test.each([
    ['gitlab', { GITLAB_CI: 'true' }],
    ['buildkite', { BUILDKITE: 'true' }],
    ['jenkins', { JENKINS_URL: 'https://ci.example.com/', BUILD_ID: '42' }],
  ])('on %s that says nothing of the job has nulls', (provider, environment) => {
    const nothing = { url: null, commit: null, actor: null };
    expect(loadConfig({ HOME: home, ...environment }).pipeline).toMatchObject({ provider, ...nothing });
  });
});
