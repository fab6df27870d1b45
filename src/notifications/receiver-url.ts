const LOOPBACK = new Set(['127.0.0.1', '[::1]', 'localhost']);

/** Returns why an address is not accepted for a receiver; undefined where it is. Quotes nothing of it: it may be a secret. */
export function receiverUrlProblem(text: string): string | undefined {
  if (!URL.canParse(text)) return 'write a URL, as in https://hooks.example.com/iam';
  const { protocol, hostname, username, password, hash } = new URL(text);
  if (username !== '' || password !== '' || hash !== '') return 'write the URL without a user and a fragment';
  if (protocol === 'https:' || (protocol === 'http:' && LOOPBACK.has(hostname))) return undefined;
  return 'write a URL with https; http is for this machine only';
}
