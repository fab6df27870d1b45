import { setTimeout as sleep } from 'node:timers/promises';
import { ExitCode } from '../../contract/failures.js';
import { type Answer, ExchangeError } from '../exchange.js';
import { IdTokenError, quoted } from './id-token-error.js';
import { runProgram } from './program.js';
import { type SourceContext, type TokenSource, variableSource } from './token-source.js';

/** Calls to the token service of GitHub, which now and then fails. */
const MAX_CALLS = 4;

/** Pause after the first failed call, in milliseconds. It doubles with each further one. */
const FIRST_PAUSE_MS = 500;

/** Returns the source of tokens of the CI service. Undefined outside of those that are known. */
export function ciSource(context: SourceContext): TokenSource | undefined {
  const { environment } = context;
  if (environment['GITHUB_ACTIONS'] === 'true') return githubSource(context);
  if (environment['BUILDKITE'] === 'true') return buildkiteSource(context);
  if (environment['CIRCLECI'] === 'true') return circleSource(context);
  if (environment['GITLAB_CI'] === 'true') return gitlabSource();
  return undefined;
}

/** The runner's own token service: https://docs.github.com/actions/reference/security/oidc */
function githubSource({ environment, exchange }: SourceContext): TokenSource {
  const title = 'GitHub Actions';
  const [url, secret] = [environment['ACTIONS_ID_TOKEN_REQUEST_URL'], environment['ACTIONS_ID_TOKEN_REQUEST_TOKEN']];
  if (url === undefined || secret === undefined) {
    const missing = {
      message: 'the job of GitHub Actions may not ask for an ID token',
      remedy: 'give the job `permissions: { id-token: write, contents: read }`; GitHub grants it to no fork',
    };
    return withoutToken(title, missing);
  }
  const failed = (why: string, exitCode: ExitCode, cause?: unknown): IdTokenError =>
    new IdTokenError(
      `GitHub Actions gives no ID token: ${why}`,
      exitCode === ExitCode.Busy ? 'run the command again' : 'check `permissions: id-token: write` of the job',
      exitCode,
      { cause },
    );
  return {
    title,
    choosesAudience: true,
    token: async (audience, signal) => {
      if (!URL.canParse(url)) throw failed('ACTIONS_ID_TOKEN_REQUEST_URL is no URL', ExitCode.Usage);
      const address = new URL(url);
      address.searchParams.set('audience', audience);
      const call = { url: address.href, headers: { authorization: `bearer ${secret}` } };
      const answer = await repeated(() => exchange(call, signal), signal).catch((error: unknown) => {
        if (error instanceof ExchangeError)
          throw failed(error.message, error.isTransient ? ExitCode.Busy : ExitCode.Usage, error);
        throw error;
      });
      const { value } = answer.body;
      if (answer.status === 200 && typeof value === 'string') return value;
      const said = typeof answer.body['message'] === 'string' ? `: ${quoted(answer.body['message'])}` : '';
      const exitCode = isTransient(answer) ? ExitCode.Busy : ExitCode.Usage;
      throw failed(`its token service answers with status ${String(answer.status)}${said}`, exitCode);
    },
  };
}

/** Repeats a call that failed, or whose answer says that a later one may do better. */
async function repeated(call: () => Promise<Answer>, signal: AbortSignal | undefined): Promise<Answer> {
  for (let pauseMs = FIRST_PAUSE_MS, calls = 1; ; pauseMs *= 2, calls += 1) {
    try {
      const answer = await call();
      if (!isTransient(answer) || calls === MAX_CALLS) return answer;
    } catch (error) {
      if (!(error instanceof ExchangeError && error.isTransient) || calls === MAX_CALLS) throw error;
    }
    await sleep(pauseMs, undefined, { signal });
  }
}

function isTransient({ status }: Answer): boolean {
  return status >= 500 || status === 429;
}

/** The agent that runs the job: https://buildkite.com/docs/agent/cli/reference/oidc */
function buildkiteSource({ environment }: SourceContext): TokenSource {
  return {
    title: 'Buildkite',
    choosesAudience: true,
    token: async (audience, signal) => {
      const args = ['oidc', 'request-token', '--audience', audience];
      const result = await runProgram({ file: 'buildkite-agent', args, environment }, signal);
      if (result.ok) return result.output;
      signal?.throwIfAborted();
      const remedy = result.isMissing
        ? 'run the command where the agent is on the PATH; the Docker plugin takes `mount-buildkite-agent: true`'
        : 'see what the agent says; it needs BUILDKITE_JOB_ID and BUILDKITE_AGENT_ACCESS_TOKEN of the job';
      const said = quoted(result.stderr);
      const message = `buildkite-agent gives no ID token: ${result.reason}${said === '' ? '' : `: ${said}`}`;
      throw new IdTokenError(message, remedy, ExitCode.Usage);
    },
  };
}

/** The command of CircleCI's jobs: https://circleci.com/docs/oidc-tokens-with-custom-claims/ */
function circleSource({ environment }: SourceContext): TokenSource {
  const fixed = environment['CIRCLE_OIDC_TOKEN_V2'];
  return {
    title: 'CircleCI',
    choosesAudience: true,
    token: async (audience, signal) => {
      const args = ['run', 'oidc', 'get', '--claims', JSON.stringify({ aud: audience })];
      const result = await runProgram({ file: 'circleci', args, environment }, signal);
      if (result.ok) return result.output;
      signal?.throwIfAborted();
      // Its audience is the organization, which guardrails can accept as a fixed one.
      if (fixed !== undefined) return variableSource('CIRCLE_OIDC_TOKEN_V2', fixed).token(audience);
      const said = quoted(result.stderr);
      throw new IdTokenError(
        `circleci run oidc get gives no ID token: ${result.reason}${said === '' ? '' : `: ${said}`}`,
        'run the command in a job of CircleCI; jobs of forks get no token, unless the project passes secrets to them',
        ExitCode.Usage,
      );
    },
  };
}

/** GitLab gives a job the tokens that its definition names: https://docs.gitlab.com/ci/secrets/id_token_authentication/ */
function gitlabSource(): TokenSource {
  return withoutToken('GitLab', {
    message: 'the job of GitLab has no ID token',
    remedy:
      'give the job `id_tokens: { IAM_BOOTSTRAP_ID_TOKEN: { aud: iam-bootstrap } }`, with the audience of the issuer in the guardrails',
  });
}

function withoutToken(title: string, missing: NonNullable<TokenSource['missing']>): TokenSource {
  return {
    title,
    choosesAudience: false,
    missing,
    token: () => Promise.reject(new IdTokenError(missing.message, missing.remedy, ExitCode.Usage)),
  };
}
