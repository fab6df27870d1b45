import { Accounts } from '../../../../src/activities/runtime/accounts.js';
import type { Target } from '../../../../src/contract/entity.js';

function targetOf(index: number): Target {
  const account = String(400_000_000_000 + index);
  return { account, partition: 'aws', assumeRole: `arn:aws:iam::${account}:role/bootstrap` };
}

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

test('an account is opened once while it is in use', () => {
  const accounts = new Accounts({});
  const first = accounts.get(targetOf(0));
  for (let index = 1; index <= 300; index += 1) {
    accounts.get(targetOf(index));
    expect(accounts.get(targetOf(0))).toBe(first);
  }
});

test('of many accounts, the one that was not used for the longest time is closed, once no activity uses it', () => {
  const accounts = new Accounts({});
  const first = accounts.get(targetOf(0));
  const destroy = jest.spyOn(first.clients, 'destroy');
  for (let index = 1; index <= 100; index += 1) accounts.get(targetOf(index));
  expect(destroy).not.toHaveBeenCalled();
  jest.advanceTimersByTime(3_600_000);
  expect(destroy).toHaveBeenCalledTimes(1);
  expect(accounts.get(targetOf(0))).not.toBe(first);
});
