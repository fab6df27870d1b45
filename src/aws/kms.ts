import type { KMSClient } from '@aws-sdk/client-kms';
import { type AwsNetwork, agentsFor } from './agents.js';
import { awsError } from './errors.js';

/** Timeouts in milliseconds: the task of a workflow waits for the reply, and Temporal allows it ten seconds. */
const CONNECTION_TIMEOUT_MS = 2_000;
const REQUEST_TIMEOUT_MS = 4_000;

/** Attempts for each call. Temporal tries the whole task again. */
const MAX_ATTEMPTS = 2;

/** The context that KMS binds an encrypted data key to. CloudTrail shows it, and key policies may require it. */
const ENCRYPTION_CONTEXT = { application: 'iam-bootstrap', purpose: 'temporal-payloads' };

/** Codes by which KMS says that it did not make an encrypted data key, or made it with another key, or that it is none. */
const FOREIGN_CIPHERTEXT: ReadonlySet<string> = new Set([
  'InvalidCiphertext',
  'IncorrectKey',
  'Validation',
  'ValidationError',
]);

/** A data key, as KMS returns it. */
export interface DataKey {
  readonly plaintext: Uint8Array;
  readonly ciphertext: Uint8Array;
}

/** The two calls to KMS that encryption with data keys needs. */
export interface DataKeyService {
  /** Makes a data key of 32 bytes under a key of KMS. Throws the SDK's error. */
  generate(keyArn: string): Promise<DataKey>;
  /** Decrypts a data key. Undefined where KMS did not make it under this key. Throws the SDK's error. */
  decrypt(keyArn: string, ciphertext: Uint8Array): Promise<Uint8Array | undefined>;
}

/** Makes a client of KMS for each region of keys, with the credentials of the process. The SDK is loaded at the first call. */
export function createDataKeyService(network: AwsNetwork): DataKeyService {
  const clients = new Map<string, Promise<KMSClient>>();
  const clientOf = (keyArn: string): Promise<KMSClient> => {
    const region = keyArn.split(':')[3] ?? '';
    const client = clients.get(region) ?? createClient(region, network);
    clients.set(region, client);
    return client;
  };
  return {
    generate: async (keyArn) => {
      const { GenerateDataKeyCommand } = await import('@aws-sdk/client-kms');
      const client = await clientOf(keyArn);
      const command = new GenerateDataKeyCommand({
        KeyId: keyArn,
        KeySpec: 'AES_256',
        EncryptionContext: ENCRYPTION_CONTEXT,
      });
      const { Plaintext, CiphertextBlob } = await client.send(command);
      if (Plaintext === undefined || CiphertextBlob === undefined) throw new Error('KMS returned no data key');
      return { plaintext: Plaintext, ciphertext: CiphertextBlob };
    },
    decrypt: async (keyArn, ciphertext) => {
      const { DecryptCommand } = await import('@aws-sdk/client-kms');
      const client = await clientOf(keyArn);
      const command = new DecryptCommand({
        KeyId: keyArn,
        CiphertextBlob: ciphertext,
        EncryptionContext: ENCRYPTION_CONTEXT,
      });
      try {
        return (await client.send(command)).Plaintext;
      } catch (error) {
        if (FOREIGN_CIPHERTEXT.has(awsError(error).code)) return undefined;
        throw error;
      }
    },
  };
}

async function createClient(region: string, network: AwsNetwork): Promise<KMSClient> {
  const sdk = await import('@aws-sdk/client-kms');
  return new sdk.KMSClient({
    region,
    maxAttempts: MAX_ATTEMPTS,
    requestHandler: {
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      throwOnRequestTimeout: true,
      ...agentsFor(network)?.(10),
    },
  });
}
