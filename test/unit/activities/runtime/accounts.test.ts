import { Accounts, type Account } from '../../../../src/activities/runtime/accounts.js';
import { Pace } from '../../../../src/aws/pace.js';
import type { Target } from '../../../../src/contract/entity.js';

function targetOf(index: number): Target {
  const account = String(400_000_000_000 + index);
  return { account, partition: 'aws', assumeRole: `arn:aws:iam::${account}:role/bootstrap` };
}

/** Uses an account as one activity does, and returns it. */
function use(accounts: Accounts, index: number): Account {
  const lease = accounts.lease();
  const account = lease.get(targetOf(index));
  lease.release();
  return account;
}

test('an account is opened once while it is used again and again', () => {
  const accounts = new Accounts({});
  const first = use(accounts, 0);
  for (let index = 1; index <= 300; index += 1) {
    use(accounts, index);
    expect(use(accounts, 0)).toBe(first);
  }
});

test('of 900 accounts, no more than 100 stay open, and the others are closed at once', () => {
  const accounts = new Accounts({});
  const destroyed = Array.from({ length: 900 }, (_, index) => jest.spyOn(use(accounts, index).clients, 'destroy'));
  const closed = destroyed.filter((destroy) => destroy.mock.calls.length > 0);
  expect(closed).toHaveLength(800);
  expect(closed.every((destroy) => destroy.mock.calls.length === 1)).toBe(true);
});

test('an account that is in use is closed once no activity uses it any more', () => {
  const accounts = new Accounts({});
  const [one, two] = [accounts.lease(), accounts.lease()];
  const account = one.get(targetOf(0));
  expect([one.get(targetOf(0)), two.get(targetOf(0))]).toEqual([account, account]);
  const destroy = jest.spyOn(account.clients, 'destroy');
  for (let index = 1; index <= 200; index += 1) use(accounts, index);
  expect(use(accounts, 0)).toBe(account);
  one.release();
  one.release();
  for (let index = 1; index <= 200; index += 1) use(accounts, index);
  expect(destroy).not.toHaveBeenCalled();
  two.release();
  for (let index = 1; index <= 200; index += 1) use(accounts, index);
  expect(destroy).toHaveBeenCalledTimes(1);
  expect(use(accounts, 0)).not.toBe(account);
});

test('more accounts than that may be in use at a time', () => {
  const accounts = new Accounts({});
  const leases = Array.from({ length: 150 }, (_, index) => {
    const lease = accounts.lease();
    return { lease, destroy: jest.spyOn(lease.get(targetOf(index)).clients, 'destroy') };
  });
  expect(leases.every(({ destroy }) => destroy.mock.calls.length === 0)).toBe(true);
  for (const { lease } of leases) lease.release();
  expect(leases.filter(({ destroy }) => destroy.mock.calls.length > 0)).toHaveLength(50);
});

test.each([
  { isLimited: true, paces: 1, fate: 'is kept if AWS has throttled calls' },
  { isLimited: false, paces: 2, fate: 'is made anew if AWS has throttled none' },
])('the pace of an account that was closed meanwhile $fate', ({ isLimited, paces }) => {
  const created: Pace[] = [];
  const accounts = new Accounts({}, undefined, () => {
    const pace = new Pace();
    if (created.length === 0) jest.spyOn(pace, 'isLimited', 'get').mockReturnValue(isLimited);
    created.push(pace);
    return pace;
  });
  const first = use(accounts, 0);
  for (let index = 1; index <= 100; index += 1) use(accounts, index);
  expect(use(accounts, 0)).not.toBe(first);
  expect(created).toHaveLength(100 + paces);
});
