import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CaptureUpdateReport } from '../../src/contract/capture-update.js';
import { captureUpdateSchema } from '../../src/report/capture-update-schema.js';
import { writesIn } from '../support/runs.js';
import { iam, useWorld, world } from '../support/use-world.js';
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

/** Runs `capture --update`, and returns its exit code and what it prints. */
async function update(...options: string[]): Promise<CaptureUpdateReport & { readonly code: number | null }> {
  const command = ['capture', '--update', '-f', join(folder, 'm.yaml'), '--output', 'json'];
  const { code, stdout } = await world.cli([...command, ...options]);
  return { code, ...(captureUpdateSchema.parse(JSON.parse(stdout)) as CaptureUpdateReport) };
}

async function applied(): Promise<void> {
  await writeFile(join(folder, 'm.yaml'), MANIFEST);
  await writeFile(join(folder, 'deploy.json'), document('s3:GetObject'));
  expect(await world.cli(['apply', '-f', join(folder, 'm.yaml')])).toMatchObject({ code: 0 });
  world.proxy.clear();
}

const read = (file: string): Promise<string> => readFile(join(folder, file), 'utf8');

test('drift that was made by hand is taken over into the manifest, and the next plan has no changes', async () => {
  await applied();
  expect(await update('--check')).toMatchObject({ code: 0, result: 'unchanged', files: [], gone: [], untouched: [] });

  const PolicyArn = `arn:aws:iam::${ACCOUNT}:policy/deploy`;
  await iam.updateRole({ RoleName: 'deploy', Description: 'acme deploys', MaxSessionDuration: 7200 });
  await iam.attachRolePolicy({ RoleName: 'deploy', PolicyArn: 'arn:aws:iam::aws:policy/ReadOnlyAccess' });
  const changed = { team: 'security', cost: '42' };
  await iam.tagRole({ RoleName: 'deploy', Tags: Object.entries(changed).map(([Key, Value]) => ({ Key, Value })) });
  const PolicyDocument = document('s3:GetObject', 's3:PutObject');
  await iam.createPolicyVersion({ PolicyArn, PolicyDocument, SetAsDefault: true });
  await iam.deleteUser({ UserName: 'ann' });
  await iam.createUser({ UserName: 'bob' });
  await iam.addUserToGroup({ GroupName: 'people', UserName: 'bob' });

  expect(await update('--removed', '--check')).toMatchObject({ code: 2, result: 'pending' });
  expect(await read('m.yaml')).toBe(MANIFEST);
  expect(await update('--removed')).toMatchObject({
    code: 0,
    result: 'updated',
    files: [join(folder, 'm.yaml'), join(folder, 'deploy.json')],
    patches: [],
    gone: [{ kind: 'User', name: 'ann', isDeclaredAbsent: true }],
    notDeclared: [{ kind: 'User', name: 'bob' }],
  });
  expect(await read('m.yaml')).toBe(
    MANIFEST.replace('3600', '7200')
      .replace('["{{arn Policy/deploy}}"]', '["{{arn Policy/deploy}}", "arn:aws:iam::aws:policy/ReadOnlyAccess"]')
      .replace('{ team: platform }', '{ team: security, cost: "42" }')
      .replace('userName: ann }', 'userName: ann, state: absent }')
      .replace('users: []', 'users: [bob]'),
  );
  const statement = document('s3:GetObject');
  expect(await read('deploy.json')).toBe(
    statement.replace('"s3:GetObject"', '"s3:GetObject",\n        "s3:PutObject"'),
  );
  expect(writesIn(world)).toEqual([]);

  const planned = (await world.cli(['plan', '-f', join(folder, 'm.yaml'), '--output', 'json'])).report();
  expect(planned.entities.map(({ decision, drift, unmanaged }) => [decision, drift, unmanaged])).toEqual(
    planned.entities.map(() => ['no-op', [], []]),
  );
  expect(await update('--removed', '--check')).toMatchObject({ code: 0, result: 'unchanged' });

  const added = (await read('m.yaml')).replace(
    '  - kind: Group\n',
    '  - { kind: User, userName: new }\n  - kind: Group\n',
  );
  await writeFile(join(folder, 'm.yaml'), added);
  expect(await update('--removed')).toMatchObject({
    code: 2,
    result: 'pending',
    files: [],
    gone: [{ kind: 'User', name: 'new', isDeclaredAbsent: false, wasApplied: false }],
  });
  expect(await read('m.yaml')).toBe(added);
});

test('what a template stands for, and what could not be read, is told with its place and the reason', async () => {
  await applied();
  await iam.updateRole({ RoleName: 'deploy', Description: 'other', MaxSessionDuration: 3600 });
  const file = join(folder, 'm.yaml');
  expect(await update()).toMatchObject({ code: 2, result: 'pending', files: [] });
  const told = await world.cli(['capture', '--update', '-f', file, '--check']);
  expect(told).toMatchObject({ code: 2 });
  expect(told.stdout.replaceAll(folder, '')).toBe(`To change by hand:
  ~ /m.yaml:10:18  Role/deploy  entities[0].description = "acme deploys" -> "other"
      a template stands there

No file changes, 1 to make by hand.
`);
  world.proxy.on(
    { action: 'GetAccountAuthorizationDetails' },
    { kind: 'error', status: 403, code: 'AccessDenied', message: 'no' },
  );
  const unread = await update('--removed');
  expect(unread).toMatchObject({ code: 1, files: [], gone: [] });
  const reason = 'it was not read: GetAccountAuthorizationDetails answered AccessDenied: no';
  expect(unread.untouched).toContainEqual({ kind: 'Group', name: 'people', reason, isDifferent: true });
});

test('a part of an account cannot be chosen for an update, and a manifest with problems is not read for one', async () => {
  await writeFile(join(folder, 'm.yaml'), MANIFEST.replace('maxSessionDuration: 3600', 'maxSessionDuration: 1'));
  const refused = await world.cli(['capture', '--update', '-f', join(folder, 'm.yaml'), '--kind', 'Role']);
  expect(refused).toMatchObject({ code: 64 });
  expect(refused.stderr).toContain('--kind');
  await writeFile(join(folder, 'deploy.json'), document('s3:GetObject'));
  const invalid = await world.cli(['capture', '--update', '-f', join(folder, 'm.yaml')]);
  expect(invalid).toMatchObject({ code: 64 });
  expect(invalid.stderr).toContain('m.yaml:11:25: ');
  expect(world.proxy.calls).toEqual([]);
});
