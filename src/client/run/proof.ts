import { setTimeout as sleep } from 'node:timers/promises';
import type { ProofQuestion, ProofTerms } from '../../contract/identity.js';
import { sealToken } from '../../identity/seal.js';
import { IdTokenError } from '../../identity/tokens/id-token-error.js';
import { tokenForTerms } from '../../identity/tokens/token-for-terms.js';
import type { TokenSource } from '../../identity/tokens/token-source.js';
import type { TemporalConnection } from '../../temporal/connect.js';
import { isWorkflowFailed } from '../../temporal/errors.js';
import { proofTerms } from '../proof-terms.js';
import { hasWorker } from '../runs.js';
import { BusyError, noWorkerError, type RunEvent } from './events.js';
import { rejectOnAbort } from './retry.js';

/** Pause between two looks for a worker, in milliseconds. */
const WORKER_INTERVAL_MS = 500;

/** A request or a plan that a token is to prove. */
export interface Proven {
  readonly question: ProofQuestion;
  /** The digest of the request (`proofDigest`) or of the decision (`decisionDigest`). */
  readonly digest: string;
  readonly what: 'request' | 'approval';
}

/** Options of {@link proofToken}. */
export interface ProofOptions {
  readonly onEvent?: ((event: Extract<RunEvent, { readonly type: 'no-worker' }>) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The time until which a worker is waited for, in milliseconds since 1970. */
  readonly deadline: number;
  /** A source in place of the environment's. */
  readonly source?: TokenSource | undefined;
}

/**
 * Returns a sealed token that proves who asks, or who approves. Undefined where the worker asks for none, or the
 * environment can give none: a worker that needs it then refuses, and says how to get it.
 *
 * @throws IdTokenError where the worker needs a token and the environment should give one and does not, BusyError
 */
export async function proofToken(
  temporal: TemporalConnection,
  { question, digest, what }: Proven,
  options: ProofOptions,
): Promise<string | undefined> {
  const { signal } = options;
  const source = options.source ?? (await temporal.idTokens?.());
  if (source === undefined) return undefined;
  const { key, issuers, requests, approvals, principals = false } = await askTerms(temporal, question, options);
  const isRequired = what === 'request' ? requests && !principals : approvals;
  // Who asks may matter to an approval: the requester can be kept from approving.
  if (key === null || !(approvals || (what === 'request' && requests))) return undefined;
  try {
    return await sealToken(key, await tokenForTerms(source, { issuers, digest, signal }), digest);
  } catch (error) {
    if (error instanceof IdTokenError && !isRequired) return undefined;
    throw error;
  }
}

/** Asks a worker what it needs as a proof. Waits for one, since a request that is sent without proof would be refused. */
async function askTerms(
  temporal: TemporalConnection,
  question: ProofQuestion,
  { deadline, onEvent, signal }: ProofOptions,
): Promise<ProofTerms> {
  const { taskQueue } = temporal;
  for (let looks = 0; !(await hasWorker(temporal)); looks += 1) {
    if (looks === 1) onEvent?.({ type: 'no-worker', taskQueue });
    if (Date.now() >= deadline) throw noWorkerError(taskQueue);
    await sleep(WORKER_INTERVAL_MS, undefined, { signal });
  }
  const aborted = rejectOnAbort(signal);
  try {
    return await Promise.race([proofTerms(temporal, question), aborted.promise]);
  } catch (error) {
    if (!isWorkflowFailed(error)) throw error;
    const { message } = error.cause instanceof Error ? error.cause : error;
    throw new BusyError(
      `the worker did not say which proof it needs: ${message}`,
      "apply again; see the worker's log if it goes on",
      null,
    );
  } finally {
    aborted.dispose();
  }
}
