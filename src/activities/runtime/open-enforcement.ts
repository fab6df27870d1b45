import { readFileSync } from 'node:fs';
import { ConfigError } from '../../contract/user-facing-error.js';
import { Enforcement, type RefusedAt } from './enforcement.js';
import { GuardrailsError, GuardrailsFile, NO_GUARDRAILS, type GuardrailsChange } from './guardrails-file.js';
import type { Launch } from './launches.js';
import { Permits } from './permits.js';

/** The shortest key of permits, in characters. */
const MIN_KEY_LENGTH = 32;

/** The configuration of a worker's guardrails. */
export interface EnforcementConfig {
  readonly guardrailsFile: string | undefined;
  readonly permitKey: string | undefined;
  readonly permitKeyFile: string | undefined;
}

/** Takes what happens to guardrails. */
export interface GuardrailsObserver {
  missing(): void;
  changed(change: GuardrailsChange): void;
  refused(at: RefusedAt): void;
}

/**
 * Opens the guardrails of a worker.
 *
 * @throws ConfigError where the file or the key cannot be used: a worker that ignored them would write what must not be
 * written
 */
export function openEnforcement(config: EnforcementConfig, observer: GuardrailsObserver, launch: Launch): Enforcement {
  const onRefusal = (at: RefusedAt): void => {
    observer.refused(at);
  };
  const { guardrailsFile: path } = config;
  if (path === undefined) {
    observer.missing();
    return new Enforcement({ source: NO_GUARDRAILS, onRefusal });
  }
  const source = new GuardrailsFile(path, (change) => {
    observer.changed(change);
  });
  try {
    source.current();
  } catch (error) {
    if (!(error instanceof GuardrailsError)) throw error;
    throw new ConfigError(`IAM_BOOTSTRAP_GUARDRAILS=${path}: ${error.message}`, error.remedy, { cause: error });
  }
  return new Enforcement({ source, onRefusal, binding: { permits: new Permits(readKeys(config)), launch } });
}

/** Reads the keys: one a line, the one that signs first. */
function readKeys({ permitKey, permitKeyFile }: EnforcementConfig): readonly string[] {
  if (permitKey !== undefined && permitKeyFile !== undefined) {
    throw new ConfigError(
      'both IAM_BOOTSTRAP_PERMIT_KEY and IAM_BOOTSTRAP_PERMIT_KEY_FILE are set',
      'unset one of them',
    );
  }
  const name =
    permitKeyFile === undefined ? 'IAM_BOOTSTRAP_PERMIT_KEY' : `IAM_BOOTSTRAP_PERMIT_KEY_FILE=${permitKeyFile}`;
  const keys = (permitKeyFile === undefined ? permitKey : readKeyFile(permitKeyFile))
    ?.split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const make = 'give all workers of a task queue one key, as from `openssl rand -base64 32`';
  if (keys === undefined) {
    throw new ConfigError(
      'IAM_BOOTSTRAP_GUARDRAILS is set without a key of permits',
      `set IAM_BOOTSTRAP_PERMIT_KEY_FILE: ${make}`,
    );
  }
  if (keys.length === 0 || keys.some(({ length }) => length < MIN_KEY_LENGTH)) {
    throw new ConfigError(`${name} has a key of less than ${String(MIN_KEY_LENGTH)} characters`, make);
  }
  return keys;
}

function readKeyFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as { readonly code?: string };
    throw new ConfigError(
      `IAM_BOOTSTRAP_PERMIT_KEY_FILE=${path} cannot be read: ${code ?? 'unknown'}`,
      'make the file readable for the worker',
      { cause: error },
    );
  }
}
