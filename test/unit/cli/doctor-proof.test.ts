import { checkProof } from '../../../src/cli/commands/doctor-proof.js';
import { loadConfig } from '../../../src/config/config.js';

/** The check of `doctor` that tells which proof an environment can give. */

const LOGIN = {
  IAM_BOOTSTRAP_LOGIN_ISSUER: 'https://login.example.com',
  IAM_BOOTSTRAP_LOGIN_CLIENT_ID: 'iam-bootstrap-cli',
};

function tokenFor(claims: object): string {
  const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${encoded({ alg: 'RS256' })}.${encoded(claims)}.c2lnbmF0dXJl`;
}

/** Prints a token for the audience that the command gets. */
const COMMAND = `p=$(printf '{"iss":"https://ci.example.com","aud":"%s"}' "$IAM_BOOTSTRAP_ID_TOKEN_AUDIENCE" | base64 -w0 | tr '+/' '-_' | tr -d =)
echo "e30.$p.c2ln"`;

test.each<[string, Readonly<Record<string, string>>, string, string]>([
  ['nothing', {}, 'ok', 'none: who asks and approves is claimed, which some guardrails do not accept'],
  ['a login', LOGIN, 'ok', 'none; people log in at https://login.example.com: who asks'],
  [
    'a token with a fixed audience',
    { IAM_BOOTSTRAP_ID_TOKEN: tokenFor({ iss: 'https://gitlab.com', aud: 'iam-bootstrap' }) },
    'ok',
    'IAM_BOOTSTRAP_ID_TOKEN: a token of https://gitlab.com with the audience iam-bootstrap',
  ],
  [
    'a command',
    { IAM_BOOTSTRAP_ID_TOKEN_COMMAND: COMMAND },
    'ok',
    'IAM_BOOTSTRAP_ID_TOKEN_COMMAND: a token of https://ci.example.com for each request',
  ],
  ['no permission', { GITHUB_ACTIONS: 'true' }, 'warn', 'the job of GitHub Actions may not ask for an ID token'],
  ['a file that is missing', { IAM_BOOTSTRAP_ID_TOKEN_FILE: '/none' }, 'warn', '/none cannot be read: ENOENT'],
])('with %s, the environment can give this proof', async (_what, environment, status, message) => {
  const check = await checkProof(loadConfig({ PATH: process.env['PATH'], HOME: '/nonexistent', ...environment }));
  expect(check).toMatchObject({ name: 'proof', status, message: expect.stringContaining(message) as string });
  expect(JSON.stringify(check)).not.toContain('c2ln');
});
