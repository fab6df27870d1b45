/** A certificate by which the connection to Temporal is secured. Of a chain or a bundle, what holds for all of it. */
export interface ConnectionCertificate {
  /** `client`: of a worker or command, for mTLS. `ca`: of the authorities that the server's certificate may be from. */
  readonly role: 'client' | 'ca';
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** The remedy for a certificate that is not valid yet. */
export const NOT_YET_VALID_REMEDY = 'correct the clock, or the certificate';

/** The state of a certificate. `expiring`: less than a tenth of its lifetime is left. */
export type CertificateState = 'not yet valid' | 'valid' | 'expiring' | 'expired';
