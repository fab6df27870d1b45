import { refusalKey, refusedReadRemedy } from '../../../src/report/refused-read.js';

const told = (operation: string, message: string, code = 'AccessDenied'): string =>
  `${operation} answered ${code}: ${message}`;
const USER = 'User: arn:aws:iam::111111111111:user/ann is';

test.each([
  ['the action that AWS names', told('ListRoles', `${USER} not authorized to perform: iam:ListRoles on resource: *`)],
  ['the action of the operation', told('ListRoles', 'not authorized')],
  [
    'the action where the text tells of several entities',
    `of 30 entities, 22 could not be read; the first one, a: ${told('ListRoles', 'no')}`,
  ],
])('the remedy of a refused read is %s', (_what, text) => {
  expect(refusedReadRemedy(text)).toBe("allow iam:ListRoles to the worker's role");
});

test('an explicit deny has to go, and what is no matter of permissions has no remedy', () => {
  const denied = told('GetRole', `${USER} not authorized to perform: iam:GetRole with an explicit deny in a policy`);
  expect(refusedReadRemedy(denied)).toBe(
    "remove the explicit deny of iam:GetRole for the worker's role, in the policy that AWS's message names",
  );
  expect(refusedReadRemedy(told('GetRole', 'unknown', 'InvalidAction'))).toBeNull();
  expect(refusedReadRemedy('')).toBeNull();
});

test('refusals of one action are the same, whatever entity they are of', () => {
  const of = (name: string): string => told('GetRole', `${USER} not authorized to perform: iam:GetRole on ${name}`);
  expect(refusalKey(of('a'))).toBe(refusalKey(of('b')));
  expect(refusalKey(of('a'))).not.toBe(refusalKey(told('GetUser', 'no')));
  expect(refusalKey(told('GetRole', 'a', 'InvalidAction'))).not.toBe(refusalKey(told('GetRole', 'b', 'InvalidAction')));
});
