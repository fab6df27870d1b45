import type { EntityReport } from '../../src/contract/report.js';

/** What became of a role that was made and of which there is nothing more to say, but for what a test is about. */
export function entityReport(more: Partial<EntityReport> = {}): EntityReport {
  return {
    kind: 'Role',
    name: 'deploy',
    arn: 'arn:aws:iam::111111111111:role/deploy',
    decision: 'create',
    outcome: 'created',
    confirmedBy: 'reply',
    drift: [],
    unmanaged: [],
    writes: [],
    conflicts: [],
    reason: null,
    remedy: null,
    attempts: 1,
    ...more,
  };
}
