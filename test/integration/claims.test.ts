import { hold } from '../support/hold.js';
import { outcomesOf } from '../support/runs.js';
import { runs, useWorld, world } from '../support/use-world.js';

/** Two namespaces that declare an entity whose kind cannot carry ownership tags. */

useWorld();

const policyOf = (minimumPasswordLength: number): Record<string, string | number> => ({
  kind: 'AccountPasswordPolicy',
  minimumPasswordLength,
});

/** Returns the lengths that were sent to AWS, in order. */
function lengthsSent(): (string | undefined)[] {
  return world.proxy.writes().map(({ params }) => params['MinimumPasswordLength']);
}

test('the second namespace is refused with the override, and writes only with it', async () => {
  expect((await runs.apply([policyOf(10)], { namespace: 'first' })).result).toBe('converged');
  const planned = await runs.plan([policyOf(20)], { namespace: 'second' });
  const refused = await runs.apply([policyOf(20)], { namespace: 'second' });
  for (const { entities } of [planned, refused]) {
    expect(entities).toMatchObject([
      {
        decision: 'refuse',
        reason: expect.stringMatching(/^owned by iam-bootstrap namespace "first"/) as string,
        remedy: expect.stringContaining('--adopt foreign:AccountPasswordPolicy/') as string,
      },
    ]);
  }
  expect(lengthsSent()).toEqual(['10']);
  const taken = await runs.apply([{ ...policyOf(20), adopt: 'foreign' }], { namespace: 'second' });
  expect(taken.result).toBe('converged');
  expect((await runs.apply([policyOf(10)], { namespace: 'first' })).result).toBe('refused');
  expect(lengthsSent()).toEqual(['10', '20']);
});

test('what a namespace has left can be claimed by another one', async () => {
  const group = { kind: 'Group', groupName: 'left' };
  await runs.apply([group], { namespace: 'leaving' });
  expect((await runs.apply([group], { namespace: 'arriving' })).result).toBe('refused');
  await runs.apply([group], { namespace: 'leaving', command: 'release' });
  expect((await runs.apply([group], { namespace: 'arriving' })).result).toBe('converged');
});

test('of two namespaces that both find nothing, one creates the entity, and the other one is told', async () => {
  const group = { kind: 'Group', groupName: 'raced' };
  const held = hold(world.proxy, { action: 'CreateGroup' });
  const first = runs.apply([group], { namespace: 'race-one' });
  await held.reached;
  // The entity does not exist yet, so only the ledger can tell the second one.
  const second = await runs.apply([group], { namespace: 'race-two' });
  held.release();
  expect(second.result).toBe('refused');
  expect(second.entities[0]?.reason).toMatch(/namespace "race-one"/);
  expect(outcomesOf(await first)).toEqual({ 'Group/raced': 'created' });
  const writes = world.proxy.writes().filter(({ params }) => params['GroupName'] === 'raced');
  expect(writes.map(({ action }) => action)).toEqual(['CreateGroup']);
});
