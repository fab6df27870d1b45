import type { Report } from '../../contract/report.js';
import { describeFailure } from '../failures.js';
import { settleDeclarations } from './declarations.js';
import { dropClaims } from './entity-claims.js';
import type { RunState } from './run-state.js';

/** Records in the ledgers what a run has written. Returns what its report says of a failure: the writes still count. */
export async function settleLedgers(state: RunState): Promise<Partial<Report>> {
  try {
    await dropClaims(state);
    await settleDeclarations(state);
    return {};
  } catch (error) {
    const failure = describeFailure(error);
    if (failure === null) throw error;
    const { reason, remedy } = failure;
    return { result: 'failed', reason: `what was written could not be recorded: ${reason}`, remedy };
  }
}
