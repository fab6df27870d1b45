import type { ProofQuestion, ProofTerms } from '../../contract/identity.js';
import { sealToken } from '../../identity/seal.js';
import { IdTokenError } from '../../identity/tokens/id-token-error.js';
import { tokenForTerms } from '../../identity/tokens/token-for-terms.js';
import type { TokenSource } from '../../identity/tokens/token-source.js';
import type { TemporalConnection } from '../../temporal/connect.js';
import { isWorkflowFailed } from '../../temporal/errors.js';
import { proofTerms } from '../proof-terms.js';
import { BusyError } from './events.js';
import { rejectOnAbort } from './retry.js';
import { waitForWorker, type WorkerWait } from './wait-for-worker.js';

/** A request or a plan that a token is to prove. */
export interface Proven {
  readonly question: ProofQuestion;
  /** The digest of the request (`proofDigest`) or of the decision (`decisionDigest`). */
  readonly digest: string;
  readonly what: 'request' | 'approval';
}

/** Options of {@link proofToken}. */
export interface ProofOptions extends WorkerWait {
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
  options: ProofOptions,
): Promise<ProofTerms> {
  await waitForWorker(temporal, options);
  const aborted = rejectOnAbort(options.signal);
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
