import type { Config } from '../../config/config.js';
import { ConfigError } from '../../contract/user-facing-error.js';
import { KeyFile, type KeyFileChange, KeyList, parseKeys } from './key-list.js';
import { CombinedKeys, type KeySource } from './keys.js';
import { KMS_ARN, KmsKeys } from './kms-keys.js';
import type { EncryptionOptions } from './payload-encryption.js';

/** The encryption of a process. */
export interface Encryption extends EncryptionOptions {
  /** The IDs of all keys. The first one encrypts; empty where nothing is encrypted. */
  readonly keyIds: readonly string[];
}

/**
 * Opens the keys that the configuration names. Keys of KMS encrypt where both are configured.
 *
 * @param config - the configuration
 * @param onChange - is called when a file of keys has changed
 * @throws ConfigError
 */
export async function openEncryption(
  config: Pick<Config, 'encryption' | 'network'>,
  onChange: (change: KeyFileChange) => void = () => undefined,
): Promise<Encryption> {
  const { keys, keysFile, kmsKeys, isRequired } = config.encryption;
  if (keys !== undefined && keysFile !== undefined) {
    throw new ConfigError(
      'both IAM_BOOTSTRAP_ENCRYPTION_KEYS and IAM_BOOTSTRAP_ENCRYPTION_KEYS_FILE are set',
      'unset one of them',
    );
  }
  const sources: KeySource[] = [];
  if (kmsKeys !== undefined) {
    const { createDataKeyService } = await import('../../aws/kms.js');
    sources.push(new KmsKeys(parseArns(kmsKeys), createDataKeyService(config.network)));
  }
  if (keysFile !== undefined) sources.push(new KeyFile(keysFile, onChange));
  if (keys !== undefined) {
    const setting = 'IAM_BOOTSTRAP_ENCRYPTION_KEYS';
    sources.push(new KeyList(parseKeys(keys, setting), setting));
  }
  const [first, ...others] = sources;
  if (first === undefined) {
    if (!isRequired) return { keyIds: [] };
    throw new ConfigError(
      'IAM_BOOTSTRAP_ENCRYPTION=required is set without keys',
      'set IAM_BOOTSTRAP_ENCRYPTION_KEYS_FILE or IAM_BOOTSTRAP_ENCRYPTION_KMS_KEY; see docs/encryption.md',
    );
  }
  const source = others.length === 0 ? first : new CombinedKeys([first, ...others]);
  return { keys: source, isRequired, keyIds: source.ids() };
}

function parseArns(text: string): readonly [string, ...string[]] {
  const arns = text.split(/[\s,]+/).filter((arn) => arn !== '');
  const wrong = arns.find((arn) => !KMS_ARN.test(arn));
  const [first, ...others] = arns;
  if (first !== undefined && wrong === undefined) return [first, ...others];
  throw new ConfigError(
    `IAM_BOOTSTRAP_ENCRYPTION_KMS_KEY is ${wrong ?? 'empty'}; expected the ARN of a key or an alias`,
    'set it to arn:aws:kms:eu-west-1:111111111111:key/…, for example',
  );
}
