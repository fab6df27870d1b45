import { createHash, createPrivateKey, createPublicKey, hkdfSync, type KeyObject } from 'node:crypto';
import type { SealingKey } from '../contract/identity.js';

/** DER of an X25519 private key (RFC 8410), up to its 32 bytes. */
const X25519_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex');

const ALGORITHM = 'ECDH-ES';
const ENCRYPTION = 'A256GCM';

/** The header of a sealed token that holds the digest which it proves. It is authenticated with the token. */
const DIGEST_HEADER = 'iam-bootstrap-digest';

/** Reports that a sealed token cannot be opened, or was sealed for something else. */
export class SealError extends Error {
  override readonly name = 'SealError';
}

/**
 * Returns a token that only workers can read: it passes Temporal, which keeps it in its histories. What is sealed for one
 * digest proves no other one, even where the token itself names no digest.
 *
 * @param key - the key of the workers, which their proof-key workflow returns
 * @param token - the token
 * @param digest - the digest of the request (`proofDigest`), or of the plan
 */
export async function sealToken(key: SealingKey, token: string, digest: string): Promise<string> {
  const { CompactEncrypt, importJWK } = await import('jose');
  const { kid } = key;
  return new CompactEncrypt(new TextEncoder().encode(token))
    .setProtectedHeader({ alg: ALGORITHM, enc: ENCRYPTION, kid, [DIGEST_HEADER]: digest })
    .encrypt(await importJWK({ ...key }, ALGORITHM));
}

/** Opens what clients have sealed, by keys that all workers of a task queue derive from their permit keys. */
export class Seals {
  readonly #keys: ReadonlyMap<string, KeyObject>;
  /** The key that clients seal for: that of the first permit key. */
  readonly publicKey: SealingKey;

  constructor(permitKeys: readonly string[]) {
    const keys = permitKeys.map(privateKeyOf);
    const [first] = keys;
    if (first === undefined) throw new Error('a seal needs a key');
    this.publicKey = publicKeyOf(first);
    this.#keys = new Map(keys.map((key) => [publicKeyOf(key).kid, key]));
  }

  /**
   * Returns the token that was sealed for a digest.
   *
   * @throws SealError
   */
  async open(sealed: string, digest: string): Promise<string> {
    const { compactDecrypt, decodeProtectedHeader } = await import('jose');
    let text: string;
    try {
      const { kid = '', [DIGEST_HEADER]: sealedFor } = decodeProtectedHeader(sealed) as {
        readonly kid?: string;
        readonly [DIGEST_HEADER]?: unknown;
      };
      const key = this.#keys.get(kid);
      if (key === undefined) throw new SealError('it is sealed for workers with another key: ask for the key again');
      const { plaintext } = await compactDecrypt(sealed, key, {
        keyManagementAlgorithms: [ALGORITHM],
        contentEncryptionAlgorithms: [ENCRYPTION],
      });
      if (sealedFor !== digest) throw new SealError('it is sealed for another request or plan');
      text = new TextDecoder('utf-8', { fatal: true }).decode(plaintext);
    } catch (error) {
      if (error instanceof SealError) throw error;
      throw new SealError('it is not sealed as workers read it', { cause: error });
    }
    return text;
  }
}

/** Derives a private key from a permit key, which itself signs permits and nothing else. */
function privateKeyOf(permitKey: string): KeyObject {
  const seed = Buffer.from(hkdfSync('sha256', permitKey, '', 'iam-bootstrap seal 1', 32));
  return createPrivateKey({ key: Buffer.concat([X25519_PREFIX, seed]), format: 'der', type: 'pkcs8' });
}

function publicKeyOf(privateKey: KeyObject): SealingKey {
  const { x = '' } = createPublicKey(privateKey).export({ format: 'jwk' });
  const kid = createHash('sha256').update(`iam-bootstrap seal 1 ${x}`).digest('base64url').slice(0, 16);
  return { kty: 'OKP', crv: 'X25519', x, kid };
}
