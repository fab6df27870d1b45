const LOOPBACK = new Set(['127.0.0.1', '[::1]', 'localhost']);

/**
 * Returns why the URL of an issuer, or of its keys, is not accepted; undefined where it is. Keys that came without TLS
 * could be anybody's, except from this machine.
 */
export function proofUrlProblem(text: string): string | undefined {
  if (!URL.canParse(text)) return 'write a URL, as in https://gitlab.example.com';
  const { protocol, hostname, username, search, hash } = new URL(text);
  if (username !== '' || search !== '' || hash !== '') return 'write the URL without a user, a query and a fragment';
  if (protocol === 'https:' || (protocol === 'http:' && LOOPBACK.has(hostname))) return undefined;
  return 'write a URL with https, since keys that come without TLS prove nothing';
}
