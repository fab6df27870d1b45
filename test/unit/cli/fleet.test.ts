import { renderFleetReport } from '../../../src/cli/render/fleet.js';
import { renderFleetSummary } from '../../../src/cli/render/fleet-summary.js';
import type { AccountReport, FleetReport } from '../../../src/contract/fleet.js';
import { OUTCOMES, type Summary } from '../../../src/contract/report.js';

const NOTHING = Object.fromEntries([...OUTCOMES, 'conflicts'].map((name) => [name, 0])) as Summary;

function account(id: string, more: Partial<AccountReport> = {}): AccountReport {
  return {
    account: id,
    name: null,
    result: 'converged',
    reason: null,
    remedy: null,
    wave: 1,
    summary: { ...NOTHING, unchanged: 2 },
    entities: [],
    workflow: { workflowId: `iam-bootstrap:${id}:platform`, runId: 'run' },
    calls: { ListRoles: 1 },
    durationMs: 100,
    ...more,
  };
}

function report(more: Partial<FleetReport> = {}): FleetReport {
  return {
    version: 1,
    command: 'apply',
    result: 'converged',
    reason: null,
    remedy: null,
    fleet: 'workloads',
    namespace: 'platform',
    environment: 'workloads',
    digest: 'sha256:0',
    request: { key: 'key', pipeline: { provider: 'local', url: null, commit: null, actor: null } },
    workflow: { workflowId: 'iam-bootstrap-fleet:platform:workloads', runId: 'run' },
    accounts: [],
    leftOut: [],
    summary: NOTHING,
    calls: { ListRoles: 3 },
    startedAt: '2026-11-30T00:00:00.000Z',
    durationMs: 1_500,
    ...more,
  };
}

const ROLE = { kind: 'Role', name: 'audit', reason: null } as const;

test('a plan of a fleet shows each account, and with the signs of any plan what would change in it', () => {
  const pending = account('111111111111', {
    name: 'production',
    result: 'pending',
    summary: { ...NOTHING, pending: 1 },
    entities: [{ ...ROLE, outcome: 'pending', decision: 'create' }],
  });
  const shown = report({ command: 'plan', result: 'pending', accounts: [pending, account('222222222222')] });
  expect(renderFleetReport(shown).split('\n')).toEqual([
    'plan platform in fleet workloads',
    '  111111111111 (production)  pending  1 pending',
    '      + Role/audit  to create',
    '  222222222222  converged  2 unchanged',
    '',
    'pending: 2 accounts: 1 pending, 1 converged; 3 AWS calls, 1.5 s',
  ]);
});

test('an account that failed has its reason and remedy below it; those skipped are counted, those left out named', () => {
  const failed = account('111111111111', { result: 'failed', reason: 'no entry', remedy: 'let the worker in' });
  const skipped = account('222222222222', { result: 'skipped', workflow: null, summary: NOTHING });
  const leftOut = [{ id: '333333333333', name: 'old', reason: 'it is suspended' }];
  const shown = report({ result: 'failed', environment: 'prod', accounts: [failed, skipped], leftOut });
  expect(renderFleetReport(shown).split('\n')).toEqual([
    'apply platform (prod) in fleet workloads',
    '  111111111111  failed  2 unchanged',
    '      no entry',
    '      remedy: let the worker in',
    '  . 1 account skipped',
    '  . 333333333333 (old)  left out: it is suspended',
    '',
    'failed: 2 accounts: 1 failed, 1 skipped; 3 AWS calls, 1.5 s',
  ]);
});

test('the name of an account makes no markup and no cell of its own in the summary', () => {
  const summary = renderFleetSummary(report({ accounts: [account('111111111111', { name: '<img src=x> | **x**' })] }));
  expect(summary).toContain(String.raw`(\<img src=x\> \| \*\*x\*\*)`);
});
