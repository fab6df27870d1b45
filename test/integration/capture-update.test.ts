import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { apply, loadRequest, plan, saveFiles, updateFromAccount } from '../../src/client/index.js';
import type { UpdateOptions } from '../../src/client/index.js';
import { iam, temporal, useWorld, world } from '../support/use-world.js';
import { ACCOUNT } from '../support/world.js';

jest.setTimeout(300_000);
useWorld();

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'capture-update-'));
});
afterEach(() => rm(folder, { recursive: true }));

const MANIFEST = `# The entities of CI.
version: 1
namespace: ci
environments: { dev: { account: "${ACCOUNT}" } }
variables: { org: acme }
entities:
  # It deploys.
  - kind: Role
    roleName: deploy
    description: "{{org}} deploys"
    maxSessionDuration: 3600 # an hour
    assumeRolePolicyDocument:
      Version: "2012-10-17"
      Statement: { Effect: Allow, Principal: { Service: ec2.amazonaws.com }, Action: sts:AssumeRole }
    managedPolicyArns: ["{{arn Policy/deploy}}"]
    tags: { team: platform } # who is asked
  - { kind: Policy, policyName: deploy, policyDocument: { $file: deploy.json } }
  - { kind: User, userName: ann } # leaves soon
  - kind: Group
    groupName: people
    users: []
`;

const document = (...actions: string[]) =>
  JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: actions, Resource: '*' }] }, null, 2);

async function request() {
  const loaded = await loadRequest(['m.yaml'], { cwd: folder });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.request;
}

async function update(options: UpdateOptions = {}) {
  const result = await updateFromAccount(() => Promise.resolve(temporal), ['m.yaml'], { cwd: folder, ...options });
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result;
}

const read = (file: string): Promise<string> => readFile(join(folder, file), 'utf8');

test('drift that was made by hand is taken over into the manifest, and the next plan has no changes', async () => {
  await writeFile(join(folder, 'm.yaml'), MANIFEST);
  await writeFile(join(folder, 'deploy.json'), document('s3:GetObject'));
  expect((await apply(temporal, await request())).result).toBe('converged');
  expect(await update()).toMatchObject({ files: [], changes: [], patches: [], gone: [], untouched: [] });

  const PolicyArn = `arn:aws:iam::${ACCOUNT}:policy/deploy`;
  await iam.updateRole({ RoleName: 'deploy', Description: 'acme deploys', MaxSessionDuration: 7200 });
  await iam.attachRolePolicy({ RoleName: 'deploy', PolicyArn: 'arn:aws:iam::aws:policy/ReadOnlyAccess' });
  await iam.tagRole({
    RoleName: 'deploy',
    Tags: [
      { Key: 'team', Value: 'security' },
      { Key: 'cost', Value: '42' },
    ],
  });
  await iam.createPolicyVersion({
    PolicyArn,
    PolicyDocument: document('s3:GetObject', 's3:PutObject'),
    SetAsDefault: true,
  });
  await iam.deleteUser({ UserName: 'ann' });
  await iam.createUser({ UserName: 'bob' });
  await iam.addUserToGroup({ GroupName: 'people', UserName: 'bob' });

  const result = await update({ removed: true });
  expect(result).toMatchObject({
    patches: [],
    gone: [{ kind: 'User', name: 'ann', isDeclaredAbsent: true }],
    notDeclared: [{ kind: 'User', name: 'bob' }],
  });
  saveFiles(result.files, folder);
  expect(await read('m.yaml')).toBe(
    MANIFEST.replace('3600', '7200')
      .replace('["{{arn Policy/deploy}}"]', '["{{arn Policy/deploy}}", "arn:aws:iam::aws:policy/ReadOnlyAccess"]')
      .replace('{ team: platform }', '{ team: security, cost: "42" }')
      .replace('userName: ann }', 'userName: ann, state: absent }')
      .replace('users: []', 'users: [bob]'),
  );
  expect(await read('deploy.json')).toBe(
    document('s3:GetObject').replace('"s3:GetObject"', '"s3:GetObject",\n        "s3:PutObject"'),
  );

  const planned = await plan(temporal, await request());
  expect(planned.entities.map(({ decision, drift, unmanaged }) => [decision, drift, unmanaged])).toEqual(
    planned.entities.map(() => ['no-op', [], []]),
  );
  expect((await update({ removed: true })).files).toEqual([]);
});

test('what a template stands for is left, with its place, and nothing is written to AWS', async () => {
  await writeFile(join(folder, 'm.yaml'), MANIFEST);
  await writeFile(join(folder, 'deploy.json'), document('s3:GetObject'));
  await apply(temporal, await request());
  await iam.updateRole({ RoleName: 'deploy', Description: 'other', MaxSessionDuration: 3600 });
  world.proxy.clear();
  expect(await update()).toMatchObject({
    files: [],
    patches: [
      { file: 'm.yaml', line: 10, column: 18, from: 'acme deploys', to: 'other', reason: 'a template stands there' },
    ],
  });
  expect(world.proxy.calls.filter(({ action }) => !/^(Get|List)/.test(action))).toEqual([]);
});
