import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { agentsFor } from '../../../../src/aws/agents.js';
import { readNetwork } from '../../../../src/config/network.js';
import { exchangeBy } from '../../../../src/identity/exchange.js';
import { tokenSource } from '../../../../src/identity/tokens/sources.js';
import type { TokenSource } from '../../../../src/identity/tokens/token-source.js';
import { startConnectProxy } from '../../../support/connect-proxy.js';
import { type HttpStage, startHttpStage } from '../../../support/http-stage.js';

/** Sources of tokens: files, variables, commands and CI services, with programs and servers that are real. */

const AUDIENCE = `iam-bootstrap:sha256:${'a'.repeat(64)}`;
const TOKEN = `${'h'.repeat(20)}.${'p'.repeat(80)}.${'s'.repeat(40)}`;

const exchange = exchangeBy({});
let folder: string;
const stages: HttpStage[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'iam-bootstrap-tokens-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
  for (const stage of stages.splice(0)) stage.stop();
});

function sourceIn(environment: Readonly<Record<string, string>>): TokenSource {
  const found = tokenSource({ environment: { PATH: path(), ...environment }, exchange });
  if (found === undefined) throw new Error('no source');
  return found;
}

function path(): string {
  return [folder, process.env['PATH'] ?? ''].join(delimiter);
}

/** Writes a program in the folder that the PATH begins with. */
function program(name: string, script: string): void {
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, name), 0o755);
}

async function stage(...args: Parameters<typeof startHttpStage>): Promise<HttpStage> {
  const started = await startHttpStage(...args);
  stages.push(started);
  return started;
}

/** Returns the error of a source, which never quotes the token or the secret of the job. */
async function failureOf(source: TokenSource): Promise<{ message: string; remedy: string; exitCode: number }> {
  const error: unknown = await source.token(AUDIENCE).catch((reason: unknown) => reason);
  const { message, remedy, exitCode } = error as { message: string; remedy: string; exitCode: number };
  expect(`${message} ${remedy}`).not.toMatch(/hhhh|pppp|ssss|request-secret/);
  return { message, remedy, exitCode };
}

test('no variable and no CI service means no source', () => {
  expect(tokenSource({ environment: { PATH: '/bin', CI: 'true' }, exchange })).toBeUndefined();
});

test('a file counts before a variable, a variable before a command, and a command before the CI service', async () => {
  const file = join(folder, 'token');
  writeFileSync(file, `${TOKEN}\n`);
  const all = {
    IAM_BOOTSTRAP_ID_TOKEN_FILE: file,
    IAM_BOOTSTRAP_ID_TOKEN: 'variable',
    IAM_BOOTSTRAP_ID_TOKEN_COMMAND: 'echo command',
    GITLAB_CI: 'true',
  };
  const { IAM_BOOTSTRAP_ID_TOKEN_FILE, ...withoutFile } = all;
  const { IAM_BOOTSTRAP_ID_TOKEN, ...withCommand } = withoutFile;
  expect([IAM_BOOTSTRAP_ID_TOKEN_FILE, IAM_BOOTSTRAP_ID_TOKEN]).not.toContain(undefined);
  expect(await sourceIn(all).token(AUDIENCE)).toBe(TOKEN);
  expect(await sourceIn(withoutFile).token(AUDIENCE)).toBe('variable');
  expect(await sourceIn(withCommand).token(AUDIENCE)).toBe('command');
});

test('a file that cannot be read is named', async () => {
  const failure = await failureOf(sourceIn({ IAM_BOOTSTRAP_ID_TOKEN_FILE: join(folder, 'none') }));
  expect(failure).toMatchObject({
    exitCode: 64,
    message: expect.stringContaining(`${folder}/none cannot be read: ENOENT`) as string,
  });
});

describe('a command', () => {
  test('gets the audience in its environment and prints the token', async () => {
    const source = sourceIn({ IAM_BOOTSTRAP_ID_TOKEN_COMMAND: 'echo "for $IAM_BOOTSTRAP_ID_TOKEN_AUDIENCE"' });
    expect(source.choosesAudience).toBe(true);
    expect(await source.token(AUDIENCE)).toBe(`for ${AUDIENCE}`);
  });

  test('that fails is quoted without the token that it printed', async () => {
    const script = `echo "cannot log in with ${TOKEN}" >&2; exit 7`;
    const { message, exitCode } = await failureOf(sourceIn({ IAM_BOOTSTRAP_ID_TOKEN_COMMAND: script }));
    expect(message).toBe(
      'the command of IAM_BOOTSTRAP_ID_TOKEN_COMMAND gave no token: it ended with exit code 7: cannot log in with [token]',
    );
    expect(exitCode).toBe(64);
  });

  test.each([
    ['that prints nothing', 'true', 'it printed nothing'],
    ['that floods its output', 'yes', 'it printed more than a token'],
  ])('%s is an error', async (_what, script, why) => {
    const { message } = await failureOf(sourceIn({ IAM_BOOTSTRAP_ID_TOKEN_COMMAND: script }));
    expect(message).toContain(why);
  });

  test('ends with the command that asked', async () => {
    const source = sourceIn({ IAM_BOOTSTRAP_ID_TOKEN_COMMAND: 'exec sleep 60' });
    const controller = new AbortController();
    const asked = source.token(AUDIENCE, controller.signal);
    controller.abort(new Error('interrupted'));
    await expect(asked).rejects.toThrow('interrupted');
  });
});

describe('GitHub Actions', () => {
  const github = (url: string): TokenSource =>
    sourceIn({
      GITHUB_ACTIONS: 'true',
      ACTIONS_ID_TOKEN_REQUEST_URL: url,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'request-secret',
    });

  test('is asked with the secret of the job for a token with the audience', async () => {
    const { url, calls } = await stage(() => ({ body: { value: TOKEN, count: 1 } }));
    expect(await github(`${url}/token?api-version=2.0`).token(AUDIENCE)).toBe(TOKEN);
    expect(calls).toHaveLength(1);
    const asked = new URL(calls[0]?.url ?? '', url);
    expect([asked.pathname, asked.searchParams.get('api-version')]).toEqual(['/token', '2.0']);
    expect(asked.searchParams.get('audience')).toBe(AUDIENCE);
    expect(calls[0]?.headers.authorization).toBe('bearer request-secret');
  });

  test('without the permission has no token, and the remedy names it', async () => {
    const source = sourceIn({ GITHUB_ACTIONS: 'true' });
    expect(source.missing?.remedy).toContain('id-token: write');
    expect((await failureOf(source)).remedy).toContain('id-token: write');
  });

  test('is asked again after a failure that passes', async () => {
    let failures = 1;
    const { url, calls } = await stage(() => (failures-- > 0 ? { status: 503, body: {} } : { body: { value: TOKEN } }));
    expect(await github(url).token(AUDIENCE)).toBe(TOKEN);
    expect(calls).toHaveLength(2);
  });

  test('that refuses is quoted with its status', async () => {
    const { url, calls } = await stage(() => ({ status: 403, body: { message: `no scope for ${TOKEN}` } }));
    const { message, remedy, exitCode } = await failureOf(github(url));
    expect(message).toBe(
      'GitHub Actions gives no ID token: its token service answers with status 403: no scope for [token]',
    );
    expect(remedy).toContain('id-token: write');
    expect([exitCode, calls.length]).toEqual([64, 1]);
  });

  test('is reached through the proxy of the network', async () => {
    const { port } = await stage(() => ({ body: { value: TOKEN } }));
    const proxy = await startConnectProxy({ 'runner.example.test:8080': port });
    try {
      const network = readNetwork({ http_proxy: proxy.url });
      const agents = agentsFor({ httpProxy: network.httpProxy, awsCa: undefined })?.(2);
      const source = tokenSource({
        environment: {
          GITHUB_ACTIONS: 'true',
          ACTIONS_ID_TOKEN_REQUEST_URL: 'http://runner.example.test:8080/token',
          ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'request-secret',
        },
        exchange: exchangeBy(agents ?? {}),
      });
      expect(await source?.token(AUDIENCE)).toBe(TOKEN);
      expect(proxy.targets).toEqual(['runner.example.test:8080']);
    } finally {
      proxy.stop();
    }
  });

  test.each([
    ['with a page and no JSON', '<html>', 'answers with something that is no JSON object'],
    ['without end', 'x'.repeat(2_000_000), 'answers with more than 1000000 bytes'],
  ])('that answers %s is an error', async (_what, body, message) => {
    const { url } = await stage(() => ({ body }));
    expect(await failureOf(github(url))).toMatchObject({
      exitCode: 64,
      message: expect.stringContaining(message) as string,
    });
  });

  test('that redirects is not followed: the secret of the job stays with it', async () => {
    const other = await stage(() => ({ body: { value: TOKEN } }));
    const { url } = await stage(() => ({ status: 302, headers: { location: other.url }, body: {} }));
    expect((await failureOf(github(url))).message).toContain('status 302');
    expect(other.calls).toEqual([]);
  });
});

describe('Buildkite', () => {
  test('gives a token by its agent', async () => {
    program('buildkite-agent', `echo "$@" > ${folder}/arguments; echo ${TOKEN}`);
    expect(await sourceIn({ BUILDKITE: 'true' }).token(AUDIENCE)).toBe(TOKEN);
    expect(readFileSync(join(folder, 'arguments'), 'utf8').trim()).toBe(`oidc request-token --audience ${AUDIENCE}`);
  });

  test('without its agent on the PATH says so', async () => {
    const { message, remedy } = await failureOf(sourceIn({ BUILDKITE: 'true', PATH: folder }));
    expect(message).toBe('buildkite-agent gives no ID token: it is not on the PATH');
    expect(remedy).toContain('mount-buildkite-agent');
  });
});

describe('CircleCI', () => {
  test('gives a token by its command', async () => {
    program('circleci', `echo "$@" > ${folder}/arguments; echo ${TOKEN}`);
    expect(await sourceIn({ CIRCLECI: 'true' }).token(AUDIENCE)).toBe(TOKEN);
    const [, claims = ''] =
      /^run oidc get --claims (.+)$/.exec(readFileSync(join(folder, 'arguments'), 'utf8').trim()) ?? [];
    expect(JSON.parse(claims)).toEqual({ aud: AUDIENCE });
  });

  test('whose command fails gives the token of the organization', async () => {
    program('circleci', 'exit 1');
    expect(await sourceIn({ CIRCLECI: 'true', CIRCLE_OIDC_TOKEN_V2: TOKEN }).token(AUDIENCE)).toBe(TOKEN);
    const { message } = await failureOf(sourceIn({ CIRCLECI: 'true' }));
    expect(message).toBe('circleci run oidc get gives no ID token: it ended with exit code 1');
  });
});

test('GitLab without the variable names the setting of the job', async () => {
  const source = sourceIn({ GITLAB_CI: 'true' });
  expect(source.missing?.remedy).toContain('id_tokens: { IAM_BOOTSTRAP_ID_TOKEN');
  expect((await failureOf(source)).exitCode).toBe(64);
});
