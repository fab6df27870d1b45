import {
  ACCOUNT,
  TRUST,
  createGroup,
  createInstanceProfile,
  createPolicy,
  createRole,
  createUser,
  iam,
  outcomeOf,
  outcomesOf,
  policyArn,
  sandbox,
  useSandbox,
} from '../../support/iam-sandbox.js';
import { iamClient } from '../../support/sandbox.js';

useSandbox();

test.each([
  ['Role', (name: string, path: object) => createRole(name, path), '409 EntityAlreadyExists: Role with name'],
  ['User', (name: string, path: object) => createUser(name, path), '409 EntityAlreadyExists: User with name'],
  ['Group', (name: string, path: object) => createGroup(name, path), '409 EntityAlreadyExists: Group with name'],
  ['Policy', (name: string, path: object) => createPolicy(name, path), '409 EntityAlreadyExists: A policy called'],
  [
    'InstanceProfile',
    (name: string, path: object) => createInstanceProfile(name, path),
    '409 EntityAlreadyExists: Instance Profile',
  ],
])('the name of a %s is unique in any case and under any path', async (_kind, create, message) => {
  await create('Deploy', {});
  expect(await outcomeOf(create('Deploy', {}))).toContain(message);
  expect(await outcomeOf(create('Deploy', { Path: '/ci/' }))).toContain(message);
  expect(await outcomeOf(create('dEPLOY', {}))).toContain(message);
  expect(await outcomeOf(create('Deploy2', {}))).toBe('accepted');
});

test('a lookup finds an entity by its exact name', async () => {
  await Promise.all([
    createRole('Deploy'),
    createUser('Deploy'),
    createGroup('Deploy'),
    createInstanceProfile('Deploy'),
    createPolicy('Deploy'),
  ]);
  const lookups = (name: string) => [
    iam.getRole({ RoleName: name }),
    iam.getUser({ UserName: name }),
    iam.getGroup({ GroupName: name }),
    iam.getInstanceProfile({ InstanceProfileName: name }),
    iam.getPolicy({ PolicyArn: policyArn(name) }),
  ];
  expect(await outcomesOf(lookups('Deploy'))).toEqual(Array(5).fill('accepted'));
  expect(await outcomesOf(lookups('deploy'))).toEqual(Array(5).fill(expect.stringMatching(/^404 NoSuchEntity/)));
});

test('a rename is refused if the name is taken, and keeps path and tags', async () => {
  await createUser('anna', { Tags: [{ Key: 'team', Value: 'a' }] });
  await createUser('bert');
  await createGroup('one');
  await createGroup('two');
  expect(await outcomeOf(iam.updateUser({ UserName: 'anna', NewUserName: 'BERT' }))).toMatch(
    /^409 EntityAlreadyExists/,
  );
  expect(await outcomeOf(iam.updateGroup({ GroupName: 'one', NewGroupName: 'TWO' }))).toMatch(
    /^409 EntityAlreadyExists/,
  );
  await iam.updateUser({ UserName: 'anna', NewUserName: 'Anna', NewPath: '/people/' });
  const { User } = await iam.getUser({ UserName: 'Anna' });
  expect(User).toMatchObject({ Arn: `arn:aws:iam::${ACCOUNT}:user/people/Anna`, Tags: [{ Key: 'team', Value: 'a' }] });
  await iam.updateGroup({ GroupName: 'one', NewPath: '/teams/' });
  expect((await iam.getGroup({ GroupName: 'one' })).Group?.Path).toBe('/teams/');
});

test('of concurrent creates one succeeds', async () => {
  const clients = Array.from({ length: 20 }, () => iamClient(sandbox.url));
  const results = await Promise.all(
    clients.map((client) => outcomeOf(client.createRole({ RoleName: 'race', AssumeRolePolicyDocument: TRUST }))),
  );
  expect(results.filter((result) => result === 'accepted')).toHaveLength(1);
  expect(results.filter((result) => result.startsWith('409 EntityAlreadyExists'))).toHaveLength(19);
});
