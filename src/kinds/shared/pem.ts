import { X509Certificate } from 'node:crypto';
import { z } from 'zod';

/** One block of PEM. */
const PEM_BLOCK = /-----BEGIN ([A-Z\d ]+)-----([A-Za-z\d+/=\s]*)-----END \1-----/g;

/**
 * Returns PEM in the one form that all equivalent texts share: its blocks in lines of 64 characters, without the text
 * around them. Text that is not PEM only loses the white space at its ends.
 */
export function normalizePem(text: string): string {
  const blocks = [...text.matchAll(PEM_BLOCK)].map(([, label = '', body = '']) => {
    const lines = body.replace(/\s/g, '').match(/.{1,64}/g) ?? [];
    return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`].join('\n');
  });
  return blocks.length === 0 ? text.trim() : blocks.join('\n');
}

/** A certificate in PEM. */
export const certificateField = certificatesField(16_384, 1);

/** Certificates in PEM, each issued by the next. */
export const certificateChainField = certificatesField(2_097_152, Number.POSITIVE_INFINITY);

function certificatesField(maxLength: number, maxCertificates: number): z.ZodString {
  return z
    .string()
    .min(1)
    .max(maxLength)
    .regex(/^[\t\n\r\u0020-\u00ff]+$/, 'use Latin characters only')
    .superRefine((text, context) => {
      const problem = certificateProblem(text, maxCertificates);
      if (problem === undefined) return;
      context.addIssue({ code: 'custom', message: problem.message, params: { remedy: problem.remedy } });
    });
}

/** Reports a problem with a text of certificates. */
function certificateProblem(
  text: string,
  maxCertificates: number,
): { readonly message: string; readonly remedy: string } | undefined {
  const blocks = [...text.matchAll(PEM_BLOCK)];
  const other = blocks.find(([, label]) => label !== 'CERTIFICATE');
  if (other !== undefined) {
    return { message: `contains a ${other[1] ?? ''}`, remedy: 'remove everything except certificates' };
  }
  if (blocks.length === 0) {
    return {
      message: 'contains no certificate in PEM',
      remedy: 'write -----BEGIN CERTIFICATE-----, its lines, -----END CERTIFICATE-----',
    };
  }
  if (blocks.length > maxCertificates) {
    return { message: `contains ${String(blocks.length)} certificates`, remedy: 'write one certificate' };
  }
  const isComplete = [...text.matchAll(/-----(BEGIN|END) /g)].length === 2 * blocks.length;
  if (isComplete && blocks.every(([block]) => isCertificate(block))) return undefined;
  return { message: 'contains a certificate that cannot be read', remedy: 'copy the complete certificate again' };
}

function isCertificate(block: string): boolean {
  try {
    return new X509Certificate(normalizePem(block)).fingerprint256 !== '';
  } catch {
    return false;
  }
}
