import { readLogin } from '../../../src/config/login.js';

const ISSUER = { IAM_BOOTSTRAP_LOGIN_ISSUER: 'https://login.example.com' };
const CLIENT = { IAM_BOOTSTRAP_LOGIN_CLIENT_ID: 'iam-bootstrap-cli' };

test('an issuer and a client are enough for people to log in', () => {
  expect(readLogin({})).toBeUndefined();
  expect(readLogin({ ...ISSUER, ...CLIENT })).toEqual({
    issuer: 'https://login.example.com',
    clientId: 'iam-bootstrap-cli',
    clientSecret: undefined,
    scope: 'openid profile email',
  });
});

test.each([
  [ISSUER, 'IAM_BOOTSTRAP_LOGIN_ISSUER is set without IAM_BOOTSTRAP_LOGIN_CLIENT_ID'],
  [CLIENT, 'IAM_BOOTSTRAP_LOGIN_CLIENT_ID is set without IAM_BOOTSTRAP_LOGIN_ISSUER'],
  [{ ...ISSUER, ...CLIENT, IAM_BOOTSTRAP_LOGIN_SCOPES: 'profile groups' }, 'does not include openid'],
])('the settings %j are a mistake', (environment, message) => {
  expect(() => readLogin(environment)).toThrow(message);
});
