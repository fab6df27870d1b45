import type { WorkflowHandle } from '@temporalio/client';
import type { EntityClaimChanges } from '../../src/contract/entity-claims.js';
import { claimEntitiesUpdate, entityClaimsQuery } from '../../src/contract/messages.js';
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
  await stage.client.workflow.start('accountLedger', { taskQueue: 'workflows', workflowId, args: [] });
  return stage.client.workflow.getHandle(workflowId);
}

/** Has a namespace change its claims. Returns the namespaces whose claims stand in its way, by entity. */
async function change(
  ledger: WorkflowHandle,
  namespace: string,
  changes: Partial<Pick<EntityClaimChanges, 'take' | 'drop'>>,
): Promise<Record<string, string>> {
  const args = [{ namespace, runId: 'run', at: 'now', take: [], drop: [], ...changes }] as const;
  const { refused } = await ledger.executeUpdate(claimEntitiesUpdate, { args: [...args] });
  return Object.fromEntries(refused.map((claim) => [claim.id, claim.namespace]));
}

async function ownerOf(ledger: WorkflowHandle, id: string): Promise<string | undefined> {
  return (await ledger.query(entityClaimsQuery, [id]))[0]?.namespace;
}

const take = (id: string, replaces: string | null = null): Pick<EntityClaimChanges, 'take'> => ({
  take: [{ id, replaces }],
});

test('the first namespace that claims an entity keeps it, whatever the case of the name', async () => {
  const ledger = await startLedger('account-ledger-first');
  expect(await change(ledger, 'a', take('Group/People'))).toEqual({});
  expect(await change(ledger, 'b', take('Group/people'))).toEqual({ 'Group/People': 'a' });
  expect(await change(ledger, 'a', take('Group/People'))).toEqual({});
  expect(await ownerOf(ledger, 'Group/PEOPLE')).toBe('a');
  await ledger.terminate();
});

test('a claim is taken over only from the namespace that the plan has found', async () => {
  const ledger = await startLedger('account-ledger-over');
  await change(ledger, 'a', take('Group/people'));
  expect(await change(ledger, 'b', take('Group/people', 'c'))).toEqual({ 'Group/people': 'a' });
  expect(await change(ledger, 'b', take('Group/people', 'a'))).toEqual({});
  expect(await ownerOf(ledger, 'Group/people')).toBe('b');
  await ledger.terminate();
});

test('a namespace drops its own claims only', async () => {
  const ledger = await startLedger('account-ledger-drop');
  await change(ledger, 'a', take('Group/people'));
  await change(ledger, 'b', { drop: ['Group/people'] });
  expect(await ownerOf(ledger, 'Group/people')).toBe('a');
  await change(ledger, 'a', { drop: ['Group/people'] });
  expect(await ownerOf(ledger, 'Group/people')).toBeUndefined();
  await ledger.terminate();
});

test('refuses malformed changes, and remembers claims when it continues as new', async () => {
  const ledger = await startLedger('account-ledger-long');
  const { runId } = await ledger.describe();
  const malformed = { namespace: 'a', take: [{}], drop: [], runId: 'run', at: 'now' } as unknown as EntityClaimChanges;
  await expect(ledger.executeUpdate(claimEntitiesUpdate, { args: [malformed] })).rejects.toThrow();
  for (let group = 1; group <= MAX_CLAIMS; group += 1) await change(ledger, 'a', take(`Group/${String(group)}`));
  expect(await change(ledger, 'b', take('Group/1'))).toEqual({ 'Group/1': 'a' });
  expect((await ledger.describe()).runId).not.toBe(runId);
  await ledger.terminate();
});
