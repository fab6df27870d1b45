import { ConfigError } from '../../contract/user-facing-error.js';
import { readKeys, readRequestKeys, type RequestKeyConfig } from '../../identity/keys.js';
import { Enforcement, type RefusedAt } from './enforcement.js';
import { GuardrailsError, GuardrailsFile, NO_GUARDRAILS, type GuardrailsChange } from './guardrails-file.js';
import { launchedBy } from './launches.js';
import { Permits } from './permits.js';
import { SignedRequests } from './signed-requests.js';
import type { EntityRuns } from '../entity-runs.js';
import type { ProofUses } from '../proof-uses.js';

/** The configuration of what a worker allows, and to whom. */
export interface EnforcementConfig extends RequestKeyConfig {
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

/** The parts of a worker that ask Temporal about runs. */
export interface EnforcementRuns {
  readonly entityRuns: Pick<EntityRuns, 'parentOf' | 'originOf'>;
  readonly proofUses: Pick<ProofUses, 'use'>;
}

/**
 * Opens what a worker allows: its guardrails, and the signatures that it asks for.
 *
 * @throws ConfigError where the file or a key cannot be used: a worker that ignored them would write what must not be
 * written
 */
export function openEnforcement(
  config: EnforcementConfig,
  observer: GuardrailsObserver,
  runs: EnforcementRuns,
): Enforcement {
  const source = openGuardrails(config, observer);
  const requestKeys = readRequestKeys(config);
  const binding = source === undefined && requestKeys === undefined ? undefined : openBinding(config, runs);
  const where = config.requestKeyFile === undefined ? 'its key' : `the key in ${config.requestKeyFile}`;
  return new Enforcement({
    source: source ?? NO_GUARDRAILS,
    onRefusal: (at) => {
      observer.refused(at);
    },
    ...(binding === undefined ? {} : { binding }),
    ...(requestKeys === undefined ? {} : { requests: new SignedRequests(requestKeys, where, runs) }),
  });
}

function openGuardrails(
  { guardrailsFile: path }: EnforcementConfig,
  observer: GuardrailsObserver,
): GuardrailsFile | undefined {
  if (path === undefined) {
    observer.missing();
    return undefined;
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
  return source;
}

type Binding = NonNullable<ConstructorParameters<typeof Enforcement>[0]['binding']>;

/** Opens what binds writes to a plan. Without it, a client could start what writes, no matter who has to sign requests. */
function openBinding(config: EnforcementConfig, { entityRuns }: EnforcementRuns): Binding {
  const make = 'give all workers of a task queue one key, as from `openssl rand -base64 32`';
  const { permitKey: key, permitKeyFile: file } = config;
  const keys = readKeys({ variable: 'IAM_BOOTSTRAP_PERMIT_KEY', key, file, make });
  if (keys === undefined) {
    const cause = config.guardrailsFile === undefined ? 'a key of requests' : 'IAM_BOOTSTRAP_GUARDRAILS';
    throw new ConfigError(`${cause} is set without a key of permits`, `set IAM_BOOTSTRAP_PERMIT_KEY_FILE: ${make}`);
  }
  return {
    permits: new Permits(keys),
    launch: launchedBy((run) => entityRuns.parentOf(run)),
    originOf: (run) => entityRuns.originOf(run),
  };
}
