import { findNamed, parseArn } from '../../../src/client/explain/query.js';

test.each([
  ['arn:aws:iam::111111111111:role/ci/deploy', 'Role/deploy'],
  ['arn:aws-cn:iam::111111111111:policy/deploy', 'Policy/deploy'],
  ['arn:aws:sts::111111111111:assumed-role/deploy/session', 'Role/deploy'],
  ['arn:aws:iam::111111111111:oidc-provider/example.com/path', 'OpenIDConnectProvider/example.com/path'],
])('reads the entity from the ARN %s', (arn, id) => {
  expect(parseArn(arn)).toEqual({ partition: arn.split(':')[1], account: '111111111111', id });
});

test('takes no other query for an ARN, and refuses one that names no entity', () => {
  expect(parseArn('Role/deploy')).toBeUndefined();
  expect(parseArn('arn:aws-us-gov:iam::111111111111:role/deploy')).toMatchObject({ partition: 'aws-us-gov' });
  expect(() => parseArn('arn:aws:s3:::bucket')).toThrow('is not the ARN of an IAM entity');
});

test('finds the only entity with a name, and lists the kinds where several have it', () => {
  const role = { kind: 'Role', name: 'Deploy' };
  expect(findNamed([role, role], 'deploy')).toMatchObject(role);
  expect(() => findNamed([role, { kind: 'Policy', name: 'deploy' }], 'deploy')).toThrow(
    'deploy may be Policy/deploy or Role/Deploy',
  );
  expect(() => findNamed([role], 'other')).toThrow('no run of the window names an entity other');
});
