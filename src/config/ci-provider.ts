import vendors from 'ci-info/vendors.json';
import type { Pipeline } from '../contract/entity.js';

type Environment = Readonly<Record<string, string | undefined>>;
type Read = (...names: readonly string[]) => string | null;

/** A sign of a CI service in `ci-info`: variables that are set, or their values. */
type CiVariable =
  | string
  | { readonly env: string; readonly includes: string }
  | { readonly any: readonly string[] }
  | Readonly<Record<string, string>>;

interface Vendor {
  readonly constant: string;
  readonly env: CiVariable | readonly CiVariable[];
}

type Facts = Readonly<Record<Exclude<keyof Pipeline, 'provider'>, string | null>>;

interface Provider {
  readonly name: string;
  /** Its name for people. */
  readonly title: string;
  readonly facts: (read: Read) => Facts;
}

/** The variables of common services, because `ci-info` only detects the service. */
const PROVIDERS: Readonly<Record<string, Provider>> = {
  GITHUB_ACTIONS: {
    name: 'github',
    title: 'GitHub Actions',
    facts: (read) => {
      const [repository, run] = [read('GITHUB_REPOSITORY'), read('GITHUB_RUN_ID')];
      const server = read('GITHUB_SERVER_URL') ?? 'https://github.com';
      return {
        url: repository === null ? null : `${server}/${repository}/actions/runs/${run ?? ''}`,
        commit: read('GITHUB_SHA'),
        // Another person may run the job again.
        actor: read('GITHUB_TRIGGERING_ACTOR', 'GITHUB_ACTOR'),
        run,
        runNumber: read('GITHUB_RUN_NUMBER'),
        job: read('GITHUB_JOB'),
        branch: read('GITHUB_HEAD_REF', 'GITHUB_REF_NAME'),
        attempt: read('GITHUB_RUN_ATTEMPT'),
      };
    },
  },
  GITLAB: {
    name: 'gitlab',
    title: 'GitLab',
    facts: (read) => ({
      url: read('CI_JOB_URL'),
      commit: read('CI_COMMIT_SHA'),
      actor: read('GITLAB_USER_LOGIN'),
      run: read('CI_PIPELINE_ID'),
      runNumber: read('CI_PIPELINE_IID'),
      job: read('CI_JOB_NAME'),
      branch: read('CI_COMMIT_REF_NAME'),
      // A job that is retried is a new one.
      attempt: read('CI_JOB_ID'),
    }),
  },
  JENKINS: {
    name: 'jenkins',
    title: 'Jenkins',
    facts: (read) => ({
      url: read('BUILD_URL'),
      commit: read('GIT_COMMIT'),
      actor: read('BUILD_USER'),
      run: read('BUILD_TAG'),
      runNumber: read('BUILD_NUMBER'),
      job: read('JOB_NAME'),
      branch: read('BRANCH_NAME', 'GIT_BRANCH'),
      attempt: null,
    }),
  },
  CIRCLE: {
    name: 'circleci',
    title: 'CircleCI',
    facts: (read) => ({
      url: read('CIRCLE_BUILD_URL'),
      commit: read('CIRCLE_SHA1'),
      actor: read('CIRCLE_USERNAME'),
      run: read('CIRCLE_WORKFLOW_ID'),
      runNumber: read('CIRCLE_BUILD_NUM'),
      job: read('CIRCLE_JOB'),
      branch: read('CIRCLE_BRANCH'),
      attempt: null,
    }),
  },
  BUILDKITE: {
    name: 'buildkite',
    title: 'Buildkite',
    facts: (read) => ({
      url: read('BUILDKITE_BUILD_URL'),
      commit: read('BUILDKITE_COMMIT'),
      actor: read('BUILDKITE_BUILD_CREATOR'),
      run: read('BUILDKITE_BUILD_ID'),
      runNumber: read('BUILDKITE_BUILD_NUMBER'),
      job: read('BUILDKITE_STEP_KEY', 'BUILDKITE_LABEL'),
      branch: read('BUILDKITE_BRANCH'),
      attempt: read('BUILDKITE_RETRY_COUNT'),
    }),
  },
  AZURE_PIPELINES: {
    name: 'azure',
    title: 'Azure Pipelines',
    facts: (read) => {
      const [collection, project] = [read('SYSTEM_COLLECTIONURI'), read('SYSTEM_TEAMPROJECT')];
      const run = read('BUILD_BUILDID');
      const known = collection !== null && project !== null && run !== null;
      return {
        url: known ? `${collection}${encodeURIComponent(project)}/_build/results?buildId=${run}` : null,
        commit: read('BUILD_SOURCEVERSION'),
        actor: read('BUILD_REQUESTEDFOR'),
        run,
        runNumber: read('BUILD_BUILDNUMBER'),
        job: read('SYSTEM_JOBNAME'),
        branch: read('BUILD_SOURCEBRANCH'),
        attempt: read('SYSTEM_JOBATTEMPT'),
      };
    },
  },
  CODEBUILD: {
    name: 'codebuild',
    title: 'AWS CodeBuild',
    facts: (read) => ({
      url: read('CODEBUILD_PUBLIC_BUILD_URL', 'CODEBUILD_BUILD_URL'),
      commit: read('CODEBUILD_RESOLVED_SOURCE_VERSION'),
      actor: read('CODEBUILD_INITIATOR'),
      run: read('CODEBUILD_BUILD_ID'),
      runNumber: read('CODEBUILD_BUILD_NUMBER'),
      job: null,
      branch: read('CODEBUILD_WEBHOOK_HEAD_REF'),
      attempt: null,
    }),
  },
};

/** Returns the variables that are read for each CI service, by its title. */
export function ciVariables(): [title: string, names: string[]][] {
  return Object.values(PROVIDERS).map(({ title, facts }) => {
    const names: string[] = [];
    facts((...read) => {
      names.push(...read);
      return null;
    });
    return [title, names];
  });
}

const UNKNOWN: Facts = {
  url: null,
  commit: null,
  actor: null,
  run: null,
  runNumber: null,
  job: null,
  branch: null,
  attempt: null,
};

/** Reads job, commit and actor from the variables of the CI service. Outside of CI, reads the local user. */
export function pipelineOf(environment: Environment): Pipeline {
  const read: Read = (...names) => names.map((name) => environment[name]).find((text) => text !== undefined) ?? null;
  const found = (vendors as readonly Vendor[]).filter((vendor) =>
    [vendor.env].flat().every((sign) => matches(environment, sign)),
  );
  // A service that runs on another one sets the variables of both: prefer the one with known variables.
  const vendor = found.find(({ constant }) => Object.hasOwn(PROVIDERS, constant)) ?? found[0];
  if (vendor === undefined) return { provider: 'local', url: null, commit: null, actor: read('USER', 'LOGNAME') };
  const provider = PROVIDERS[vendor.constant];
  return {
    provider: provider?.name ?? vendor.constant.toLowerCase().replaceAll('_', '-'),
    ...(provider?.facts(read) ?? UNKNOWN),
  };
}

function matches(environment: Environment, sign: CiVariable): boolean {
  const isSet = (name: string): boolean => environment[name] !== undefined && environment[name] !== 'false';
  if (typeof sign === 'string') return isSet(sign);
  if (isIncluded(sign)) return environment[sign.env]?.includes(sign.includes) === true;
  if (isAny(sign)) return sign.any.some(isSet);
  return Object.entries(sign).every(([name, text]) => environment[name] === text);
}

function isIncluded(sign: object): sign is { readonly env: string; readonly includes: string } {
  return 'includes' in sign;
}

function isAny(sign: object): sign is { readonly any: readonly string[] } {
  return 'any' in sign;
}
