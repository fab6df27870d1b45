import {
  AttachRolePolicyCommand,
  AttachUserPolicyCommand,
  CreateGroupCommand,
  CreateInstanceProfileCommand,
  CreateOpenIDConnectProviderCommand,
  CreatePolicyCommand,
  CreateRoleCommand,
  CreateUserCommand,
  GetOpenIDConnectProviderCommand,
  GetPolicyVersionCommand,
  ListAttachedRolePoliciesCommand,
  ListAttachedUserPoliciesCommand,
  ListPolicyTagsCommand,
  ListRolePoliciesCommand,
  ListRoleTagsCommand,
  ListUserTagsCommand,
  PutRolePolicyCommand,
  TagRoleCommand,
  UntagRoleCommand,
} from '@aws-sdk/client-iam';
import type { IAMClient, Tag } from '@aws-sdk/client-iam';
import type { JsonObject } from '../../src/contract/entity.js';
import type { EntityReport, Report } from '../../src/contract/report.js';
import { allowing, manifestOf, oneOfEach, role, tenEntities, trusting } from '../support/manifests-of.js';
import { iamClient } from '../support/sandbox.js';
import { ACCOUNT, startWorld } from '../support/world.js';
import type { CommandResult, World, WorkerProcess } from '../support/world.js';

jest.setTimeout(300_000);

let world: World;
let worker: WorkerProcess;
/** Another tool, which does not go through the proxy. */
let iam: IAMClient;

beforeAll(async () => {
  world = await startWorld();
  iam = iamClient(world.sandbox.url);
  worker = await world.startWorker();
});

beforeEach(async () => {
  await world.sandbox.reset();
  world.proxy.clear();
});

afterAll(async () => {
  await world.stop();
});

/** Temporal's database is gone, with every run and every lock in it. Whatever is known now, AWS says. */
async function loseState(): Promise<void> {
  await worker.kill();
  await world.crashTemporal();
  await world.resumeTemporal();
  worker = await world.startWorker();
  world.proxy.clear();
}

async function apply(
  namespace: string,
  entities: readonly JsonObject[],
  ...options: string[]
): Promise<CommandResult & { entities: readonly EntityReport[] }> {
  const path = await world.manifest('manifest.json', manifestOf({ namespace, account: ACCOUNT, entities }));
  const result = await world.cli(['apply', '-f', path, '--output', 'json', '--wait-timeout', '2m', ...options]);
  if (result.stdout === '') throw new Error(`exit ${String(result.code)}: ${result.stderr}`);
  return { ...result, entities: result.report().entities };
}

function outcomes({ entities }: Pick<Report, 'entities'>): Record<string, string> {
  return Object.fromEntries(entities.map(({ kind, name, outcome }) => [`${kind}/${name}`, outcome]));
}

function writes(): string[] {
  return world.proxy.writes().map(({ action }) => action);
}

function tagsOf(tags: readonly Tag[] | undefined): Record<string, string> {
  return Object.fromEntries((tags ?? []).map(({ Key = '', Value = '' }) => [Key, Value]));
}

async function roleTags(RoleName: string): Promise<Record<string, string>> {
  return tagsOf((await iam.send(new ListRoleTagsCommand({ RoleName }))).Tags);
}

async function createRole(RoleName: string, more: { Path?: string; Tags?: Tag[] } = {}): Promise<void> {
  const AssumeRolePolicyDocument = JSON.stringify(trusting());
  await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument, ...more }));
}

describe('after Temporal has lost everything', () => {
  test('entities of ours are found unchanged, with no write and a handful of calls', async () => {
    const first = await apply('ci', tenEntities());
    expect(first.code).toBe(0);
    expect(new Set(first.entities.map(({ outcome }) => outcome))).toEqual(new Set(['created']));
    const made = await world.creates();

    await loseState();
    const second = await apply('ci', tenEntities());

    expect(second.code).toBe(0);
    expect(new Set(second.entities.map(({ outcome }) => outcome))).toEqual(new Set(['unchanged']));
    expect(second.entities.flatMap(({ drift }) => drift)).toEqual([]);
    expect(writes()).toEqual([]);
    // The account's details, two listings more, and what these leave out: a profile, a provider, members, tags.
    expect(world.proxy.count()).toBeLessThanOrEqual(12);
    expect(await world.creates()).toEqual(made);
    expect(Object.values(made)).toEqual(Object.values(made).map(() => 1));
  });

  test('what was half made is completed, and nothing is made twice', async () => {
    const deploy = role('deploy', { inlinePolicies: { state: allowing('dynamodb:PutItem') } });
    world.proxy.on({ action: 'PutRolePolicy' }, { kind: 'error', status: 400, code: 'InvalidInput' });
    expect((await apply('ci', [deploy])).code).toBe(1);
    world.proxy.clearRules();

    await loseState();
    const second = await apply('ci', [deploy]);

    expect(second.code).toBe(0);
    expect(outcomes({ entities: second.entities })).toEqual({ 'Role/deploy': 'updated' });
    expect(writes()).toEqual(['PutRolePolicy']);
    expect(await world.creates()).toEqual({ 'CreateRole deploy': 1 });
  });
});

describe('entities that were created by hand', () => {
  test('are adopted, each kind of them, and nothing is created', async () => {
    await createRole('one-role');
    await iam.send(
      new CreatePolicyCommand({ PolicyName: 'one-policy', PolicyDocument: JSON.stringify(allowing('s3:ListBucket')) }),
    );
    await iam.send(new CreateUserCommand({ UserName: 'one-user' }));
    await iam.send(new CreateGroupCommand({ GroupName: 'one-group' }));
    await iam.send(new CreateInstanceProfileCommand({ InstanceProfileName: 'one-profile' }));
    await iam.send(
      new CreateOpenIDConnectProviderCommand({ Url: 'https://one.example.com', ClientIDList: ['sts.amazonaws.com'] }),
    );

    const first = await apply('ci', oneOfEach());
    expect(first.code).toBe(0);
    expect(outcomes({ entities: first.entities })).toEqual({
      'Role/one-role': 'adopted',
      'Policy/one-policy': 'adopted',
      'User/one-user': 'adopted',
      'Group/one-group': 'unchanged',
      'InstanceProfile/one-profile': 'adopted',
      'OpenIDConnectProvider/one.example.com': 'adopted',
    });
    const group = first.entities.find(({ kind }) => kind === 'Group');
    expect(group?.reason).toContain('ownership cannot be proven');
    expect(writes().sort()).toEqual([
      'TagInstanceProfile',
      'TagOpenIDConnectProvider',
      'TagPolicy',
      'TagRole',
      'TagUser',
    ]);

    const marks = { 'iam-bootstrap:namespace': 'ci', 'iam-bootstrap:origin': 'adopted' };
    const arn = (path: string): string => `arn:aws:iam::${ACCOUNT}:${path}`;
    expect(await roleTags('one-role')).toMatchObject(marks);
    expect(tagsOf((await iam.send(new ListUserTagsCommand({ UserName: 'one-user' }))).Tags)).toMatchObject(marks);
    const PolicyArn = arn('policy/one-policy');
    expect(tagsOf((await iam.send(new ListPolicyTagsCommand({ PolicyArn }))).Tags)).toMatchObject(marks);
    const OpenIDConnectProviderArn = arn('oidc-provider/one.example.com');
    const provider = await iam.send(new GetOpenIDConnectProviderCommand({ OpenIDConnectProviderArn }));
    expect(tagsOf(provider.Tags)).toMatchObject(marks);

    world.proxy.clear();
    const second = await apply('ci', oneOfEach());
    expect(new Set(second.entities.map(({ outcome }) => outcome))).toEqual(new Set(['unchanged']));
    expect(writes()).toEqual([]);
  });

  test('are converged, and what is not declared in them is kept and told', async () => {
    const readOnly = 'arn:aws:iam::aws:policy/ReadOnlyAccess';
    const audit = 'arn:aws:iam::aws:policy/SecurityAudit';
    await createRole('deploy', { Tags: [{ Key: 'extra', Value: 'by hand' }] });
    const RoleName = 'deploy';
    const inline = (PolicyName: string, action: string): PutRolePolicyCommand =>
      new PutRolePolicyCommand({ RoleName, PolicyName, PolicyDocument: JSON.stringify(allowing(action)) });
    await iam.send(inline('extra', 'sqs:SendMessage'));
    await iam.send(inline('state', 's3:GetObject'));
    await iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn: audit }));
    await iam.send(new CreateUserCommand({ UserName: 'robot' }));
    await iam.send(new AttachUserPolicyCommand({ UserName: 'robot', PolicyArn: audit }));

    const entities = [
      role('deploy', {
        maxSessionDuration: 7200,
        inlinePolicies: { state: allowing('s3:PutObject') },
        managedPolicyArns: [readOnly],
        tags: { team: 'platform' },
        unmanaged: 'remove',
      }),
      { kind: 'User', userName: 'robot', managedPolicyArns: [readOnly] },
    ];
    const adopted = await apply('ci', entities);

    expect(adopted.code).toBe(0);
    expect(outcomes({ entities: adopted.entities })).toEqual({ 'Role/deploy': 'adopted', 'User/robot': 'adopted' });
    const [deploy, robot] = adopted.entities;
    expect(deploy?.drift.map(({ path }) => path).sort()).toEqual([
      'inlinePolicies.state.Statement[0].Action',
      'managedPolicyArns',
      'maxSessionDuration',
      'tags.team',
    ]);
    expect([...(deploy?.unmanaged ?? [])].sort()).toEqual([
      'inlinePolicies: extra',
      `managedPolicyArns: ${audit}`,
      'tags: extra',
    ]);
    expect(robot?.unmanaged).toEqual([`managedPolicyArns: ${audit}`]);
    expect(writes().filter((action) => /Delete|Detach|Untag|Remove|Create/.test(action))).toEqual([]);

    const attached = async (): Promise<(string | undefined)[]> =>
      ((await iam.send(new ListAttachedRolePoliciesCommand({ RoleName }))).AttachedPolicies ?? []).map(
        ({ PolicyArn }) => PolicyArn,
      );
    const names = async (): Promise<string[] | undefined> =>
      (await iam.send(new ListRolePoliciesCommand({ RoleName }))).PolicyNames;
    expect((await attached()).sort()).toEqual([readOnly, audit].sort());
    expect((await names())?.sort()).toEqual(['extra', 'state']);
    expect(await roleTags('deploy')).toMatchObject({ team: 'platform', extra: 'by hand' });

    // Once it is ours, `unmanaged: remove` is heeded; what says `keep` is kept for ever.
    const removed = await apply('ci', entities);
    expect(outcomes({ entities: removed.entities })).toEqual({ 'Role/deploy': 'updated', 'User/robot': 'unchanged' });
    expect(await attached()).toEqual([readOnly]);
    expect(await names()).toEqual(['state']);
    expect(await roleTags('deploy')).not.toHaveProperty('extra');
    const users = await iam.send(new ListAttachedUserPoliciesCommand({ UserName: 'robot' }));
    expect(users.AttachedPolicies?.map(({ PolicyArn }) => PolicyArn).sort()).toEqual([readOnly, audit].sort());
  });

  test('are adopted with the version of a policy that says what is declared', async () => {
    const made = await iam.send(
      new CreatePolicyCommand({ PolicyName: 'shared', PolicyDocument: JSON.stringify(allowing('s3:GetObject')) }),
    );
    const document = allowing('s3:PutObject');
    const { code, entities } = await apply('ci', [
      { kind: 'Policy', policyName: 'shared', policyDocument: document },
      role('deploy', { managedPolicyArns: ['{{arn Policy/shared}}'] }),
    ]);
    expect(code).toBe(0);
    expect(outcomes({ entities })).toEqual({ 'Policy/shared': 'adopted', 'Role/deploy': 'created' });
    const version = await iam.send(new GetPolicyVersionCommand({ PolicyArn: made.Policy?.Arn, VersionId: 'v2' }));
    expect(JSON.parse(decodeURIComponent(version.PolicyVersion?.Document ?? ''))).toEqual(document);
    expect(version.PolicyVersion?.IsDefaultVersion).toBe(true);
  });
});

describe('entities with another owner', () => {
  const stack = { Key: 'aws:cloudformation:stack-name', Value: 'base' };
  const others: [string, () => Promise<void>, RegExp, string][] = [
    [
      'another namespace',
      async () => {
        await apply('other', [role('deploy')]);
      },
      /owned by iam-bootstrap namespace "other"/,
      'iam-bootstrap namespace other',
    ],
    [
      'a CloudFormation stack',
      async () => {
        const cloudFormation = iamClient(world.sandbox.url, undefined, { accessKeyId: 'AKIAAWSSERVICE1' });
        const AssumeRolePolicyDocument = JSON.stringify(trusting());
        await cloudFormation.send(
          new CreateRoleCommand({ RoleName: 'deploy', AssumeRolePolicyDocument, Tags: [stack] }),
        );
      },
      /owned by CloudFormation stack "base"/,
      'CloudFormation stack base',
    ],
    [
      'a Pulumi stack',
      () => createRole('deploy', { Tags: [{ Key: 'pulumi:stack', Value: 'dev' }] }),
      /owned by Pulumi stack "dev"/,
      'Pulumi stack dev',
    ],
  ];

  test.each(others)('%s: are refused with the override, which works when typed', async (_who, make, reason, record) => {
    await make();
    await loseState();
    const before = await roleTags('deploy');

    const refused = await apply('ci', [role('deploy', { description: 'ours now' }), role('bystander')]);
    expect(refused.code).toBe(3);
    expect(refused.report().result).toBe('refused');
    expect(outcomes({ entities: refused.entities })).toEqual({ 'Role/deploy': 'refused', 'Role/bystander': 'skipped' });
    const [deploy, bystander] = refused.entities;
    expect(deploy?.reason).toMatch(reason);
    expect(bystander?.reason).toContain('Role/deploy is refused');
    expect(writes()).toEqual([]);
    expect(await roleTags('deploy')).toEqual(before);

    const override = /--adopt (\S+)/.exec(deploy?.remedy ?? '')?.[1] ?? '';
    expect(override).toBe('foreign:Role/deploy');
    const taken = await apply(
      'ci',
      [role('deploy', { description: 'ours now' }), role('bystander')],
      '--adopt',
      override,
    );
    expect(taken.code).toBe(0);
    expect(outcomes({ entities: taken.entities })).toEqual({ 'Role/deploy': 'adopted', 'Role/bystander': 'created' });
    expect(await roleTags('deploy')).toMatchObject({
      'iam-bootstrap:namespace': 'ci',
      'iam-bootstrap:origin': 'adopted',
      'iam-bootstrap:previous-owner': record,
    });
    expect(world.proxy.successfulCreates()).toEqual({ 'CreateRole bystander': 1 });

    // From then on it is ours, and nobody has to type anything.
    world.proxy.clear();
    const again = await apply('ci', [role('deploy', { description: 'ours now' }), role('bystander')]);
    expect(again.code).toBe(0);
    expect(new Set(again.entities.map(({ outcome }) => outcome))).toEqual(new Set(['unchanged']));
    expect(writes()).toEqual([]);
  });

  test('lose their old owner for good: the namespace that had them is refused from then on', async () => {
    await apply('other', [role('deploy')]);
    expect((await apply('ci', [role('deploy')], '--adopt', 'foreign:Role/deploy')).code).toBe(0);
    world.proxy.clear();
    const { code, entities } = await apply('other', [role('deploy')]);
    expect(code).toBe(3);
    expect(entities[0]?.reason).toBe('owned by iam-bootstrap namespace "ci"');
    expect(writes()).toEqual([]);
  });

  test('can be let go: without the mark they are anybody’s to adopt', async () => {
    await apply('other', [role('deploy')]);
    await iam.send(
      new UntagRoleCommand({
        RoleName: 'deploy',
        TagKeys: ['iam-bootstrap:namespace', 'iam-bootstrap:origin', 'iam-bootstrap:intent'],
      }),
    );
    const { code, entities } = await apply('ci', [role('deploy')]);
    expect([code, entities[0]?.outcome]).toEqual([0, 'adopted']);
  });

  test('are refused at the moment of writing too, when they change hands after the plan', async () => {
    await createRole('deploy');
    let taken = false;
    const rule = world.proxy.on(
      { action: 'GetRole' },
      {
        kind: 'hook',
        times: 1,
        before: async () => {
          taken = true;
          await iam.send(
            new TagRoleCommand({ RoleName: 'deploy', Tags: [{ Key: 'iam-bootstrap:namespace', Value: 'other' }] }),
          );
        },
      },
    );
    const { code, entities } = await apply('ci', [role('deploy')]);
    rule.remove();
    expect(taken).toBe(true);
    expect(code).toBe(3);
    expect(entities[0]).toMatchObject({ outcome: 'refused', reason: 'owned by iam-bootstrap namespace "other"' });
    expect(writes()).toEqual([]);
    expect(await roleTags('deploy')).toMatchObject({ 'iam-bootstrap:namespace': 'other' });
  });
});
