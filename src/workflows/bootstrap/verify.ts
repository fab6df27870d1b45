import type { DesiredEntity } from '../../contract/entity.js';
import { FAILURES } from '../../contract/failures.js';
import type { EntityReport } from '../../contract/report.js';
import type { VerifyResult } from '../../contract/activities.js';
import { accountReads } from '../activities.js';
import { describeFailure } from '../failures.js';
import { UNSUCCESSFUL, type RunState } from './run-state.js';

/** Reads what was written once more: an entity has converged when AWS shows it, not when the write was accepted. */
export async function verifyEntities(state: RunState): Promise<void> {
  const written = [...state.reports].flatMap(([index, { writes, outcome }]) =>
    writes.length > 0 && !UNSUCCESSFUL.has(outcome) ? [index] : [],
  );
  if (written.length === 0) return;
  state.enter('verifying');
  const { target, namespace } = state.request;
  const entities = written.map((index) => expectedEntity(state, index));
  try {
    const result = await accountReads.verifyEntities({
      request: { target, namespace },
      entities,
      arns: state.allArns(),
    });
    state.addCalls(result.calls);
    recordDifferences(state, written, result);
  } catch (error) {
    const failure = describeFailure(error);
    if (failure === null) throw error;
    for (const index of written) {
      const outcome = state.reports.get(index)?.outcome ?? 'pending';
      failEntity(state, index, {
        reason: `was ${outcome}, but could not be verified: ${failure.reason}`,
        remedy: FAILURES[failure.type].remedy,
      });
    }
  }
}

/** Returns the entity as it should be now. What an adoption left in place is not drift of this run. */
function expectedEntity(state: RunState, index: number): DesiredEntity {
  const entity = state.desiredAt(index);
  const isAdopted = state.reports.get(index)?.outcome === 'adopted';
  return isAdopted && entity.unmanagedAtAdoption !== true ? { ...entity, unmanaged: 'keep' } : entity;
}

/** Fails the entities that still differ. `written` holds the positions of those that were verified, in their order. */
function recordDifferences(state: RunState, written: readonly number[], { differing }: VerifyResult): void {
  for (const { index: position, decision } of differing) {
    const index = written[position];
    const report = index === undefined ? undefined : state.reports.get(index);
    if (index === undefined || report === undefined) continue;
    failEntity(state, index, {
      drift: decision.drift,
      reason: decision.reason ?? `was ${report.outcome}, but AWS still shows a difference`,
      remedy: FAILURES.NotConverged.remedy,
    });
  }
}

function failEntity(
  state: RunState,
  index: number,
  why: Pick<EntityReport, 'reason' | 'remedy'> & Partial<Pick<EntityReport, 'drift'>>,
): void {
  const report = state.reports.get(index);
  if (report !== undefined) state.record(index, { ...report, ...why, outcome: 'failed' });
}
