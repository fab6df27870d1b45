import { ProxyError } from '../../../src/aws/agents.js';
import { awsError } from '../../../src/aws/errors.js';
import { faultOf } from '../../../src/aws/faults.js';

const proxy = { variable: 'HTTPS_PROXY', url: new URL('http://p:3128'), address: 'p:3128' };
const refused = new ProxyError(proxy, 'sts.amazonaws.com', 'it answers CONNECT with 502');

function named(name: string, message: string, more: object = {}): Error {
  return Object.assign(new Error(message), { name, ...more });
}

test.each([
  ['proxy', refused],
  ['proxy', named('CredentialsProviderError', `SSO: ${refused.message}`)],
  ['network', named('Error', 'getaddrinfo ENOTFOUND sts.amazonaws.com', { code: 'ENOTFOUND' })],
  ['network', named('CredentialsProviderError', 'connect ECONNREFUSED 127.0.0.1:1')],
  ['network', named('TimeoutError', 'no reply')],
  ['certificate', named('Error', 'unable to verify', { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' })],
  ['certificate', named('CredentialsProviderError', 'self-signed certificate in certificate chain')],
  ['endpoint', named('Unknown', '', { $metadata: { httpStatusCode: 302 } })],
  ['endpoint', named('SyntaxError', 'Unexpected token', { $metadata: { httpStatusCode: 502 } })],
  ['endpoint', named('Error', 'Invalid Configuration: FIPS and custom endpoint are not supported')],
  [
    'credentials',
    named('InvalidClientTokenId', 'no such key', { Code: 'InvalidClientTokenId', $metadata: { httpStatusCode: 403 } }),
  ],
  ['credentials', named('CredentialsProviderError', 'credential_process failed: the vault is sealed')],
  [
    'credentials',
    named(
      'CredentialsProviderError',
      'Could not load credentials from any providers: connect ECONNREFUSED 169.254.169.254:80',
    ),
  ],
])('%s is at fault for %s', (fault, error) => {
  expect(faultOf(awsError(error))).toBe(fault);
});

test('a call that a proxy refuses has not reached AWS', () => {
  expect(awsError(refused)).toMatchObject({ code: 'ProxyError', unclear: false });
});
