import type { PendingApproval } from '../../../src/contract/approval.js';
import type { Progress } from '../../../src/contract/progress.js';
import type { EntityReport, Report } from '../../../src/contract/report.js';
import { progressDetails, reportDetails } from '../../../src/workflows/details.js';

const PROGRESS: Progress = { phase: 'reconciling', done: 1, total: 2, entities: [], waitingFor: null };
const NOT_IGNORED = { count: 0, last: '' };

function entities(count: number): EntityReport[] {
  return Array.from({ length: count }, (_, index) => ({
    kind: 'Role',
    name: `role-${String(index)}`,
    arn: null,
    decision: 'create',
    outcome: 'failed',
    confirmedBy: null,
    grants: [],
    warnings: [],
    drift: Array.from({ length: 12 }, () => ({ path: 'a|b', observed: 1, desired: 2 })),
    unmanaged: [],
    writes: [],
    conflicts: [],
    reason: 'no *quota*',
    remedy: null,
    attempts: 1,
  }));
}

function report(count: number, command: Report['command'] = 'plan'): Report {
  const all = { result: 'failed', reason: null, remedy: null, command, account: '111111111111', namespace: 'ci' };
  return {
    ...all,
    entities: entities(count),
    summary: { conflicts: 0 },
    apiCalls: { total: 1 },
    durationMs: 1,
  } as unknown as Report;
}

test('the page of an open run shows how far it is and what it waits for', () => {
  const details = progressDetails({ ...PROGRESS, waitingFor: 'waiting for a lock' }, null, NOT_IGNORED);
  expect(details).toContain('**reconciling**: 1 of 2\n\nwaiting for a lock');
});

test('the page of a pending approval shows the whole plan, and the command that approves it', () => {
  const pending: PendingApproval = { plan: 'sha256:1', openedAt: 'now', expiresAt: 'later', report: report(3) };
  const details = progressDetails(PROGRESS, pending, { count: 2, last: 'approve: no plan' });
  for (const name of ['role-0', 'role-1', 'role-2'])
    expect(details).toContain(`\`Role/${name}\` create\n\n\`\`\`diff\n`);
  expect(details.split('\n').filter((line) => line === '+ a|b = 2')).toHaveLength(36);
  expect(details).toContain('`iam-bootstrap approve --account 111111111111 --namespace ci --plan sha256:1`');
  expect(details).toContain('2 signals were ignored; the last one: approve: no plan');
});

test('the page of a pending approval has room for the command, however long the plan is', () => {
  const long = report(3);
  const grants = Array.from(
    { length: 2_000 },
    (_, index) => `managedPolicyArns: arn:aws:iam::aws:policy/${String(index)}`,
  );
  const entities = long.entities.map((entity) => ({ ...entity, grants }));
  const pending = { plan: 'sha256:1', openedAt: 'now', expiresAt: 'later', report: { ...long, entities } };
  const details = progressDetails(PROGRESS, pending, NOT_IGNORED);
  expect(encodeURIComponent(details).length).toBeLessThan(100_000);
  expect(details).toContain('lines not shown');
  expect(details).toContain('`iam-bootstrap approve ');
});

test('the page of a run that has ended shows counts and reasons', () => {
  const details = reportDetails(report(2, 'apply'));
  expect(details).toContain('**failed**: 2 failed');
  expect(details).toMatch(
    /### Look at this first\n\n`x` `Role\/role-0` failed\n\n```diff\n[^`]*\n```\n\nno \\\*quota\\\*\n/,
  );
  expect(details).toContain('| Role/role-1\u00a0\u00a0 | failed\u00a0\u00a0 | a\\|b\u00a0\u00a0 | no \\*quota\\* |');
});
