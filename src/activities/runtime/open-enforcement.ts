import { agentsFor, type AwsNetwork } from '../../aws/agents.js';
import { ConfigError } from '../../contract/user-facing-error.js';
import { readKeys, readRequestKeys, type RequestKeyConfig } from '../../identity/keys.js';
import { jsonFetcher } from '../../identity/fetch-json.js';
import { IssuerKeys } from '../../identity/issuer-keys.js';
import { Seals } from '../../identity/seal.js';
import { Delegations } from './delegations.js';
import { Enforcement, type RefusedAt } from './enforcement.js';
import { FleetPermits } from './fleet-permits.js';
import { GuardrailsError, GuardrailsFile, NO_GUARDRAILS, type GuardrailsChange } from './guardrails-file.js';
import { type Binding, launchedBy } from './launches.js';
import { Permits } from './permits.js';
import { SchedulePermits } from './schedule-permits.js';
import { SignedRequests } from './signed-requests.js';
import type { EntityRuns } from '../entity-runs.js';
import type { ProofUses } from '../proof-uses.js';
import { Proofs } from './proofs.js';

/** Connections to one issuer of tokens at a time. */
const ISSUER_SOCKETS = 4;

/** The configuration of what a worker allows, and to whom. */
export interface EnforcementConfig extends RequestKeyConfig {
  readonly guardrailsFile: string | undefined;
  readonly permitKey: string | undefined;
  readonly permitKeyFile: string | undefined;
  /** The way to the issuers of tokens. */
  readonly network: AwsNetwork;
}

/** Takes what happens to guardrails. */
export interface GuardrailsObserver {
  missing(): void;
  changed(change: GuardrailsChange): void;
  refused(at: RefusedAt): void;
}

/** The parts of a worker that ask Temporal about runs. */
export interface EnforcementRuns {
  readonly entityRuns: Pick<
    EntityRuns,
    'parentOf' | 'descentFrom' | 'originOf' | 'isReset' | 'principalOfRun' | 'workflowOf' | 'isOfSchedule'
  >;
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
  const onRefusal = (at: RefusedAt): void => {
    observer.refused(at);
  };
  if (source === undefined && requestKeys === undefined) return new Enforcement({ source: NO_GUARDRAILS, onRefusal });
  const permitKeys = readPermitKeys(config);
  const binding = bindingOf(permitKeys, runs);
  const delegations = new Delegations(
    new SchedulePermits(binding.permits, runs.entityRuns),
    new FleetPermits(binding.permits, runs.entityRuns),
  );
  const proofUses = {
    use: (id: string, runId: string): Promise<boolean> => runs.proofUses.use(id, runId, binding.permits),
  };
  const proofs =
    source &&
    new Proofs({
      source,
      ...binding,
      principalOfRun: (isAskedFor) => runs.entityRuns.principalOfRun(isAskedFor),
      delegations,
      proofUses,
      ...sealsAndKeys(permitKeys, config),
      onRefusal,
    });
  return new Enforcement({
    source: source ?? NO_GUARDRAILS,
    onRefusal,
    binding,
    delegations,
    ...(proofs === undefined ? {} : { proofs }),
    ...(requestKeys === undefined
      ? {}
      : { requests: new SignedRequests(requestKeys, config.requestKeyFile, { ...runs, proofUses }) }),
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
  source.follow();
  return source;
}

/** Reads the permit keys. Without them, a client could start what writes, no matter who has to sign requests. */
function readPermitKeys(config: EnforcementConfig): readonly string[] {
  const make = 'give all workers of a task queue one key, as from `openssl rand -base64 32`';
  const { permitKey: key, permitKeyFile: file } = config;
  const keys = readKeys({ variable: 'IAM_BOOTSTRAP_PERMIT_KEY', key, file, make });
  if (keys !== undefined) return keys;
  const cause = config.guardrailsFile === undefined ? 'a request key' : 'IAM_BOOTSTRAP_GUARDRAILS';
  throw new ConfigError(`${cause} is set without a permit key`, `set IAM_BOOTSTRAP_PERMIT_KEY_FILE: ${make}`);
}

/** Returns what opens and verifies tokens. Their issuers are not AWS, so that its certificates do not count for them. */
function sealsAndKeys(
  permitKeys: readonly string[],
  { network }: EnforcementConfig,
): { readonly seals: Seals; readonly issuerKeys: IssuerKeys } {
  const agents = agentsFor({ ...network, awsCa: undefined })?.(ISSUER_SOCKETS);
  return { seals: new Seals(permitKeys), issuerKeys: new IssuerKeys(jsonFetcher(agents)) };
}

/** Returns what binds writes to a plan. */
function bindingOf(keys: readonly string[], { entityRuns }: EnforcementRuns): Binding {
  return {
    permits: new Permits(keys),
    launch: launchedBy(entityRuns),
    originOf: (run) => entityRuns.originOf(run),
  };
}
