import { createHash, X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import type { CertificateState, ConnectionCertificate } from '../contract/certificate.js';
import type { ConnectionSettings } from './settings.js';

/** The share of its lifetime that is left when a certificate counts as expiring. Renewals come at about a third. */
const EXPIRING_SHARE = 0.1;

/** The authorities that every connection with a further one trusts as well. Their end is not the user's concern. */
const USUAL_ROOTS = new Set(rootCertificates.map((pem) => new X509Certificate(pem).fingerprint256));

/** Returns the certificates of a connection that its user has to renew. */
export function certificatesOf({ connectionOptions: { tls } }: ConnectionSettings): ConnectionCertificate[] {
  if (typeof tls !== 'object' || tls === null) return [];
  const { serverRootCACertificate: ca, clientCertPair: pair } = tls;
  const chain = pair === undefined ? [] : read(pair.crt);
  const bundle = ca == null ? [] : read(ca).filter(({ fingerprint256 }) => !USUAL_ROOTS.has(fingerprint256));
  return [...clientOf(chain), ...caOf(bundle)];
}

/** Returns the dates of a chain: it ends with the first certificate that does. */
function clientOf(chain: readonly X509Certificate[]): ConnectionCertificate[] {
  const [leaf] = chain;
  if (leaf === undefined) return [];
  const notAfter = Math.min(...chain.map((one) => Date.parse(one.validTo)));
  return [{ role: 'client', notBefore: new Date(leaf.validFrom), notAfter: new Date(notAfter) }];
}

/** Returns the dates of the authority that lasts longest: a bundle holds the old one beside the new one. */
function caOf(bundle: readonly X509Certificate[]): ConnectionCertificate[] {
  const [last] = [...bundle].sort((a, b) => Date.parse(b.validTo) - Date.parse(a.validTo));
  if (last === undefined) return [];
  return [{ role: 'ca', notBefore: new Date(last.validFrom), notAfter: new Date(last.validTo) }];
}

/** Returns the certificates in a file. What TLS itself would pass over is left out. */
function read(pem: Uint8Array | string): X509Certificate[] {
  const blocks = Buffer.from(pem).toString('latin1').match(PEM_BLOCK) ?? [];
  return blocks.flatMap((block) => {
    try {
      return [new X509Certificate(block)];
    } catch {
      return [];
    }
  });
}

const PEM_BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Returns the state of a certificate at a time. */
export function certificateState({ notBefore, notAfter }: ConnectionCertificate, now: Date): CertificateState {
  if (now < notBefore) return 'not yet valid';
  const leftMs = notAfter.getTime() - now.getTime();
  if (leftMs <= 0) return 'expired';
  return leftMs < (notAfter.getTime() - notBefore.getTime()) * EXPIRING_SHARE ? 'expiring' : 'valid';
}

/** Returns a digest of the certificates and the key of a connection. */
export function digestTls({ connectionOptions: { tls } }: ConnectionSettings): string {
  const { serverRootCACertificate: ca, clientCertPair: pair } = typeof tls === 'object' && tls !== null ? tls : {};
  const parts = [ca, pair?.crt, pair?.key].map((part) => (part == null ? null : Buffer.from(part).toString('base64')));
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}
