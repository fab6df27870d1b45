import type { WorkflowHandle } from '@temporalio/client';
import type { DeclarationChanges } from '../../src/contract/declarations.js';
import { claimUpdate, declarationsQuery, declareUpdate, outcomeUpdate } from '../../src/contract/messages.js';
import { type ClaimAnswer, MAX_OUTCOMES } from '../../src/contract/revision.js';
import { MAX_CLAIMS } from '../../src/workflows/ledger.js';
import { WorkflowStage } from '../support/workflow-stage.js';

let stage: WorkflowStage;

beforeAll(async () => {
  stage = await WorkflowStage.start();
});

afterAll(async () => {
  await stage.stop();
});

async function startLedger(workflowId: string): Promise<WorkflowHandle> {
  await stage.client.workflow.start('ledger', { taskQueue: 'workflows', workflowId, args: [] });
  // Without a run ID: the newest run, whichever that is.
  return stage.client.workflow.getHandle(workflowId);
}

async function claim(
  ledger: WorkflowHandle,
  value: number,
  allowOlder = false,
  environment = 'test',
  mustBeLast?: boolean,
): Promise<ClaimAnswer> {
  const revision = {
    value,
    environment,
    source: 'given',
    commit: null,
    url: null,
    runId: `run-${String(value)}`,
    at: 'now',
  } as const;
  return ledger.executeUpdate(claimUpdate, {
    args: [{ revision, allowOlder, ...(mustBeLast === undefined ? {} : { mustBeLast }) }],
  });
}

test('a ledger refuses a revision older than the last one, unless an older one is allowed', async () => {
  const ledger = await startLedger('ledger-order');
  expect(await claim(ledger, 5)).toEqual({ accepted: true, last: null });
  expect(await claim(ledger, 4)).toMatchObject({ accepted: false, last: { value: 5 } });
  expect(await claim(ledger, 5)).toMatchObject({ accepted: true, last: { value: 5 } });
  expect(await claim(ledger, 4, true)).toMatchObject({ accepted: true, last: { value: 5 } });
  expect(await claim(ledger, 4)).toMatchObject({ accepted: true, last: { value: 4 } });
  await ledger.terminate();
});

test('a ledger takes from a schedule no other revision than the last one', async () => {
  const ledger = await startLedger('ledger-schedules');
  const scheduled = (value: number): Promise<ClaimAnswer> => claim(ledger, value, false, 'test', true);
  expect(await scheduled(5)).toEqual({ accepted: true, last: null });
  expect(await claim(ledger, 3, true)).toMatchObject({ accepted: true, last: { value: 5 } });
  expect(await scheduled(5)).toMatchObject({ accepted: false, last: { value: 3 } });
  expect(await scheduled(3)).toMatchObject({ accepted: true, last: { value: 3 } });
  await ledger.terminate();
});

test('a ledger compares revisions of one environment only', async () => {
  const ledger = await startLedger('ledger-environments');
  expect(await claim(ledger, 2, false, 'dev')).toEqual({ accepted: true, last: null });
  expect(await claim(ledger, 1, false, 'prod')).toEqual({ accepted: true, last: null });
  expect(await claim(ledger, 1, false, 'dev')).toMatchObject({ accepted: false, last: { value: 2 } });
  expect(await claim(ledger, 2, false, 'prod')).toMatchObject({ accepted: true, last: { value: 1 } });
  await ledger.terminate();
});

test('a ledger that has taken many claims continues as new, and remembers', async () => {
  const ledger = await startLedger('ledger-long');
  const { runId } = await ledger.describe();
  for (let value = 1; value <= MAX_CLAIMS; value += 1) await claim(ledger, value);
  expect(await claim(ledger, MAX_CLAIMS - 1)).toMatchObject({ accepted: false, last: { value: MAX_CLAIMS } });
  expect((await ledger.describe()).runId).not.toBe(runId);
  await ledger.terminate();
});

test('a claim that is malformed is rejected', async () => {
  const ledger = await startLedger('ledger-malformed');
  const malformed = ledger.executeUpdate('claim', { args: [{ revision: { value: 'one' } }] });
  await expect(malformed).rejects.toMatchObject({ cause: { type: 'InvalidManifest' } });
  expect(await claim(ledger, 1)).toEqual({ accepted: true, last: null });
  await ledger.terminate();
});

describe('the declarations of a namespace', () => {
  const ROLE = { id: 'Role/Deploy', key: { roleName: 'Deploy' } };
  const LAST = { manifest: 'iam.yaml', environment: 'dev', runId: 'run', at: 'now' };
  const NOTHING: DeclarationChanges = { ...LAST, declare: [], created: [], forget: [] };

  async function declare(ledger: WorkflowHandle, changes: Partial<DeclarationChanges>): Promise<void> {
    await ledger.executeUpdate(declareUpdate, { args: [{ ...NOTHING, ...changes }] });
  }

  test('are those of the manifest that declared an entity last, whatever the case of its name', async () => {
    const ledger = await startLedger('ledger-declarations');
    await declare(ledger, { declare: [ROLE] });
    await declare(ledger, {
      created: [
        { id: 'Role/deploy', createdAt: 'then' },
        { id: 'Role/other', createdAt: 'then' },
      ],
    });
    expect(await ledger.query(declarationsQuery)).toEqual([{ ...LAST, ...ROLE, createdAt: 'then' }]);
    await declare(ledger, { declare: [ROLE], manifest: 'other.yaml' });
    expect(await ledger.query(declarationsQuery)).toEqual([
      { ...LAST, manifest: 'other.yaml', ...ROLE, createdAt: 'then' },
    ]);
    await declare(ledger, { forget: ['Role/DEPLOY'] });
    expect(await ledger.query(declarationsQuery)).toEqual([]);
    await ledger.terminate();
  });

  test('outlive the run of the ledger, which refuses malformed changes', async () => {
    const ledger = await startLedger('ledger-declarations-long');
    const malformed = { ...NOTHING, forget: [1] } as unknown as DeclarationChanges;
    await expect(ledger.executeUpdate(declareUpdate, { args: [malformed] })).rejects.toThrow();
    const { runId } = await ledger.describe();
    await declare(ledger, { declare: [ROLE] });
    for (let value = 1; value <= MAX_CLAIMS; value += 1) await claim(ledger, value);
    expect(await ledger.query(declarationsQuery)).toEqual([{ ...LAST, ...ROLE }]);
    expect((await ledger.describe()).runId).not.toBe(runId);
    await ledger.terminate();
  });
});

test('a ledger tells the end of a run that changes something from one that does not, in any order, and after a restart', async () => {
  const ledger = await startLedger('ledger-outcomes');
  const end = (run: number, trouble: string | null, manifest = 'a.yaml'): Promise<boolean> => {
    const outcome = {
      manifest,
      environment: 'test',
      trouble,
      runId: `run-${String(run)}`,
      at: `2026-01-0${String(run)}T00:00:00.000Z`,
    };
    return ledger.executeUpdate(outcomeUpdate, { args: [outcome] });
  };
  expect(await end(1, null)).toBe(false);
  expect(await end(3, 'refused')).toBe(true);
  // The same run again, as after a lost answer.
  expect(await end(3, 'refused')).toBe(true);
  expect(await end(4, 'refused')).toBe(false);
  // A run that has ended before, and whose end is recorded later.
  expect(await end(2, null)).toBe(false);
  expect(await end(4, 'refused', 'b.yaml')).toBe(true);
  for (let value = 1; value <= MAX_CLAIMS; value += 1) await claim(ledger, value);
  expect(await end(5, 'refused')).toBe(false);
  expect(await end(6, 'failed')).toBe(true);
  expect(await end(7, null)).toBe(true);
  expect(await end(8, null)).toBe(false);
  await ledger.terminate();
});

test('no end of a run silences the later ones by a start in the future, and a ledger remembers the last hundred', async () => {
  const ledger = await startLedger('ledger-outcomes-hostile');
  const end = (manifest: string, trouble: string | null, at = new Date().toISOString()): Promise<boolean> =>
    ledger.executeUpdate(outcomeUpdate, {
      args: [{ manifest, environment: 'test', trouble, runId: `${manifest} ${at} ${trouble ?? ''}`.slice(0, 200), at }],
    });
  const dayAfterNext = new Date(Date.now() + 2 * 24 * 3_600_000).toISOString();
  for (const at of ['9999', 'z', '', 'Dec 1 2026', '9999-01-01T00:00:00.000Z', dayAfterNext]) {
    await expect(end('a.yaml', 'refused', at)).rejects.toMatchObject({ cause: { type: 'InvalidManifest' } });
  }
  await expect(end('m'.repeat(301), 'refused')).rejects.toMatchObject({ cause: { type: 'InvalidManifest' } });
  expect(await end('a.yaml', 'refused')).toBe(true);
  expect(await end('a.yaml', 'failed')).toBe(true);
  for (let number = 1; number < MAX_OUTCOMES; number += 1) await end(`${String(number)}.yaml`, 'refused');
  expect(await end('a.yaml', 'failed')).toBe(false);
  // The last of the hundred is the one that was recorded first, and is forgotten.
  await end('b.yaml', 'refused');
  expect(await end('1.yaml', 'refused')).toBe(true);
  await ledger.terminate();
});
