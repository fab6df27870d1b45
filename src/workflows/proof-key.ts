import type { ProofQuestion, ProofTerms } from '../contract/identity.js';
import { proofActivities } from './activities.js';
import { assertProofQuestion } from './requests.js';

/** Tells a client how to prove who it is. Takes no lock, and tells nothing that is a secret. */
export async function proofKey(question: ProofQuestion): Promise<ProofTerms> {
  assertProofQuestion(question);
  return proofActivities.proofTerms(question);
}
