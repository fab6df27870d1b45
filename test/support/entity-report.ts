import type { EntityReport, Report } from '../../src/contract/report.js';
import { summarize } from '../../src/report/build.js';

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
    grants: [],
    warnings: [],
    unmanaged: [],
    writes: [],
    conflicts: [],
    reason: null,
    remedy: null,
    attempts: 1,
    ...more,
  };
}

/** Returns the report of an apply that converged, with the differences that a test needs. */
export function reportOf(entities: readonly EntityReport[], more: Partial<Report> = {}): Report {
  return {
    version: 2,
    command: 'apply',
    result: 'converged',
    account: '111111111111',
    partition: 'aws',
    namespace: 'ci',
    environment: 'prod',
    digest: 'sha256:0',
    request: { key: 'key', pipeline: { provider: 'local', url: null, commit: null, actor: null } },
    workflow: { workflowId: 'iam-bootstrap:111111111111:ci', runId: 'run', url: null },
    entities,
    summary: summarize(entities),
    apiCalls: { total: 3, byOperation: { CreateRole: 3 } },
    startedAt: '2024-01-01T00:00:00.000Z',
    durationMs: 1_200,
    reason: null,
    remedy: null,
    ...more,
  };
}
