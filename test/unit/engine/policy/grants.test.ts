import type { Json } from '../../../../src/contract/entity.js';
import { commonGrants, compareGrants } from '../../../../src/engine/policy/index.js';

const AWS = { partition: 'aws' };
const GITHUB = 'arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com';
const SUBJECT = 'token.actions.githubusercontent.com:sub';

function documentOf(...Statement: readonly Json[]): Json {
  return { Version: '2012-10-17', Statement };
}

function allow(Action: Json, more: Record<string, Json> = {}): Json {
  return { Effect: 'Allow', Action, Resource: '*', ...more };
}

function deny(Action: Json): Json {
  return { Effect: 'Deny', Action, Resource: '*' };
}

/** A trust policy for workflows of GitHub repositories. */
function trusting(subjects: Json, more: Record<string, Json> = {}): Json {
  return documentOf({
    Effect: 'Allow',
    Principal: { Federated: GITHUB },
    Action: 'sts:AssumeRoleWithWebIdentity',
    Condition: { StringLike: { [SUBJECT]: subjects }, ...more },
  });
}

describe('compareGrants', () => {
  test.each<[string, Json, Json]>([
    ['no document', documentOf(allow('s3:*')), null],
    ['fewer statements', documentOf(allow('s3:*'), allow('ec2:*')), documentOf(allow('s3:*'))],
    ['fewer actions', documentOf(allow(['s3:GetObject', 's3:PutObject'])), documentOf(allow('s3:getobject'))],
    ['an action that a pattern matches', documentOf(allow('s3:*')), documentOf(allow('s3:Get*'))],
    ['another denial', documentOf(allow('s3:*')), documentOf(allow('s3:*'), deny('s3:PutObject'))],
    ['fewer resources', documentOf(allow('s3:*')), documentOf(allow('s3:*', { Resource: 'arn:aws:s3:::a' }))],
    ['a condition', documentOf(allow('s3:*')), documentOf(allow('s3:*', { Condition: { Bool: { x: 'true' } } }))],
    ['fewer values of a condition', trusting(['repo:a', 'repo:b']), trusting('repo:a')],
    ['one more condition', trusting('repo:a'), trusting('repo:a', { StringEquals: { aud: 'x' } })],
    [
      'more that is left out',
      documentOf({ Effect: 'Allow', NotAction: ['iam:*'], Resource: '*' }),
      documentOf({ Effect: 'Allow', NotAction: ['iam:*', 's3:*'], Resource: '*' }),
    ],
  ])('%s is narrower, and the reverse wider', (_case, before, after) => {
    expect(compareGrants(before, after, AWS)).toBe('narrower');
    expect(compareGrants(after, before, AWS)).toBe('wider');
  });

  test.each<[string, Json, Json]>([
    ['other actions', documentOf(allow('s3:GetObject')), documentOf(allow('s3:PutObject'))],
    ['a pattern that a question mark does not match', documentOf(allow('s3:Get?')), documentOf(allow('s3:Get*x'))],
    ['a denial that comes with a grant', documentOf(allow('s3:*')), documentOf(allow('*'), deny('iam:*'))],
    [
      'other values of a negated condition',
      documentOf(allow('*', { Condition: { StringNotEquals: { x: ['a', 'b'] } } })),
      documentOf(allow('*', { Condition: { StringNotEquals: { x: ['a'] } } })),
    ],
    [
      'variables of another version',
      documentOf(allow('s3:*', { Resource: 'arn:aws:s3:::${aws:username}' })),
      { Version: '2008-10-17', Statement: [allow('s3:*', { Resource: 'arn:aws:s3:::${aws:username}' })] },
    ],
    ['what is no statement', documentOf('x'), documentOf('x', 'y')],
  ])('%s are mixed', (_case, before, after) => {
    expect(compareGrants(before, after, AWS)).toBe('mixed');
  });
});

describe('commonGrants', () => {
  test.each<[string, Json, Json, Json]>([
    ['nothing', documentOf(allow('s3:GetObject')), documentOf(allow('s3:PutObject')), null],
    [
      'the narrower of two patterns',
      documentOf(allow(['s3:*', 'ec2:RunInstances'])),
      documentOf(allow(['s3:Get*', 'sqs:*'])),
      documentOf(allow(['s3:get*'], { Resource: ['*'] })),
    ],
    [
      'the values that both conditions have',
      trusting(['repo:a', 'repo:b']),
      trusting(['repo:b', 'repo:c']),
      documentOf({
        Effect: 'Allow',
        Principal: { Federated: [GITHUB] },
        Action: ['sts:assumerolewithwebidentity'],
        Condition: { StringLike: { [SUBJECT]: ['repo:b'] } },
      }),
    ],
    [
      'the denials of both',
      documentOf(allow('s3:*'), deny('iam:*')),
      documentOf(allow('ec2:*'), deny('sqs:*')),
      documentOf(...['iam:*', 'sqs:*'].map((action) => ({ Effect: 'Deny', Action: [action], Resource: ['*'] }))),
    ],
  ])('is %s', (_case, before, after, expected) => {
    expect(commonGrants(before, after, AWS)).toEqual(expected);
    expect(compareGrants(before, commonGrants(before, after, AWS), AWS)).toBe('narrower');
    expect(compareGrants(after, commonGrants(before, after, AWS), AWS)).toBe('narrower');
  });
});
