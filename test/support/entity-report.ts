import type { EntityReport } from '../../src/contract/report.js';

/** Returns the report of a created role, with the differences that a test needs. */
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
