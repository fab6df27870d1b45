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

test('a claim that nobody wants any more is taken over and dropped by the way out that the refusal names', async () => {
  const group = { kind: 'Group', groupName: 'unwanted' };
  await runs.apply([group], { namespace: 'gone' });
  const refused = await runs.apply([{ ...group, state: 'absent' }], { namespace: 'heir' });
  expect(refused.entities[0]?.remedy).toContain('--adopt foreign:Group/unwanted');
  const removed = await runs.apply([{ ...group, state: 'absent', adopt: 'foreign' }], { namespace: 'heir' });
  expect(removed.entities[0]?.outcome).toBe('deleted');
  // Nobody claims it any more, so the next that declares it gets it.
  expect(outcomesOf(await runs.apply([group], { namespace: 'next' }))).toEqual({ 'Group/unwanted': 'created' });
});

test('what goes with a user cannot be declared by another namespace while the user is deleted', async () => {
  const user = { kind: 'User', userName: 'alice' };
  const key = { kind: 'AccessKey', userName: 'alice', secret: { file: 'alice.json' } };
  await runs.apply([user], { namespace: 'people' });
  world.proxy.clear();
  const held = hold(world.proxy, { action: 'DeleteUser' });
  const deletion = runs.apply([{ ...user, state: 'absent' }], { namespace: 'people' });
  await held.reached;
  const declared = await runs.apply([key], { namespace: 'machines' });
  held.release();
  expect(declared.entities[0]).toMatchObject({
    outcome: 'refused',
    reason: expect.stringMatching(/^owned by iam-bootstrap namespace "people"/) as string,
  });
  expect(outcomesOf(await deletion)).toEqual({ 'User/alice': 'deleted' });
  expect(world.proxy.count('CreateAccessKey')).toBe(0);

  // The user is gone, and so are the claims.
  await runs.apply([user], { namespace: 'people' });
  expect((await runs.apply([key], { namespace: 'machines' })).result).toBe('converged');
});
