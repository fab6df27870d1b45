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
    drift: Array.from({ length: 12 }, () => ({ path: 'a|b', observed: 1, desired: 2 })),
    unmanaged: [],
    writes: [],
    conflicts: [],
    reason: 'no *quota*',
    remedy: null,
    attempts: 1,
  }));
}

function report(count: number): Report {
  const all = { result: 'failed', reason: null, command: 'apply', account: '111111111111', namespace: 'ci' };
  return { ...all, entities: entities(count), summary: { conflicts: 0 } } as unknown as Report;
}

test('the page of an open run shows how far it is and what it waits for', () => {
  const details = progressDetails({ ...PROGRESS, waitingFor: 'waiting for a lock' }, null, NOT_IGNORED);
  expect(details).toContain('**reconciling**: 1 of 2\n\nwaiting for a lock');
});

test('the page of a pending approval shows the plan, cut short, and the command that approves it', () => {
  const pending: PendingApproval = { plan: 'sha256:1', openedAt: 'now', expiresAt: 'later', report: report(60) };
  const details = progressDetails(PROGRESS, pending, { count: 2, last: 'approve: no plan' });
  expect(details.split('\n').filter((line) => line.startsWith('| Role/'))).toHaveLength(50);
  expect(details).toContain('and 10 more');
  expect(details).toContain('\\~ a\\|b = 1 -\\> 2<br>and 3 more |');
  expect(details).toContain('`iam-bootstrap approve --account 111111111111 --namespace ci --plan sha256:1`');
  expect(details).toContain('2 signals were ignored; the last one: approve: no plan');
});

test('the page of a run that has ended shows counts and reasons, with markup escaped', () => {
  const details = reportDetails(report(2));
  expect(details).toContain('**failed**: 2 failed');
  expect(details).toContain('| Role/role-0\u00a0\u00a0 | failed\u00a0\u00a0 | no \\*quota\\* |');
});

test('a column in which every cell is empty is left out', () => {
  const { entities: reported, ...rest } = report(2);
  const details = reportDetails({ ...rest, entities: reported.map((entity) => ({ ...entity, reason: null })) });
  expect(details).toContain('| entity\u00a0\u00a0 | state |');
  expect(details).toContain('| Role/role-0\u00a0\u00a0 | failed |');
});
