import { randomUUID } from 'node:crypto';
import type { ProofQuestion, ProofTerms } from '../contract/identity.js';
import { proofKeyWorkflowId, WorkflowType } from '../contract/workflow-ids.js';
import { type TemporalConnection, withDeadline } from '../temporal/connect.js';
import type { proofKey } from '../workflows/index.js';

/** The longest wait for the answer of a worker, in milliseconds. */
const TIMEOUT_MS = 60_000;

/**
 * Asks the workers of the task queue which proofs their guardrails ask for, and the key to seal a token for. The answer is
 * as trustworthy as the access to the task queue: who polls it can answer.
 *
 * @throws WorkflowFailedError where no worker answers in time
 */
export async function proofTerms(
  { client, taskQueue }: TemporalConnection,
  question: ProofQuestion,
): Promise<ProofTerms> {
  const handle = await withDeadline(client, () =>
    client.workflow.start<typeof proofKey>(WorkflowType.ProofKey, {
      taskQueue,
      workflowId: proofKeyWorkflowId(question.account, randomUUID()),
      args: [question],
      staticSummary:
        question.account === null ? 'how to prove who asks' : `how to prove who asks, in ${question.account}`,
      workflowExecutionTimeout: TIMEOUT_MS,
    }),
  );
  return handle.result();
}
