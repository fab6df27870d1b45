import type { Config } from '../../config/config.js';
import { ConfigError } from '../../contract/user-facing-error.js';
import { openEncryption } from '../../temporal/encryption/open.js';
import { type Check, configProblem, ok, problem } from './doctor-check.js';

const NAME = 'encryption';

/** Checks the keys that encrypt what Temporal keeps. A key of KMS is tried by making a data key. */
export async function checkEncryption(config: Pick<Config, 'encryption' | 'network'>): Promise<Check> {
  try {
    const { keys, keyIds, isRequired = false } = await openEncryption(config);
    if (keys === undefined) return ok(NAME, 'off: everyone who reads from Temporal reads manifests and reports');
    const { id } = await keys.current();
    const others = keyIds.filter((other) => other !== id);
    return ok(
      NAME,
      [
        `encrypts with key ${id}`,
        ...(others.length === 0 ? [] : [`also decrypts with ${others.join(', ')}`]),
        isRequired ? 'refuses what is not encrypted' : 'also reads what is not encrypted',
      ].join('; '),
    );
  } catch (error) {
    if (error instanceof ConfigError) return configProblem(NAME, error);
    const message = error instanceof Error ? error.message : String(error);
    return problem(
      NAME,
      'fail',
      message,
      'allow kms:GenerateDataKey and kms:Decrypt on the key, and check the network',
    );
  }
}
