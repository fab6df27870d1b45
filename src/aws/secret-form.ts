import { createPrivateKey } from 'node:crypto';

/** A form that a secret must have before it is sent. */
export type SecretForm = 'private key';

/** One private key in PEM and nothing else. OpenSSL writes the parameters of an elliptic curve before the key. */
const PRIVATE_KEY =
  /^\s*(?:-----BEGIN EC PARAMETERS-----[A-Za-z\d+/=\s]*-----END EC PARAMETERS-----\s*)?-----BEGIN ((?:RSA |EC )?PRIVATE KEY)-----[A-Za-z\d+/=\s]*-----END \1-----\s*$/;

/** Text of a key that needs a password, in either of its forms. */
const ENCRYPTED = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m;

/**
 * Returns why a stored text must not be sent, without any of its content; undefined where it has its form. A location is
 * chosen by the author of a manifest, so that another file of the folder could be sent to AWS in place of the secret.
 */
export function secretFormProblem(form: SecretForm, text: string): string | undefined {
  if (ENCRYPTED.test(text)) return `has a ${form} with a password, which AWS does not accept`;
  return PRIVATE_KEY.test(text) && isReadable(text) ? undefined : `does not hold one ${form} in PEM and nothing else`;
}

function isReadable(text: string): boolean {
  try {
    createPrivateKey(text);
    return true;
  } catch {
    // The error is about the content, which is not to be shown.
    return false;
  }
}
