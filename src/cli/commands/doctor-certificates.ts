import type { Config } from '../../config/config.js';
import { type ConnectionCertificate, NOT_YET_VALID_REMEDY } from '../../contract/certificate.js';
import { ConfigError } from '../../contract/user-facing-error.js';
import { certificatesOf, certificateState } from '../../temporal/certificates.js';
import { temporalSettings } from '../../temporal/settings.js';
import { type Check, ok, problem } from './doctor-check.js';

const NAMES = { client: 'temporal mTLS', ca: 'temporal CA' } as const;
const VARIABLES = {
  client: 'TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH',
  ca: 'TEMPORAL_TLS_SERVER_CA_CERT_PATH or NODE_EXTRA_CA_CERTS',
} as const;

/** Checks for how long the certificates of the connection to Temporal are valid. Mistakes are those of its own check. */
export function checkCertificates(config: Config, now: Date): Check[] {
  try {
    return certificatesOf(temporalSettings(config)).map((certificate) => checkCertificate(certificate, now));
  } catch (error) {
    if (error instanceof ConfigError) return [];
    throw error;
  }
}

function checkCertificate(certificate: ConnectionCertificate, now: Date): Check {
  const { role, notBefore, notAfter } = certificate;
  const name = NAMES[role];
  const state = certificateState(certificate, now);
  const remedy = `renew the certificate in ${VARIABLES[role]}; a worker then exits with 4, to be started again`;
  switch (state) {
    case 'valid':
      return ok(name, `valid until ${minuteOf(notAfter)}`);
    case 'expiring':
      return problem(name, 'warn', `expires on ${minuteOf(notAfter)}`, remedy);
    case 'expired':
      return problem(name, 'fail', `expired on ${minuteOf(notAfter)}`, remedy);
    case 'not yet valid':
      return problem(name, 'fail', `not valid before ${minuteOf(notBefore)}`, NOT_YET_VALID_REMEDY);
  }
}

function minuteOf(date: Date): string {
  return `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
