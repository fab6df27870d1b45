import { log } from '@temporalio/activity';
import type { ApplicationFailure } from '@temporalio/common';
import type { AwsError } from '../../aws/errors.js';
import { PROPAGATION_WINDOW_MS } from '../../aws/propagation.js';
import type { CreateRequest, ReconcileActivityResult } from '../../contract/activities.js';
import { entityId, type JsonObject } from '../../contract/entity.js';
import type { Decision, WriteRecord } from '../../contract/report.js';
import { assess } from '../../engine/decide.js';
import type { ConflictFacts, ConflictResolution } from '../../engine/resolve-conflict.js';
import type { Desired, Kind, Observed, Write } from '../../kinds/kind.js';
import type { Account } from '../runtime/accounts.js';
import { writesSent, type ActivityContext } from '../runtime/activity-context.js';
import { failure } from '../runtime/failures.js';
import { buildActivityResult, logRefusal } from './activity-result.js';
import { decisionContext, isKnownAtCreate } from './desired-state.js';
import { checkAgainstPlan, type CheckedDecision } from './plan-check.js';
import type { EntitySecrets } from './secrets.js';

/** One run of the create activity, with everything that its steps need. */
export interface Creation {
  readonly account: Account;
  readonly request: CreateRequest;
  readonly context: ActivityContext;
  readonly attempt: number;
  readonly kind: Kind;
  readonly spec: JsonObject;
  readonly desired: Desired;
  readonly create: Write;
  readonly secrets: EntitySecrets;
  readonly earlierCreate: ConflictFacts['earlierCreate'];
}

/** Reports a resolved conflict as the result of the activity, and logs it. */
export function resultOf(
  creation: Creation,
  resolution: ConflictResolution,
  observed: Observed | undefined,
  conflict: AwsError | null,
): ReconcileActivityResult {
  const { request, context } = creation;
  if (resolution.is === 'refused')
    return refused(creation, resolution.decision, observed, conflict, resolution.confirmedBy);
  if (observed === undefined || resolution.is === 'not-shown' || resolution.is === 'possible-orphan') {
    throw neverShown(creation, conflict);
  }
  const { confirmedBy, remaining } = resolution;
  const { decision, beyond } = checkResolution(creation, resolution, observed);
  if (decision.action === 'refuse') return refused(creation, decision, observed, conflict, confirmedBy);
  log.info(
    `${entityId(request.entity)} exists: ${resolution.is === 'created' ? 'created by this run' : decision.action}`,
    {
      confirmedBy,
      code: conflict?.code ?? null,
      requestId: conflict?.requestId ?? null,
    },
  );
  return buildActivityResult(context, {
    arn: observed.arn,
    decision,
    confirmedBy,
    writes: resolution.is === 'created' ? writesWithLostReply(creation, observed) : writesWithoutCreate(creation),
    conflicts: conflictsOf(creation, conflict),
    remaining,
    ...beyond,
  });
}

function neverShown({ context, create: { operation } }: Creation, conflict: AwsError | null): ApplicationFailure {
  const { code = 'NoSuchEntity', requestId = null } = conflict ?? {};
  const seconds = String(PROPAGATION_WINDOW_MS / 1000);
  const message = `${operation} answered ${code}, and no read has shown the entity for ${seconds} s`;
  return failure('NotPropagated', message, { operation, code, requestId, calls: context.calls });
}

/** Compares what exists instead of the entity that the plan wants to create with the plan. */
function checkResolution(
  { request, context, kind, spec }: Creation,
  { is, decision }: Extract<ConflictResolution, { readonly is: 'created' | 'existing' }>,
  observed: Observed,
): CheckedDecision {
  if (is === 'created') return { decision, beyond: {} };
  const assessment = { ...assess(kind, request.entity, spec, observed, decisionContext(request)), decision };
  return checkAgainstPlan(request, { kind, spec, observed, assessment }, context);
}

/** Returns the Create whose reply was lost, and what a lost attempt sent to complete the entity. */
function writesWithLostReply({ context, kind, create: { operation } }: Creation, observed: Observed): WriteRecord[] {
  const lost = { operation, requestId: null, at: observed.createdAt ?? new Date().toISOString() };
  const others = isKnownAtCreate(kind) ? writesSent(context).filter((write) => write.operation !== operation) : [];
  return [lost, ...others];
}

/** Returns the writes but for a Create without an answer: another caller's made the entity, so it had no effect. */
function writesWithoutCreate({ context, create: { operation } }: Creation): WriteRecord[] {
  return writesSent(context).filter((write) => write.operation !== operation || write.requestId !== null);
}

function conflictsOf(
  { create: { operation } }: Creation,
  conflict: AwsError | null,
): ReconcileActivityResult['conflicts'] {
  return conflict === null ? [] : [{ operation, code: conflict.code, requestId: conflict.requestId }];
}

/** Reports a refusal as the result of the activity, and logs it. */
export function refused(
  creation: Creation,
  decision: Decision,
  observed: Observed | undefined,
  conflict: AwsError | null,
  confirmedBy: ReconcileActivityResult['confirmedBy'] = null,
): ReconcileActivityResult {
  const { request, context, kind, spec } = creation;
  logRefusal(request.entity, decision);
  const arn = observed?.arn ?? kind.arnOf(spec, request.target);
  const writes = confirmedBy === null ? writesWithoutCreate(creation) : writesSent(context);
  return buildActivityResult(context, {
    arn,
    decision,
    confirmedBy,
    writes,
    conflicts: conflictsOf(creation, conflict),
  });
}
