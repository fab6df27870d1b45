import { findWarnings } from '../../../../src/client/capture/find-warnings.js';
import type { CapturedEntity } from '../../../../src/contract/capture.js';
import type { Json } from '../../../../src/contract/entity.js';

const allowing = (statement: Readonly<Record<string, Json>>): Json => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Resource: '*', ...statement }],
});

function policy(document: Json): CapturedEntity {
  const spec = { policyName: 'p', policyDocument: document };
  return { kind: 'Policy', name: 'p', arn: '', spec, tags: {}, isOurs: false, createdAt: null, missing: [] };
}

test.each([
  ['every action', { Action: ['s3:Get*', '*'] }],
  ['every action of IAM', { Action: 'iam:*' }],
  ['every action but "iam:*"', { NotAction: 'iam:*' }],
  ['every action but "iam:*", "organizations:*"', { NotAction: ['iam:*', 'organizations:*'] }],
])('a policy that allows %s is told as that', (what, statement) => {
  expect(findWarnings([policy(allowing(statement))], [], 0)).toEqual([
    { code: 'administrator', entity: 'Policy/p', message: `allows ${what} (policyDocument)` },
  ]);
});

test('what is denied, and what is allowed of other services, is not told', () => {
  const documents = [allowing({ Effect: 'Deny', NotAction: 'iam:*' }), allowing({ Action: ['s3:*', 'iam:Get*'] })];
  expect(findWarnings(documents.map(policy), [], 0)).toEqual([]);
});
