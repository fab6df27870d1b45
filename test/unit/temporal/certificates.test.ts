import { rootCertificates } from 'node:tls';
import { checkCertificates } from '../../../src/cli/commands/doctor-certificates.js';
import { loadConfig } from '../../../src/config/config.js';
import type { CertificateState } from '../../../src/contract/certificate.js';
import { certificatesOf, certificateState } from '../../../src/temporal/certificates.js';

/** For 100 days, from 2026-01-01 to 2026-04-11. */
const LEAF = `-----BEGIN CERTIFICATE-----
MIIBHjCBxKADAgECAhQZkZBQ1XZw7A/5ncsw6NcaGOBSljAKBggqhkjOPQQDAjAP
MQ0wCwYDVQQDDARsZWFmMB4XDTI2MDEwMTAwMDAwMFoXDTI2MDQxMTAwMDAwMFow
DzENMAsGA1UEAwwEbGVhZjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABLqfmizi
01cxT6Eaa15S6hbKR2+halxDrSlEstg6G1o63NkGqj2jSLKZ1ST0Ef+K2MPJp0nG
CkTuqZpDt6z1yb8wCgYIKoZIzj0EAwIDSQAwRgIhAMTFQHmAumLoAxoSRlRDClqD
/7JQKNVX3etr044Y3K4OAiEA7v8CU9ivqyCwuvrQE162Glxum4npf1FvnpDw/VNQ
tBI=
-----END CERTIFICATE-----
`;
/** From 2025-01-01 to 2026-03-01. */
const INTERMEDIATE = `-----BEGIN CERTIFICATE-----
MIIBLjCB1KADAgECAhRxXY5Rj2Ss8D7hG6v2N3na60SsPDAKBggqhkjOPQQDAjAX
MRUwEwYDVQQDDAxpbnRlcm1lZGlhdGUwHhcNMjUwMTAxMDAwMDAwWhcNMjYwMzAx
MDAwMDAwWjAXMRUwEwYDVQQDDAxpbnRlcm1lZGlhdGUwWTATBgcqhkjOPQIBBggq
hkjOPQMBBwNCAASxBgXAd5cBkwY6FBnlWyrgoqkeRPURnQVb3kryvl+9PI2OUkFz
waTGWmjSFxfstl0qblYT9M3WUZj/anUV4jKvMAoGCCqGSM49BAMCA0kAMEYCIQCS
A7xUN9Z2uub0/RSIE4UzodA1og3rhD2EZRvZ3ONcTAIhAKRWDYj2mNmrMVTa6bgs
U8Jo6yADNPkL9tl9PsnwGmCC
-----END CERTIFICATE-----
`;

/** Returns the role and the dates of the certificates of a connection. */
function datesOf(tls: { crt?: string; ca?: string } | undefined): string[] {
  const { crt, ca } = tls ?? {};
  const connection = {
    ...(crt === undefined ? {} : { clientCertPair: { crt: Buffer.from(crt), key: Buffer.alloc(0) } }),
    ...(ca === undefined ? {} : { serverRootCACertificate: Buffer.from(ca) }),
  };
  return certificatesOf({
    connectionOptions: { address: 'localhost:7233', ...(tls === undefined ? {} : { tls: connection }) },
    namespace: 'default',
    usesTls: tls !== undefined,
  }).map(({ role, notBefore, notAfter }) =>
    [role, ...[notBefore, notAfter].map((date) => date.toISOString().slice(0, 10))].join(' '),
  );
}

describe('the certificates of a connection', () => {
  test('are none without TLS and with the usual authorities', () => {
    expect([...datesOf(undefined), ...datesOf({}), ...datesOf({ ca: rootCertificates.join('\n') })]).toEqual([]);
  });

  test('end with the first one of a chain, and with the last one of several authorities', () => {
    expect(datesOf({ crt: LEAF })).toEqual(['client 2026-01-01 2026-04-11']);
    expect(datesOf({ crt: LEAF + INTERMEDIATE })).toEqual(['client 2026-01-01 2026-03-01']);
    expect(datesOf({ ca: INTERMEDIATE + LEAF })).toEqual(['ca 2026-01-01 2026-04-11']);
    expect(datesOf({ crt: LEAF, ca: [...rootCertificates, INTERMEDIATE].join('\n') })).toEqual([
      'client 2026-01-01 2026-04-11',
      'ca 2025-01-01 2026-03-01',
    ]);
  });

  test('without a date in a broken block, which TLS passes over', () => {
    const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
    expect(datesOf({ ca: broken + LEAF })).toEqual(['ca 2026-01-01 2026-04-11']);
  });

  test.each<[string, CertificateState]>([
    ['2025-12-31', 'not yet valid'],
    ['2026-01-01', 'valid'],
    ['2026-04-01', 'valid'],
    ['2026-04-02', 'expiring'],
    ['2026-04-11', 'expired'],
  ])('on %s is %s', (day, state) => {
    const [notBefore, notAfter] = [new Date('2026-01-01'), new Date('2026-04-11')];
    expect(certificateState({ role: 'client', notBefore, notAfter }, new Date(day))).toBe(state);
  });
});

test('doctor warns of a certificate that expires, and reports one that has', () => {
  const config = loadConfig({ TEMPORAL_TLS_SERVER_CA_CERT_DATA: LEAF });
  const on = (day: string): unknown[] =>
    checkCertificates(config, new Date(day)).map(({ name, status, message }) => `${name}: ${status}: ${message}`);
  expect(on('2026-02-01')).toEqual(['temporal CA: ok: valid until 2026-04-11 00:00 UTC']);
  expect(on('2026-04-05')).toEqual(['temporal CA: warn: expires on 2026-04-11 00:00 UTC']);
  expect(on('2026-05-01')).toEqual(['temporal CA: fail: expired on 2026-04-11 00:00 UTC']);
  expect(on('2025-05-01')).toEqual(['temporal CA: fail: not valid before 2026-01-01 00:00 UTC']);
  // What is wrong with the files is a matter of the check of the connection.
  expect(checkCertificates(loadConfig({ TEMPORAL_TLS_SERVER_CA_CERT_DATA: 'none' }), new Date())).toEqual([]);
});
