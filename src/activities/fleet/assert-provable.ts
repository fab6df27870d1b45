import type { BootstrapRequest } from '../../contract/request.js';
import { demandOf } from '../../guardrails/rules/identity.js';
import type { Enforcement } from '../runtime/enforcement.js';
import { failure } from '../runtime/failures.js';

/** @throws ApplicationFailure where the worker takes only signed requests: it makes those of a fleet's accounts itself */
export function assertFleetAllowed(isSignedOnly: boolean): void {
  if (!isSignedOnly) return;
  const message = 'the worker takes only signed requests, and those for the accounts of a fleet cannot be signed';
  const remedy = 'apply to each account by an environment, or let a worker without a request key run the fleet';
  throw failure('NotAllowed', message, { remedy });
}

/** @throws ApplicationFailure where the guardrails ask who applies in an account: a fleet cannot prove it there */
export function assertAccountAllowed({ guardrails }: Pick<Enforcement, 'guardrails'>, request: BootstrapRequest): void {
  if (guardrails === null || !demandOf(guardrails, request).requester) return;
  const message = `the guardrails ask who applies in account ${request.target.account}, which a fleet cannot prove`;
  const remedy = 'apply to this account by an environment, from a job that proves who it is';
  throw failure('NotAllowed', message, { remedy });
}
