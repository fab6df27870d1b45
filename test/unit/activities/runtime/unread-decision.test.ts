import fc from 'fast-check';
import { unreadDecision } from '../../../../src/activities/runtime/unread-decision.js';
import { FAILURES } from '../../../../src/contract/failures.js';
import { awsFailure } from '../../../support/fake-account.js';

function decisionOn(code: string, message = code, partition = 'aws', operation = 'ListSAMLProviders') {
  const error = awsFailure(code, operation, message);
  return unreadDecision({ message: `${operation} answered ${code}: ${message}`, error }, 'SAMLProvider', { partition });
}

test('a denied read names the call, the code and the request, and the action to allow', () => {
  expect(decisionOn('AccessDenied', 'not you')).toEqual({
    action: 'refuse',
    drift: [],
    unmanaged: [],
    reason: 'ListSAMLProviders answered AccessDenied: not you (request request-of-ListSAMLProviders)',
    remedy:
      "allow iam:ListSAMLProviders to the role that the worker reads the account with: the planRole of its guardrails, else its own or the environment's assumeRole",
    unread: { operation: 'ListSAMLProviders', code: 'AccessDenied', requestId: 'request-of-ListSAMLProviders' },
  });
});

test.each([
  [
    'the action that AWS names',
    'User: x is not authorized to perform: sts:TagSession on resource: *',
    /^allow sts:TagS/,
  ],
  [
    'an explicit deny, which no grant overrides',
    'User: x is not authorized to perform: iam:ListSAMLProviders with an explicit deny in a service control policy',
    /^remove the explicit deny of iam:ListSAMLProviders .* in the policy that AWS's message names$/,
  ],
])('the remedy of a denied read is about %s', (_title, message, remedy) => {
  expect(decisionOn('AccessDenied', message).remedy).toMatch(remedy);
});

test.each([
  ['aws', /^the endpoint that answers the worker does not know iam:ListSAMLProviders: .* leave SAMLProvider out/],
  ['aws-cn', /^partition aws-cn, or the endpoint .* does not know iam:ListSAMLProviders: leave SAMLProvider out/],
])('the remedy of an unknown operation in partition %s says who does not know it', (partition, remedy) => {
  for (const code of ['InvalidAction', 'NotSupportedService'])
    expect(decisionOn(code, 'no such operation', partition).remedy).toMatch(remedy);
});

test('the remedy of any other refusal is that of invalid input', () => {
  expect(decisionOn('ValidationError').remedy).toBe(FAILURES.InvalidInput.remedy);
});

test('no answer of AWS makes a decision that writes, and every one has a reason of limited length and a remedy', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('AccessDenied', 'InvalidAction', 'ValidationError', 'OptInRequired'),
      fc.string({ maxLength: 2_000 }),
      fc.constantFrom('aws', 'aws-cn', 'aws-us-gov', 'aws-iso'),
      (code, message, partition) => {
        const { action, drift, reason, remedy, unread } = decisionOn(code, message, partition);
        expect([action, drift, unread.code]).toEqual(['refuse', [], code]);
        expect(reason).toMatch(/\(request request-of-ListSAMLProviders\)$/);
        expect(reason?.length).toBeLessThan(600);
        expect(remedy).not.toBe('');
      },
    ),
  );
});
