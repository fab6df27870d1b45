import { ApplicationFailure, proxyActivities } from '@temporalio/workflow';
import type { Evidence, EvidenceRequest } from '../contract/explain.js';
import type { Activities } from '../contract/activities.js';

/** Somebody waits for the answer: what does not come soon is not asked for again. */
const { gatherEvidence } = proxyActivities<Pick<Activities, 'gatherEvidence'>>({
  startToCloseTimeout: '2m',
  heartbeatTimeout: '6s',
  retry: { maximumAttempts: 2 },
});

/** Asks AWS, with the worker's credentials, what is there and who called. Takes no lock and writes nothing. */
export async function explain(request: EvidenceRequest): Promise<Evidence> {
  if (!isEvidenceRequest(request)) {
    throw ApplicationFailure.nonRetryable('the argument does not say what is to be read', 'InvalidManifest');
  }
  return gatherEvidence(request);
}

function isEvidenceRequest(request: unknown): boolean {
  const { target, entities } = (
    typeof request === 'object' && request !== null ? request : {}
  ) as Partial<EvidenceRequest>;
  return typeof target?.account === 'string' && Array.isArray(entities);
}
