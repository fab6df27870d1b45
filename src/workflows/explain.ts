import type { Evidence, EvidenceRequest } from '../contract/explain.js';
import { evidenceActivities } from './activities.js';
import { assertEvidenceRequest } from './requests.js';

/** Reads entities and their CloudTrail events with the worker's credentials. Takes no lock and writes nothing. */
export async function explain(request: EvidenceRequest): Promise<Evidence> {
  assertEvidenceRequest(request);
  return evidenceActivities.gatherEvidence(request);
}
