import type { Json, JsonObject } from '../../src/contract/entity.js';
import { isOwnershipTag, OwnershipTag } from '../../src/engine/ownership.js';
import { dumpAccount, fillAccount, withoutTags } from '../support/account.js';
import type { AccountDump } from '../support/account.js';
import { allowing } from '../support/manifests-of.js';
import { decisionsOf, outcomesOf, refusedWritesIn, writesIn } from '../support/runs.js';
import { ACCOUNT } from '../support/world.js';
import { runs, useWorld, world } from '../support/use-world.js';

/**
 * An account that other tools have filled. A manifest declares a third of it, with drift in every other entity. All that
 * it does not declare, inside the declared entities too, must stay the same byte for byte.
 */

useWorld({ reset: false });

const AUDIT = 'arn:aws:iam::aws:policy/SecurityAudit';
const DECLARED = allowing('sqs:SendMessage');

let before: AccountDump;

beforeAll(async () => {
  await fillAccount(world);
  before = await dumpAccount(world);
});

/** One entity of a dump, to be changed as the manifest declares. */
type Shown = Record<string, Json>;

/** One declared entity, and how the manifest changes its dump. */
interface Declaration {
  readonly id: string;
  readonly entity: JsonObject;
  readonly change?: (shown: Shown) => void;
}

function copyOf(id: string): Shown {
  return structuredClone(before[id] ?? null) as Shown;
}

function object(value: Json | undefined): Shown {
  return value as Shown;
}

function list(value: Json | undefined): Json[] {
  return value as Json[];
}

function parsed(document: Json | undefined): JsonObject {
  return JSON.parse(decodeURIComponent(document as string)) as JsonObject;
}

/** Encodes a document as AWS returns it. */
function encoded(document: JsonObject): string {
  return encodeURIComponent(JSON.stringify(document)).replace(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function attach(shown: Shown): void {
  list(shown['attached']).push({ PolicyName: 'SecurityAudit', PolicyArn: AUDIT });
}

function putInline(shown: Shown): void {
  object(shown['inline'])['declared'] = encoded(DECLARED);
}

function everyThird(count: number): number[] {
  return Array.from({ length: count }, (_, number) => number).filter((number) => number % 3 === 0);
}

function roles(): Declaration[] {
  return everyThird(100).map((number) => {
    const id = `Role/role-${String(number)}`;
    const document = parsed(object(copyOf(id)['Role'])['AssumeRolePolicyDocument']);
    const entity = { kind: 'Role', roleName: `role-${String(number)}`, assumeRolePolicyDocument: document };
    if (number % 2 === 0) {
      return {
        id,
        entity: { ...entity, description: 'declared' },
        change: (shown) => {
          for (const part of ['listed', 'Role']) object(shown[part])['Description'] = 'declared';
          if (number % 6 === 0 && number <= 27) list(shown['profiles']).push(`profile-${String(number)}`);
        },
      };
    }
    return {
      id,
      entity: { ...entity, managedPolicyArns: [AUDIT], inlinePolicies: { declared: DECLARED } },
      change: (shown) => {
        attach(shown);
        putInline(shown);
      },
    };
  });
}

function policies(): Declaration[] {
  return everyThird(70).map((number) => {
    const id = `Policy/policy-${String(number)}`;
    const versions = list(copyOf(id)['versions']).map((version) => object(object(version)['PolicyVersion']));
    const current = versions.find((version) => version['IsDefaultVersion'] === true);
    const entity = { kind: 'Policy', policyName: `policy-${String(number)}` };
    if (number % 2 === 0) return { id, entity: { ...entity, policyDocument: parsed(current?.['Document']) } };
    return {
      id,
      entity: { ...entity, policyDocument: DECLARED },
      change: (shown) => {
        const next = `v${String(versions.length + 1)}`;
        for (const part of ['listed', 'Policy']) object(shown[part])['DefaultVersionId'] = next;
        for (const version of list(shown['versions']))
          object(object(version)['PolicyVersion'])['IsDefaultVersion'] = false;
        const added = { Document: encoded(DECLARED), VersionId: next, IsDefaultVersion: true };
        list(shown['versions']).unshift({ PolicyVersion: added });
      },
    };
  });
}

function users(): Declaration[] {
  return everyThird(70).map((number) => {
    const id = `User/user-${String(number)}`;
    const entity = { kind: 'User', userName: `user-${String(number)}` };
    if (number % 2 !== 0) {
      return {
        id,
        entity: { ...entity, tags: { declared: 'yes' } },
        change: (shown) => {
          const user = object(shown['User']);
          user['Tags'] = [...list(user['Tags'] ?? []), { Key: 'declared', Value: 'yes' }];
          list(shown['tags']).push({ Key: 'declared', Value: 'yes' });
        },
      };
    }
    return {
      id,
      entity: { ...entity, inlinePolicies: { declared: DECLARED }, managedPolicyArns: [AUDIT] },
      change: (shown) => {
        attach(shown);
        putInline(shown);
        if (number === 0) list(shown['groups']).push('group-27');
      },
    };
  });
}

function groups(): Declaration[] {
  return everyThird(30).map((number) => {
    const id = `Group/group-${String(number)}`;
    const entity = { kind: 'Group', groupName: `group-${String(number)}` };
    if (number % 2 === 0) return { id, entity };
    const joins = number === 27;
    return {
      id,
      entity: {
        ...entity,
        inlinePolicies: { declared: DECLARED },
        managedPolicyArns: [AUDIT],
        ...(joins ? { users: ['user-0'] } : {}),
      },
      change: (shown) => {
        attach(shown);
        putInline(shown);
        if (joins) list(shown['Users']).push(object(copyOf('User/user-0')['listed']));
      },
    };
  });
}

function profiles(): Declaration[] {
  return everyThird(30).map((number) => {
    const id = `InstanceProfile/profile-${String(number)}`;
    const entity = { kind: 'InstanceProfile', instanceProfileName: `profile-${String(number)}` };
    if (number % 2 !== 0) return { id, entity };
    return {
      id,
      entity: { ...entity, roles: [`role-${String(number)}`] },
      change: (shown) => {
        const brief = object(copyOf(`Role/role-${String(number)}`)['listed']);
        delete brief['Description'];
        delete brief['MaxSessionDuration'];
        for (const part of ['listed', 'InstanceProfile']) list(object(shown[part])['Roles']).push(brief);
      },
    };
  });
}

function providers(): Declaration[] {
  return everyThird(15).map((number) => {
    const id = `OpenIDConnectProvider/arn:aws:iam::${ACCOUNT}:oidc-provider/issuer-${String(number)}.example.com/pool`;
    const url = `https://issuer-${String(number)}.example.com/pool`;
    const entity = { kind: 'OpenIDConnectProvider', url };
    if (number % 2 !== 0) return { id, entity };
    return {
      id,
      entity: { ...entity, clientIdList: ['declared'] },
      change: (shown) => list(shown['ClientIDList']).push('declared'),
    };
  });
}

function others(): Declaration[] {
  return [
    {
      id: 'Role/AWSServiceRoleForAutoScaling',
      entity: { kind: 'ServiceLinkedRole', awsServiceName: 'autoscaling.amazonaws.com', description: 'declared' },
      change: (shown) => {
        for (const part of ['listed', 'Role']) object(shown[part])['Description'] = 'declared';
      },
    },
    ...[0, 3].map((number) => {
      const id = `SAMLProvider/saml-${String(number)}`;
      const samlMetadataDocument = copyOf(id)['SAMLMetadataDocument'] ?? '';
      return { id, entity: { kind: 'SAMLProvider', name: `saml-${String(number)}`, samlMetadataDocument } };
    }),
    { id: 'AccountAlias/account', entity: { kind: 'AccountAlias', accountAliases: ['other-hands'] } },
    {
      id: 'AccountPasswordPolicy/account',
      entity: { kind: 'AccountPasswordPolicy', minimumPasswordLength: 20 },
      change: (shown) => {
        object(shown['PasswordPolicy'])['MinimumPasswordLength'] = 20;
      },
    },
  ];
}

/** Removes the dates of what the manifest changes and the counts of the account, which follow from a declared change. */
function withoutConsequences(dump: AccountDump, changed: ReadonlySet<string>): AccountDump {
  const known = structuredClone(dump) as Record<string, Json>;
  delete known['AccountSummary/account'];
  for (const id of changed) {
    const shown = object(known[id]);
    if (!id.startsWith('Policy/')) continue;
    for (const part of ['listed', 'Policy']) delete object(shown[part])['UpdateDate'];
    const [newest] = list(shown['versions']);
    delete object(object(newest)['PolicyVersion'])['CreateDate'];
  }
  return known;
}

/** Sorts all lists and keys, because their order means nothing. */
function ordered(value: Json): Json {
  if (Array.isArray(value))
    return value.map((one: Json) => ordered(one)).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, part]) => [key, ordered(part)]),
  );
}

test('an apply changes what the manifest declares, and nothing else', async () => {
  expect(Object.keys(before).length).toBeGreaterThan(300);
  const declared = [...roles(), ...policies(), ...users(), ...groups(), ...profiles(), ...providers(), ...others()];
  expect(declared.length).toBeGreaterThan(100);
  const entities = declared.map(({ entity }) => entity);
  const drifting = declared.filter(({ change }) => change !== undefined);

  const planned = await runs.plan(entities);
  expect(planned.result).toBe('pending');
  expect(writesIn(world)).toEqual([]);
  expect(await dumpAccount(world)).toEqual(before);

  const report = await runs.apply(entities);
  expect([report.result, report.reason]).toEqual(['converged', null]);
  expect(report.summary).toMatchObject({ adopted: 100, updated: 6, unchanged: 6 });
  expect(refusedWritesIn(world)).toEqual([]);

  const after = await dumpAccount(world);
  const untagged = withoutTags(after, isOwnershipTag);
  const ids = new Set(declared.map(({ id }) => id));
  expect(Object.keys(after)).toEqual(Object.keys(before));

  // Entities that are not declared are the same byte for byte.
  const rest = Object.keys(before).filter((id) => !ids.has(id) && id !== 'AccountSummary/account');
  expect(rest.length).toBeGreaterThan(200);
  for (const id of rest) expect([id, JSON.stringify(after[id])]).toEqual([id, JSON.stringify(before[id])]);

  // Declared entities differ only in what the manifest declares, and in the ownership tags.
  const expected = { ...(structuredClone(before) as Record<string, Json>) };
  for (const { id, change } of drifting) change?.(object(expected[id]));
  const changed = new Set(drifting.map(({ id }) => id));
  const [is, should] = [untagged, withoutTags(expected, isOwnershipTag)].map((dump) =>
    withoutConsequences(dump, changed),
  );
  for (const id of ids) expect([id, ordered(is?.[id] ?? null)]).toEqual([id, ordered(should?.[id] ?? null)]);
  const same = [...ids].filter((id) => !changed.has(id));
  expect(same.length).toBeGreaterThan(20);
  for (const id of same)
    expect([id, JSON.stringify(untagged[id])]).toEqual([id, JSON.stringify(withoutTags(before, isOwnershipTag)[id])]);

  // Ownership tags are on what can carry them, and on nothing else.
  const tagged = Object.keys(after).filter((id) => JSON.stringify(after[id]).includes(OwnershipTag.Namespace));
  expect(tagged.sort()).toEqual([...ids].filter((id) => !/^(Group|Account\w+)\//.test(id)).sort());

  // Applied again, nothing is written.
  world.proxy.clear();
  const again = await runs.apply(entities);
  expect(new Set(Object.values(decisionsOf(again)))).toEqual(new Set(['no-op']));
  expect(writesIn(world)).toEqual([]);
  expect(await dumpAccount(world)).toEqual(after);
});

test('an entity that is adopted and then released is the same byte for byte', async () => {
  const sorts = [policies(), users(), profiles(), providers()].map((all) =>
    all.filter(({ change }) => change === undefined),
  );
  const declared = sorts.flat();
  const released = await runs.apply(
    declared.map(({ entity }) => entity),
    { command: 'release' },
  );
  expect(new Set(Object.values(outcomesOf(released)))).toEqual(new Set(['released']));
  const after = await dumpAccount(world);
  for (const { id } of declared) expect([id, JSON.stringify(after[id])]).toEqual([id, JSON.stringify(before[id])]);
});
