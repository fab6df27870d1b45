import { setTimeout as sleep } from 'node:timers/promises';
import type { LoginConfig } from '../../config/login.js';
import { ExitCode } from '../../contract/failures.js';
import { proofUrlProblem } from '../../contract/proof-url.js';
import { type Answer, type Call, type Exchange, ExchangeError } from '../exchange.js';
import { IdTokenError, quoted } from './id-token-error.js';

/** Pause between two questions where the issuer names none, in seconds: RFC 8628, section 3.2. */
const INTERVAL_S = 5;

/** Seconds by which the pause grows when the issuer asks for it: RFC 8628, section 3.5. */
const SLOW_DOWN_S = 5;

/** The longest time for which a code is waited for, in seconds. Codes of most issuers count for 5 to 15 minutes. */
const MAX_WAIT_S = 1_800;

const GRANT = 'urn:ietf:params:oauth:grant-type:device_code';

/** The page on which a person logs in, and the code to type there. */
export interface LoginPrompt {
  readonly url: string;
  /** The page with the code in its address. Undefined where the issuer has none. */
  readonly completeUrl: string | undefined;
  readonly code: string;
}

/** Options of {@link deviceLogin}. */
export interface LoginOptions {
  readonly exchange: Exchange;
  /** Shows the page and the code to the person. */
  readonly onPrompt: (prompt: LoginPrompt) => void;
  readonly signal?: AbortSignal | undefined;
  /** Waits between two questions. */
  readonly pause?: (seconds: number, signal: AbortSignal | undefined) => Promise<void>;
}

/** Addresses of an issuer. */
interface Endpoints {
  readonly device: string;
  readonly token: string;
}

/** A code that waits for a person. */
interface DeviceCode {
  readonly secret: string;
  readonly intervalS: number;
  readonly expiresInS: number;
}

/**
 * Has a person log in at an issuer by the device authorization grant (RFC 8628), and returns the ID token. Its audience is
 * the client ID.
 *
 * @throws IdTokenError where the issuer does not offer it, the person refuses, or the code expires
 */
export async function deviceLogin(settings: LoginConfig, options: LoginOptions): Promise<string> {
  const send = sender(settings, options);
  const endpoints = await discover(settings, send);
  const { clientId, clientSecret, scope } = settings;
  const client = { client_id: clientId, ...(clientSecret === undefined ? {} : { client_secret: clientSecret }) };
  const answer = await send({ url: endpoints.device, form: { ...client, scope } });
  if (answer.status !== 200) throw refusal(settings, answer);
  const { prompt, code } = readCode(settings, answer.body);
  options.onPrompt(prompt);
  const poll = { url: endpoints.token, form: { ...client, grant_type: GRANT, device_code: code.secret } };
  return awaitToken(settings, code, poll, options);
}

type Send = (call: Call) => Promise<Answer>;

/** Returns a sender whose errors say that the issuer does not answer. */
function sender(settings: LoginConfig, { exchange, signal }: LoginOptions): Send {
  return async (call) => {
    try {
      return await exchange(call, signal);
    } catch (error) {
      throw error instanceof ExchangeError ? unanswered(settings, error) : error;
    }
  };
}

function unanswered({ issuer }: LoginConfig, error: ExchangeError): IdTokenError {
  return error.isTransient
    ? new IdTokenError(`nobody can log in at ${issuer}: ${error.message}`, 'try again', ExitCode.Busy, { cause: error })
    : settingsError(`nobody can log in at ${issuer}: ${error.message}`, error);
}

function settingsError(message: string, cause?: unknown): IdTokenError {
  const remedy =
    'correct IAM_BOOTSTRAP_LOGIN_ISSUER and IAM_BOOTSTRAP_LOGIN_CLIENT_ID: a client that is allowed the device authorization grant';
  return new IdTokenError(message, remedy, ExitCode.Usage, { cause });
}

async function discover(settings: LoginConfig, send: Send): Promise<Endpoints> {
  const { issuer } = settings;
  const problem = proofUrlProblem(issuer);
  if (problem !== undefined) throw settingsError(`IAM_BOOTSTRAP_LOGIN_ISSUER is refused: ${problem}`);
  const { status, body } = await send({ url: `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration` });
  if (status !== 200) throw settingsError(`${issuer} has no discovery document: it answers with ${String(status)}`);
  if (body['issuer'] !== issuer) {
    throw settingsError(`the discovery document of ${issuer} is that of another issuer: ${textOf(body['issuer'])}`);
  }
  const [device, token] = [body['device_authorization_endpoint'], body['token_endpoint']];
  if (typeof device !== 'string' || typeof token !== 'string') {
    throw settingsError(`${issuer} offers no login by a code (device_authorization_endpoint)`);
  }
  for (const url of [device, token]) {
    if (!URL.canParse(url) || proofUrlProblem(new URL(url).origin) !== undefined) {
      throw settingsError(`${issuer} names an address that is refused: ${textOf(url)}`);
    }
  }
  return { device, token };
}

function readCode(
  { issuer }: LoginConfig,
  body: Answer['body'],
): { readonly prompt: LoginPrompt; readonly code: DeviceCode } {
  const [secret, code, url] = [body['device_code'], body['user_code'], body['verification_uri']];
  if (typeof secret !== 'string' || typeof code !== 'string' || typeof url !== 'string') {
    throw settingsError(`${issuer} gives no code to log in with`);
  }
  const complete = body['verification_uri_complete'];
  return {
    prompt: { url, completeUrl: typeof complete === 'string' ? complete : undefined, code },
    code: {
      secret,
      intervalS: positive(body['interval']) ?? INTERVAL_S,
      expiresInS: Math.min(positive(body['expires_in']) ?? MAX_WAIT_S, MAX_WAIT_S),
    },
  };
}

/** Asks for the token until the person has logged in. */
async function awaitToken(
  settings: LoginConfig,
  { intervalS, expiresInS }: DeviceCode,
  poll: Call,
  { exchange, signal, pause = pauseFor }: LoginOptions,
): Promise<string> {
  let waitedS = 0;
  for (let pauseS = intervalS; ; waitedS += pauseS) {
    if (waitedS >= expiresInS) throw expired(settings);
    await pause(pauseS, signal);
    let answer: Answer;
    try {
      answer = await exchange(poll, signal);
    } catch (error) {
      if (!(error instanceof ExchangeError)) throw error;
      if (!error.isTransient) throw unanswered(settings, error);
      // RFC 8628, section 3.5: ask less often after a timeout.
      pauseS += SLOW_DOWN_S;
      continue;
    }
    const { status, body } = answer;
    const [token, problem] = [body['id_token'], body['error']];
    if (status === 200 && typeof token === 'string') return token;
    if (status === 200) throw settingsError(`${settings.issuer} gives no ID token: the scopes have to include openid`);
    if (problem === 'slow_down') pauseS = Math.max(pauseS + SLOW_DOWN_S, positive(body['interval']) ?? 0);
    else if (problem === 'expired_token') throw expired(settings);
    else if (problem !== 'authorization_pending') throw refusal(settings, answer);
  }
}

function expired({ issuer }: LoginConfig): IdTokenError {
  return new IdTokenError(
    `nobody has logged in at ${issuer} before the code expired`,
    'run the command again',
    ExitCode.Refused,
  );
}

function refusal({ issuer }: LoginConfig, { status, body }: Answer): IdTokenError {
  const problem = body['error'];
  if (problem === 'access_denied') {
    return new IdTokenError(`the login at ${issuer} was refused`, 'run the command again', ExitCode.Refused);
  }
  const said = [problem, body['error_description']].filter((text) => typeof text === 'string').map(quoted);
  const words = said.length === 0 ? `status ${String(status)}` : said.join(': ');
  if (status >= 500 || status === 429) {
    return new IdTokenError(`${issuer} answers with ${words}`, 'try again', ExitCode.Busy);
  }
  return settingsError(`${issuer} refuses the login: ${words}`);
}

async function pauseFor(seconds: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(seconds * 1_000, undefined, { signal });
}

function positive(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : undefined;
}

function textOf(value: unknown): string {
  return quoted(typeof value === 'string' ? value : JSON.stringify(value ?? null));
}
