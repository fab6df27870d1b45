import { ConfigError } from '../contract/user-facing-error.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** The issuer of the company, and the client by which people log in there. */
export interface LoginConfig {
  readonly issuer: string;
  readonly clientId: string;
  /** Undefined for a public client, which most issuers take. */
  readonly clientSecret: string | undefined;
  readonly scope: string;
}

/**
 * Reads where people log in. Undefined where nothing is set.
 *
 * @throws ConfigError where only one of issuer and client is set, or the scopes give no ID token
 */
export function readLogin(environment: Environment): LoginConfig | undefined {
  const issuer = environment['IAM_BOOTSTRAP_LOGIN_ISSUER'];
  const clientId = environment['IAM_BOOTSTRAP_LOGIN_CLIENT_ID'];
  if (issuer === undefined && clientId === undefined) return undefined;
  if (issuer === undefined || clientId === undefined) {
    const [set, missing] =
      issuer === undefined
        ? ['IAM_BOOTSTRAP_LOGIN_CLIENT_ID', 'IAM_BOOTSTRAP_LOGIN_ISSUER']
        : ['IAM_BOOTSTRAP_LOGIN_ISSUER', 'IAM_BOOTSTRAP_LOGIN_CLIENT_ID'];
    throw new ConfigError(`${set} is set without ${missing}`, `set ${missing} as well, or neither`);
  }
  const scope = environment['IAM_BOOTSTRAP_LOGIN_SCOPES'] ?? 'openid profile email';
  if (!scope.split(/\s+/).includes('openid')) {
    throw new ConfigError(
      'IAM_BOOTSTRAP_LOGIN_SCOPES does not include openid, without which an issuer gives no ID token',
      'add openid, or unset the variable',
    );
  }
  return { issuer, clientId, clientSecret: environment['IAM_BOOTSTRAP_LOGIN_CLIENT_SECRET'], scope };
}
