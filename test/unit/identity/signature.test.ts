import fc from 'fast-check';
import { signatureOf, signed, verifySignature } from '../../../src/identity/signature.js';
import type { BootstrapRequest } from '../../../src/contract/request.js';
import { requestOf } from '../../support/planned.js';

const KEY = 'a key of at least thirty-two characters';
const OTHER = 'another key of at least 32 characters';
const AT = Date.parse('2026-11-29T20:00:00Z');
const request = requestOf([{ kind: 'Role', spec: { roleName: 'deploy' } }]);
const signature = signatureOf(KEY, 'bootstrap', request, AT);

test('a signature tells when it was made, and has an ID of its own', () => {
  const first = verifySignature([KEY], 'bootstrap', request, signature);
  expect(first?.signedAt).toBe(AT);
  const second = verifySignature([KEY], 'bootstrap', request, signatureOf(KEY, 'bootstrap', request, AT));
  expect(second?.id).not.toBe(first?.id);
});

test('an older key still counts where a worker has it', () => {
  expect(verifySignature([OTHER, KEY], 'bootstrap', request, signature)).toBeDefined();
  expect(verifySignature([OTHER], 'bootstrap', request, signature)).toBeUndefined();
});

test('a proof is not part of what is signed, and undefined fields are as if missing', () => {
  const more = { ...request, proof: { token: 'x', signature }, revision: undefined };
  expect(verifySignature([KEY], 'bootstrap', more, signature)).toBeDefined();
});

test.each<[string, object]>([
  ['another key of the request', { key: 'other' }],
  ['another target', { target: { account: '222222222222', partition: 'aws' } }],
  ['another command', { command: 'destroy' }],
  ['an older revision that is allowed', { allowOlder: true }],
  ['another actor', { pipeline: { ...request.pipeline, actor: 'mallory' } }],
  ['another timeout', { timeoutMs: 1 }],
  ['a digest that is claimed', { digest: 'sha256:1' }],
  ['a field that no version has', { later: true }],
])('%s is not what was signed', (_what, change) => {
  expect(verifySignature([KEY], 'bootstrap', { ...request, ...change }, signature)).toBeUndefined();
});

test('a signature of a plan lets nobody apply', () => {
  expect(verifySignature([KEY], 'plan', request, signature)).toBeUndefined();
});

test('its time and its nonce are signed', () => {
  const [version, time = '', nonce = '', mac] = signature.split('.');
  const later = [version, String(Number(time) + 1), nonce, mac].join('.');
  const other = [version, time, nonce.replace(/^./, (first) => (first === 'A' ? 'B' : 'A')), mac].join('.');
  expect([later, other].map((text) => verifySignature([KEY], 'bootstrap', request, text))).toEqual([
    undefined,
    undefined,
  ]);
});

test('another text for the same bytes has the same ID, so that it is no second signature', () => {
  // The last character of 43 carries two bits that do not count.
  const last = signature.slice(-1);
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const twin = alphabet[alphabet.indexOf(last) ^ 1] ?? '';
  const ids = [signature, signature.slice(0, -1) + twin].map(
    (text) => verifySignature([KEY], 'bootstrap', request, text)?.id,
  );
  expect(new Set(ids).size).toBe(1);
  expect(ids[0]).toBeDefined();
});

test('no text is a signature by accident', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^1\.\d{13}\.[\w-]{16}\.[\w-]{43}$/)), (text) => {
      expect(verifySignature([KEY], 'bootstrap', request, text)).toBeUndefined();
    }),
  );
});

test('a client without a key sends what it was given, and one with a key keeps the token', () => {
  expect(signed(undefined, 'bootstrap', request)).toBe(request);
  const { proof } = signed<BootstrapRequest>(KEY, 'bootstrap', { ...request, proof: { token: 'sealed' } });
  expect(proof?.token).toBe('sealed');
  expect(verifySignature([KEY], 'bootstrap', request, proof?.signature ?? '')).toBeDefined();
});
