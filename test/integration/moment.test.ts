import type { IAM, Tag } from '@aws-sdk/client-iam';
import type { JsonObject } from '../../src/contract/entity.js';
import { OwnershipTag } from '../../src/engine/ownership.js';
import type { Match } from '../support/fault-proxy.js';
import { allowing, role, trusting } from '../support/manifests-of.js';
import { decisionsOf, outcomesOf, writesIn } from '../support/runs.js';
import { iamClient } from '../support/sandbox.js';
import { ACCOUNT } from '../support/world.js';
import { iam, runs, tagsOfRole, useWorld, world } from '../support/use-world.js';

/** The owner of an entity is read right before each write, whatever the plan has observed. */

useWorld();

const AssumeRolePolicyDocument = JSON.stringify(trusting());
const PolicyArn = `arn:aws:iam::${ACCOUNT}:policy/x`;
const OpenIDConnectProviderArn = `arn:aws:iam::${ACCOUNT}:oidc-provider/x.example.com`;

/** A service of AWS, which can write tags that are reserved for AWS. */
let service: IAM;

beforeAll(() => {
  service = iamClient(world.sandbox.url, undefined, { accessKeyId: 'AKIAAWSSERVICECFN' });
});

/** An external actor that takes over an existing entity with its tags. */
interface Taker {
  readonly tags: Tag[];
  readonly owner: string;
}
const OTHER: Taker = {
  tags: [{ Key: OwnershipTag.Namespace, Value: 'other' }],
  owner: 'iam-bootstrap namespace "other"',
};
const STACK: Taker = {
  tags: [{ Key: 'aws:cloudformation:stack-name', Value: 'base' }],
  owner: 'CloudFormation stack "base"',
};

/** Runs a hook right before a call is carried out. */
function rightBefore(match: Match, happens: () => Promise<unknown>): { readonly fired: number } {
  return world.proxy.on(match, { kind: 'hook', times: 1, before: happens });
}

interface Case {
  readonly before: JsonObject;
  readonly after: JsonObject;
  /** The read of the activity that writes. */
  readonly read: Match;
  readonly take: (tags: Tag[]) => Promise<unknown>;
}

/** An update of each kind that carries tags: the first declaration, then the second. */
const UPDATES: Readonly<Record<string, Case>> = {
  Role: {
    before: role('x'),
    after: role('x', { description: 'declared' }),
    read: { action: 'GetRole' },
    take: (Tags) => service.tagRole({ RoleName: 'x', Tags }),
  },
  Policy: {
    before: { kind: 'Policy', policyName: 'x', policyDocument: allowing('s3:GetObject') },
    after: { kind: 'Policy', policyName: 'x', policyDocument: allowing('s3:PutObject') },
    read: { action: 'GetPolicy' },
    take: (Tags) => service.tagPolicy({ PolicyArn, Tags }),
  },
  User: {
    before: { kind: 'User', userName: 'x' },
    after: { kind: 'User', userName: 'x', inlinePolicies: { own: allowing('s3:GetObject') } },
    read: { action: 'GetUser' },
    take: (Tags) => service.tagUser({ UserName: 'x', Tags }),
  },
  InstanceProfile: {
    before: { kind: 'InstanceProfile', instanceProfileName: 'x' },
    after: { kind: 'InstanceProfile', instanceProfileName: 'x', tags: { team: 'platform' } },
    // The plan reads the entity, too.
    read: { action: 'GetInstanceProfile', nth: 2 },
    take: (Tags) => service.tagInstanceProfile({ InstanceProfileName: 'x', Tags }),
  },
  OpenIDConnectProvider: {
    before: { kind: 'OpenIDConnectProvider', url: 'https://x.example.com' },
    after: { kind: 'OpenIDConnectProvider', url: 'https://x.example.com', clientIdList: ['declared'] },
    read: { action: 'GetOpenIDConnectProvider', nth: 2 },
    take: (Tags) => service.tagOpenIDConnectProvider({ OpenIDConnectProviderArn, Tags }),
  },
};

describe.each(Object.entries(UPDATES))(
  'a %s that another owner takes over between the plan and the update',
  (kind, one) => {
    test.each([
      ['another namespace', OTHER, true],
      ['a CloudFormation stack', STACK, false],
    ])('%s: is refused with the name of the owner, and not written', async (_title, { tags, owner }, ours) => {
      if (ours) await runs.apply([one.before]);
      else {
        // A stack's tags mean nothing beside our own: it takes what shows no owner.
        await runs.apply([one.before]);
        await runs.apply([one.before], { command: 'release' });
      }
      world.proxy.clear();
      const rule = rightBefore(one.read, () => one.take(tags));
      const report = await runs.apply([one.after]);
      expect(rule.fired).toBe(1);
      expect(report.result).toBe('refused');
      const [entity] = report.entities;
      expect(entity).toMatchObject({
        kind,
        outcome: 'refused',
        reason: `owned by ${owner}`,
        remedy: expect.stringContaining(`--adopt foreign:${kind}/`) as string,
        writes: [],
      });
      expect(writesIn(world)).toEqual([]);
    });
  },
);

describe('a role that another owner takes over right before', () => {
  const taken = (match: Match = { action: 'GetRole' }): { readonly fired: number } =>
    rightBefore(match, () => iam.tagRole({ RoleName: 'x', Tags: OTHER.tags }));

  test('its deletion is kept', async () => {
    await runs.apply([role('x')]);
    world.proxy.clear();
    const rule = taken();
    const report = await runs.apply([{ kind: 'Role', roleName: 'x', state: 'absent' }]);
    expect([rule.fired, report.result]).toEqual([1, 'refused']);
    expect(report.entities[0]).toMatchObject({ decision: 'refuse', reason: `owned by ${OTHER.owner}` });
    expect(writesIn(world)).toEqual([]);
  });

  test('its replacement is kept', async () => {
    const profile = { kind: 'InstanceProfile', instanceProfileName: 'i', roles: ['x'] };
    await runs.apply([role('x'), profile]);
    world.proxy.clear();
    const rule = taken({ action: 'GetRole', nth: 2 });
    const report = await runs.apply([role('x', { path: '/new/', replace: true }), profile]);
    expect(rule.fired).toBe(1);
    expect(outcomesOf(report)).toEqual({ 'Role/x': 'refused', 'InstanceProfile/i': 'skipped' });
    expect(writesIn(world)).toEqual([]);
    expect((await iam.getInstanceProfile({ InstanceProfileName: 'i' })).InstanceProfile?.Roles).toHaveLength(1);
  });

  test('its replacement is kept where another tool has added something that would be lost', async () => {
    await runs.apply([role('x')]);
    world.proxy.clear();
    const PolicyDocument = JSON.stringify(allowing('s3:GetObject'));
    const rule = rightBefore({ action: 'GetRole', nth: 2 }, () =>
      iam.putRolePolicy({ RoleName: 'x', PolicyName: 'theirs', PolicyDocument }),
    );
    const report = await runs.apply([role('x', { path: '/new/', replace: true })]);
    expect([rule.fired, report.entities[0]?.outcome]).toEqual([1, 'refused']);
    expect(report.entities[0]?.reason).toMatch(/would lose what is unmanaged: inlinePolicies: theirs$/);
    expect(writesIn(world)).toEqual([]);
  });

  test('its release or destruction is left unchanged', async () => {
    for (const command of ['release', 'destroy'] as const) {
      await world.sandbox.reset();
      await runs.apply([role('x')]);
      world.proxy.clear();
      const rule = taken();
      const report = await runs.apply([role('x')], { command });
      expect([rule.fired, report.result]).toEqual([1, 'converged']);
      expect(report.entities[0]).toMatchObject({
        outcome: 'unchanged',
        reason: `is left as it is: it is owned by ${OTHER.owner}`,
      });
      expect(writesIn(world)).toEqual([]);
      world.proxy.clearRules();
    }
  });

  test('its adoption is refused', async () => {
    await iam.createRole({ RoleName: 'x', AssumeRolePolicyDocument });
    const rule = taken();
    const report = await runs.apply([role('x', { description: 'declared' })]);
    expect([rule.fired, report.entities[0]?.reason]).toEqual([1, `owned by ${OTHER.owner}`]);
    expect(writesIn(world)).toEqual([]);
  });

  test.each([
    ['another namespace', OTHER],
    ['a CloudFormation stack', STACK],
  ])('its creation is refused with the name of the owner after the conflict, %s', async (_title, { tags, owner }) => {
    const rule = rightBefore({ action: 'CreateRole' }, () =>
      service.createRole({ RoleName: 'x', AssumeRolePolicyDocument, Tags: tags }),
    );
    const report = await runs.apply([
      role('x', { description: 'declared', inlinePolicies: { own: allowing('s3:GetObject') } }),
    ]);
    expect([rule.fired, report.result]).toEqual([1, 'refused']);
    expect(report.entities[0]).toMatchObject({
      outcome: 'refused',
      reason: `owned by ${owner}`,
      writes: [],
      conflicts: [{ operation: 'CreateRole', code: 'EntityAlreadyExists', resolvedAs: 'refused' }],
    });
    expect(writesIn(world)).toEqual(['CreateRole']);
  });

  test('its completion after a conflict gets no writes of the adoption', async () => {
    rightBefore({ action: 'CreateRole' }, () => iam.createRole({ RoleName: 'x', AssumeRolePolicyDocument }));
    // The first look decides after the conflict, the second right before the write.
    const rule = taken({ action: 'GetRole', nth: 2 });
    const report = await runs.apply([role('x', { description: 'declared' })]);
    expect([rule.fired, report.entities[0]?.outcome]).toEqual([1, 'refused']);
    expect(report.entities[0]?.reason).toBe(`owned by ${OTHER.owner}`);
    expect(writesIn(world)).toEqual(['CreateRole']);
  });
});

test('an owner is named in the refusal, and loses its entities only to an explicit --adopt foreign', async () => {
  const owners: readonly (readonly [name: string, tags: Readonly<Record<string, string>>, owner: string])[] = [
    ['stack', { 'aws:cloudformation:stack-name': 'base' }, 'CloudFormation stack "base"'],
    ['terraform', { 'managed-by': 'terraform' }, 'Terraform (tag managed-by=terraform)'],
    ['namespace', { [OwnershipTag.Namespace]: 'other' }, 'iam-bootstrap namespace "other"'],
  ];
  for (const [RoleName, tags] of owners) {
    const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
    await service.createRole({ RoleName, AssumeRolePolicyDocument, Tags });
  }
  const owned = owners.map(([name]) => role(name));
  const refused = await runs.apply(owned);
  expect(refused.entities.map(({ reason }) => reason)).toEqual(owners.map(([, , owner]) => `owned by ${owner}`));
  expect(writesIn(world)).toEqual([]);

  const taken = await runs.apply(owned, { adopt: owners.map(([name]) => `foreign:Role/${name}`) });
  expect(taken.entities.map(({ outcome }) => outcome)).toEqual(owners.map(() => 'adopted'));
  for (const [name, tags, owner] of owners) {
    expect(await tagsOfRole(name)).toMatchObject({
      ...tags,
      [OwnershipTag.Namespace]: 'ci',
      [OwnershipTag.Origin]: 'adopted',
      [OwnershipTag.PreviousOwner]: owner.replace(/["(),]/g, ''),
    });
  }
  // The namespace now owns it, whatever tags the old owner has left.
  expect(new Set(Object.values(decisionsOf(await runs.plan(owned))))).toEqual(new Set(['no-op']));
});
