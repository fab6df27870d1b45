import { ApplicationFailure } from '@temporalio/workflow';
import type { EvidenceRequest } from '../contract/explain.js';
import { ACCOUNT, NAMESPACE, type BootstrapRequest, type ReconcileRequest } from '../contract/request.js';
import type { EntityClaimChanges } from '../contract/entity-claims.js';
import type { Claim } from '../contract/revision.js';

/*
 * Any client can start a workflow with any argument. A malformed one ends the run with an ApplicationFailure: any other
 * error would make Temporal repeat the workflow task forever. Activities check the rest.
 */

/** Ends a run whose argument is not a bootstrap request. */
export function assertBootstrapRequest(request: unknown): asserts request is BootstrapRequest {
  const { target, namespace, entities } = fieldsOf<BootstrapRequest>(request);
  if (typeof target?.account !== 'string' || typeof namespace !== 'string' || !Array.isArray(entities)) {
    throw malformed('the argument is not a bootstrap request: it needs target.account, namespace and entities');
  }
  // Both are part of the workflow ID that is the lock.
  if (!ACCOUNT.test(target.account)) throw malformed('target.account: write the twelve digits of an account');
  if (!NAMESPACE.test(namespace)) {
    throw malformed(
      'namespace: write 1 to 63 lower-case letters, digits and hyphens, beginning with a letter or digit',
    );
  }
}

/** Ends a run whose argument is not a request for one entity. */
export function assertReconcileRequest(request: unknown): asserts request is ReconcileRequest {
  const { target, entity, action, planned } = fieldsOf<ReconcileRequest>(request);
  if (areTexts(target?.account, entity?.kind, entity?.name, action, planned?.action)) return;
  throw malformed('the argument is not a request for an entity: it needs target.account, entity, action and planned');
}

/** Ends a run whose argument does not say which entities `explain` should read. */
export function assertEvidenceRequest(request: unknown): asserts request is EvidenceRequest {
  const { target, entities } = fieldsOf<EvidenceRequest>(request);
  if (areTexts(target?.account) && Array.isArray(entities)) return;
  throw malformed('the argument is not a request for evidence: it needs target.account and entities');
}

/** Rejects an update of the ledger whose argument is not a claim. It leaves no trace in the history. */
export function assertClaim(claim: unknown): asserts claim is Claim {
  const { value, source, environment, runId, at } = fieldsOf<Claim['revision']>(fieldsOf<Claim>(claim).revision);
  if (Number.isSafeInteger(value) && areTexts(source, environment, runId, at)) return;
  throw malformed('the argument is not a claim: it needs a revision');
}

/** Rejects an update of an account's ledger whose argument is malformed. It leaves no trace in the history. */
export function assertEntityClaimChanges(changes: unknown): asserts changes is EntityClaimChanges {
  const { take, drop, namespace, runId, at } = fieldsOf<EntityClaimChanges>(changes);
  const isTake = (item: unknown): boolean => {
    const { id, replaces } = fieldsOf<EntityClaimChanges['take'][number]>(item);
    return areTexts(id) && (replaces === null || areTexts(replaces));
  };
  const areLists =
    Array.isArray(take) && Array.isArray(drop) && take.every(isTake) && drop.every((id: unknown) => areTexts(id));
  if (areLists && areTexts(namespace, runId, at)) return;
  throw malformed('the argument does not change claims: it needs take, drop, namespace, runId and at');
}

function fieldsOf<T>(value: unknown): Partial<T> {
  return typeof value === 'object' && value !== null ? value : {};
}

function areTexts(...values: readonly unknown[]): boolean {
  return values.every((value) => typeof value === 'string');
}

function malformed(message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, 'InvalidManifest');
}
