import { exchangeBy } from '../../../../src/identity/exchange.js';
import type { LoginConfig } from '../../../../src/config/login.js';
import { deviceLogin, type LoginPrompt } from '../../../../src/identity/tokens/device-login.js';
import { type HttpStage, type StagedAnswer, startHttpStage } from '../../../support/http-stage.js';

/** The device authorization grant, against an issuer on this machine. */

const TOKEN = `${'h'.repeat(20)}.${'p'.repeat(80)}.${'s'.repeat(40)}`;

/** An issuer whose answers can be changed. Polls are answered one after the other; the last answer stays. */
interface Script {
  readonly discovery?: Readonly<Record<string, unknown>>;
  readonly device?: StagedAnswer;
  readonly polls?: readonly (StagedAnswer | undefined)[];
}

const DEVICE = {
  device_code: 'device-secret',
  user_code: 'WDJB-MJHT',
  verification_uri: 'https://login.example.com/device',
  verification_uri_complete: 'https://login.example.com/device?user_code=WDJB-MJHT',
  expires_in: 60,
  interval: 7,
};

let stage: HttpStage | undefined;

afterEach(() => {
  stage?.stop();
});

/** Logs in at a scripted issuer. Records the pauses between its questions, in seconds, and does not wait. */
async function logIn(script: Script, settings: Partial<LoginConfig> = {}) {
  let polls = 0;
  const { polls: answers = [{ body: { id_token: TOKEN } }], device = { body: DEVICE } } = script;
  const started = await startHttpStage(({ url }, address) => {
    if (url === '/.well-known/openid-configuration') {
      return {
        body: {
          issuer: address,
          device_authorization_endpoint: `${address}/device`,
          token_endpoint: `${address}/token`,
          ...script.discovery,
        },
      };
    }
    if (url === '/device') return device;
    polls += 1;
    return answers[Math.min(polls, answers.length) - 1];
  });
  stage = started;
  const prompts: LoginPrompt[] = [];
  const pauses: number[] = [];
  const token = await deviceLogin(
    { issuer: started.url, clientId: 'iam-cli', clientSecret: undefined, scope: 'openid email', ...settings },
    {
      exchange: exchangeBy({}),
      onPrompt: (prompt) => prompts.push(prompt),
      pause: (seconds) => {
        pauses.push(seconds);
        return Promise.resolve();
      },
    },
  ).catch((error: unknown) => error as { message: string; remedy: string; exitCode: number });
  if (typeof token !== 'string') expect(token.message).not.toMatch(/device-secret|pppp/);
  return { token, prompts, pauses, calls: started.calls };
}

const pending = { status: 400, body: { error: 'authorization_pending' } };

test('a person gets a page and a code, and the ID token is returned once they have logged in', async () => {
  const { token, prompts, pauses, calls } = await logIn({ polls: [pending, pending, { body: { id_token: TOKEN } }] });
  expect(token).toBe(TOKEN);
  expect(prompts).toEqual([
    {
      url: 'https://login.example.com/device',
      completeUrl: 'https://login.example.com/device?user_code=WDJB-MJHT',
      code: 'WDJB-MJHT',
    },
  ]);
  expect(pauses).toEqual([7, 7, 7]);
  const [, device, poll] = calls;
  expect(device?.body).toBe('client_id=iam-cli&scope=openid+email');
  expect(Object.fromEntries(new URLSearchParams(poll?.body))).toEqual({
    client_id: 'iam-cli',
    grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
    device_code: 'device-secret',
  });
});

test('an issuer that is asked too often is asked less often from then on', async () => {
  const slowDown = { status: 400, body: { error: 'slow_down' } };
  const { pauses } = await logIn({ polls: [slowDown, pending, { body: { id_token: TOKEN } }] });
  expect(pauses).toEqual([7, 12, 12]);
});

test('a question that is not answered is asked again, less often', async () => {
  const { token, pauses } = await logIn({ polls: [undefined, { body: { id_token: TOKEN } }] });
  expect(token).toBe(TOKEN);
  expect(pauses).toEqual([7, 12]);
});

test('without an interval, five seconds pass between two questions', async () => {
  const { pauses } = await logIn({ device: { body: { ...DEVICE, interval: undefined } } });
  expect(pauses).toEqual([5]);
});

test.each([
  ['access_denied', 'was refused'],
  ['expired_token', 'before the code expired'],
])('the answer %s ends the login with 3', async (error, message) => {
  const { token } = await logIn({ polls: [{ status: 400, body: { error } }] });
  expect(token).toMatchObject({ exitCode: 3, message: expect.stringContaining(message) as string });
});

test('a code that expires ends the login, even if the issuer never says so', async () => {
  const { token, pauses } = await logIn({ polls: [pending] });
  expect(token).toMatchObject({ exitCode: 3, message: expect.stringContaining('before the code expired') as string });
  expect(pauses.reduce((sum, seconds) => sum + seconds, 0)).toBeGreaterThanOrEqual(60);
  expect(pauses.length).toBeLessThan(12);
});

test.each<[string, Script, Partial<LoginConfig>, string, number]>([
  ['of another issuer', { discovery: { issuer: 'https://other.example.com' } }, {}, 'is that of another issuer', 64],
  [
    'without the grant',
    { discovery: { device_authorization_endpoint: undefined } },
    {},
    'offers no login by a code',
    64,
  ],
  ['with an address without TLS', { discovery: { token_endpoint: 'http://evil.example.com/' } }, {}, 'is refused', 64],
  [
    'that does not know the client',
    { device: { status: 401, body: { error: 'invalid_client' } } },
    {},
    'invalid_client',
    64,
  ],
  ['that is down', { device: { status: 503, body: {} } }, {}, 'status 503', 4],
  ['that gives no ID token', { polls: [{ body: { access_token: 'x' } }] }, {}, 'scopes have to include openid', 64],
  ['without TLS', {}, { issuer: 'http://login.example.com' }, 'is refused', 64],
])('an issuer %s is an error', async (_what, script, settings, message, exitCode) => {
  const { token } = await logIn(script, settings);
  expect(token).toMatchObject({ exitCode, message: expect.stringContaining(message) as string });
});

test('an interrupted login ends while it waits', async () => {
  stage = await startHttpStage(({ url }, address) =>
    url === '/device'
      ? { body: DEVICE }
      : { body: { issuer: address, device_authorization_endpoint: `${address}/device`, token_endpoint: address } },
  );
  const controller = new AbortController();
  const settings = { issuer: stage.url, clientId: 'iam-cli', clientSecret: undefined, scope: 'openid' };
  const login = deviceLogin(settings, {
    exchange: exchangeBy({}),
    signal: controller.signal,
    onPrompt: () => {
      controller.abort(new Error('interrupted'));
    },
  });
  await expect(login).rejects.toThrow();
});
