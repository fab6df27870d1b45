import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TokenIssuer } from './token-issuer.js';

/** A protection of a worker. Identity needs guardrails. */
export type Protection = 'guardrails' | 'identity' | 'encryption';

/** The means by which a company protects its worker. */
export interface Security {
  /** The variables of workers and commands, with some of the protections or with all. */
  env(protections?: readonly Protection[]): Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

const ALL: readonly Protection[] = ['guardrails', 'identity', 'encryption'];

const SUBJECT = 'pipeline';

/**
 * Starts an OIDC issuer, and writes guardrails under which entities are written by permits. With identity only the
 * issuer's pipeline may apply, each time with a new token. With encryption payloads are encrypted, and others refused.
 *
 * @param directory - for the files of the guardrails
 * @param account - written with the worker's own credentials, and all others by their role `bootstrap`
 */
export async function startSecurity(directory: string, account: string): Promise<Security> {
  const issuer = await TokenIssuer.start();
  issuer.answer = (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', issuer.url);
    if (pathname !== '/token') return false;
    void issuer.sign({ sub: SUBJECT, aud: searchParams.get('audience') }).then((token) => response.end(token));
    return true;
  };
  const guardrails = `version: 1
accounts:
  "${account}": {}
  "*": { assumeRole: "arn:{{partition}}:iam::{{account}}:role/bootstrap" }
`;
  const identity = `identity: { issuers: { ci: { issuer: "${issuer.url}" } } }
apply: { only: [{ issuer: ci, sub: ${SUBJECT} }] }
`;
  const [open, proven] = [join(directory, 'guardrails.yaml'), join(directory, 'guardrails-identity.yaml')];
  await Promise.all([writeFile(open, guardrails), writeFile(proven, guardrails + identity)]);
  const env: Readonly<Record<Protection, Readonly<Record<string, string>>>> = {
    guardrails: { IAM_BOOTSTRAP_GUARDRAILS: open, IAM_BOOTSTRAP_PERMIT_KEY: randomBytes(32).toString('base64') },
    identity: {
      IAM_BOOTSTRAP_GUARDRAILS: proven,
      IAM_BOOTSTRAP_ID_TOKEN_COMMAND: `curl --silent --fail "${issuer.url}/token?audience=$IAM_BOOTSTRAP_ID_TOKEN_AUDIENCE"`,
    },
    encryption: {
      IAM_BOOTSTRAP_ENCRYPTION_KEYS: `test: ${randomBytes(32).toString('base64')}`,
      IAM_BOOTSTRAP_ENCRYPTION: 'required',
    },
  };
  return {
    env: (protections = ALL) =>
      Object.assign({}, ...protections.map((protection) => env[protection])) as Record<string, string>,
    stop: () => issuer.stop(),
  };
}
