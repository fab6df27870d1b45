import fc from 'fast-check';
import type { Observed } from '../../../src/engine/comparison.js';
import {
  OwnershipTag,
  isOwnershipTag,
  ownershipTagsForAdoption,
  ownershipTagsForCreate,
  ownershipTagsToRelease,
  ownershipTagChanges,
  otherSharers,
  ownershipOf,
  sharedByTag,
} from '../../../src/engine/ownership.js';
import type { Ownership } from '../../../src/engine/ownership.js';

const NAMESPACE = 'ci-platform';

function observed(tags: Record<string, string>, arn = 'arn:aws:iam::123456789012:role/x'): Observed {
  return { name: 'x', arn, createdAt: null, tags, state: {} };
}

describe('who owns an entity', () => {
  test.each<[string, Record<string, string>, Ownership]>([
    ['no tags: unowned', {}, { is: 'unowned' }],
    ['tags of users: unowned', { team: 'platform', Name: 'x' }, { is: 'unowned' }],
    [
      'our namespace tag: ours, created by the run of the intent tag',
      { [OwnershipTag.Namespace]: NAMESPACE, [OwnershipTag.Origin]: 'created', [OwnershipTag.Intent]: 'run-1' },
      { is: 'ours', origin: 'created', intent: 'run-1' },
    ],
    [
      'our namespace tag on an adopted entity',
      { [OwnershipTag.Namespace]: NAMESPACE, [OwnershipTag.Origin]: 'adopted' },
      { is: 'ours', origin: 'adopted', intent: null },
    ],
    [
      'our tag among the sharers: ours',
      { [sharedByTag(NAMESPACE)]: '', [sharedByTag('other')]: '', [OwnershipTag.Origin]: 'created' },
      { is: 'ours', origin: 'created', intent: null },
    ],
    ['shared by others only: unowned', { [sharedByTag('other')]: '' }, { is: 'unowned' }],
    [
      'the tag of another namespace',
      { [OwnershipTag.Namespace]: 'other', [OwnershipTag.Intent]: 'run-1' },
      { is: 'foreign', owner: 'iam-bootstrap namespace "other"' },
    ],
    [
      'a namespace that differs in case is another',
      { [OwnershipTag.Namespace]: NAMESPACE.toUpperCase() },
      { is: 'foreign', owner: `iam-bootstrap namespace "${NAMESPACE.toUpperCase()}"` },
    ],
    [
      'this namespace, where it took the entity over from a stack whose tags stay',
      {
        'aws:cloudformation:stack-name': 'base',
        [OwnershipTag.Namespace]: NAMESPACE,
        [OwnershipTag.Origin]: 'adopted',
      },
      { is: 'ours', origin: 'adopted', intent: null },
    ],
  ])('%s', (_case, tags, expected) => {
    expect(ownershipOf(observed(tags), NAMESPACE)).toEqual(expected);
  });

  test.each<[Record<string, string>, string]>([
    [{ 'aws:cloudformation:stack-name': 'base', 'aws:cloudformation:logical-id': 'x' }, 'CloudFormation stack "base"'],
    [{ 'aws:cloudformation:stack-id': 'arn:aws:x:1:stack/base/1' }, 'CloudFormation stack "arn:aws:x:1:stack/base/1"'],
    [{ ManagedBy: 'Terraform' }, 'Terraform (tag ManagedBy=Terraform)'],
    [{ 'managed-by': 'terraform' }, 'Terraform (tag managed-by=terraform)'],
    [{ managed_by: 'OpenTofu' }, 'OpenTofu (tag managed_by=OpenTofu)'],
    [{ CreatedBy: 'CDK' }, 'AWS CDK (tag CreatedBy=CDK)'],
    [{ 'provisioned-by': 'pulumi' }, 'Pulumi (tag provisioned-by=pulumi)'],
    [{ terraform: 'true' }, 'Terraform'],
    [{ Terraform: 'yes' }, 'Terraform'],
    [{ 'tf:workspace': 'prod' }, 'Terraform ("prod")'],
    [{ 'terraform-module': 'iam' }, 'Terraform ("iam")'],
    [{ 'pulumi:project': 'infra', 'pulumi:stack': 'dev' }, 'Pulumi stack "dev"'],
    [{ 'pulumi:project': 'infra' }, 'Pulumi project "infra"'],
    [{ 'alchemy::stack': 'app', 'alchemy::stage': 'dev' }, 'alchemy stack "app"'],
    [{ 'services.k8s.aws/namespace': 'team' }, 'ACK controller, Kubernetes namespace "team"'],
    [{ 'crossplane-name': 'role', 'crossplane-providerconfig': 'default' }, 'Crossplane resource "role"'],
  ])('tags %j show another owner: %s', (tags, owner) => {
    expect(ownershipOf(observed(tags), NAMESPACE)).toEqual({ is: 'foreign', owner });
  });

  test.each([
    { terraform: 'no' },
    { 'managed-by': 'the platform team' },
    { team: 'terraform' },
    { 'created-by': 'ann' },
  ])('tags %j show no owner', (tags) => {
    expect(ownershipOf(observed(tags), NAMESPACE)).toEqual({ is: 'unowned' });
  });

  test.each<[string, string, Ownership['is']]>([
    ['a service-linked role', 'arn:aws:iam::123456789012:role/aws-service-role/s.amazonaws.com/x', 'foreign'],
    ['a role of IAM Identity Center', 'arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/x', 'foreign'],
    ['a role with only a name that looks like that', 'arn:aws:iam::123456789012:role/aws-reserved', 'unowned'],
    ['a path that AWS keeps for roles only', 'arn:aws:iam::123456789012:user/aws-reserved/x', 'unowned'],
  ])('%s, by its path', (_case, arn, is) => {
    expect(ownershipOf(observed({}, arn), NAMESPACE).is).toBe(is);
  });
});

describe('ownership tags', () => {
  test('of a Create name the namespace, the origin and the run', () => {
    expect(ownershipTagsForCreate(NAMESPACE, 'run-1', false)).toEqual({
      [OwnershipTag.Namespace]: NAMESPACE,
      [OwnershipTag.Origin]: 'created',
      [OwnershipTag.Intent]: 'run-1',
    });
  });

  test('of a shared Create name a sharer and no owner', () => {
    expect(ownershipTagsForCreate(NAMESPACE, 'run-1', true)).toEqual({
      [sharedByTag(NAMESPACE)]: '',
      [OwnershipTag.Origin]: 'created',
      [OwnershipTag.Intent]: 'run-1',
    });
  });

  test('of an adoption of an unowned entity name no previous owner', () => {
    const marks = ownershipTagsForAdoption(NAMESPACE, 'run-1', false, observed({}), { is: 'unowned' });
    expect(marks).toEqual({
      [OwnershipTag.Namespace]: NAMESPACE,
      [OwnershipTag.Origin]: 'adopted',
      [OwnershipTag.Intent]: 'run-1',
    });
  });

  test('of an adoption from another owner keep its name', () => {
    const foreign = observed({ 'pulumi:stack': 'dev' });
    const marks = ownershipTagsForAdoption(NAMESPACE, 'run-1', false, foreign, ownershipOf(foreign, NAMESPACE));
    expect(marks[OwnershipTag.PreviousOwner]).toBe('Pulumi stack dev');
  });

  test('of a shared adoption add a sharer and keep the origin', () => {
    const made = observed({ [sharedByTag('other')]: '', [OwnershipTag.Origin]: 'created' });
    expect(ownershipTagsForAdoption(NAMESPACE, 'run-1', true, made, { is: 'unowned' })).toEqual({
      [sharedByTag(NAMESPACE)]: '',
    });
    expect(ownershipTagsForAdoption(NAMESPACE, 'run-1', true, observed({}), { is: 'unowned' })).toEqual({
      [sharedByTag(NAMESPACE)]: '',
      [OwnershipTag.Origin]: 'adopted',
    });
  });

  test('that are released are all of ours, and none of other owners', () => {
    const tags = {
      ...ownershipTagsForCreate(NAMESPACE, 'run-1', false),
      [OwnershipTag.PreviousOwner]: 'x',
      team: 'platform',
      'aws:x': 'y',
    };
    expect(ownershipTagsToRelease(NAMESPACE, observed(tags)).sort()).toEqual(
      [OwnershipTag.Namespace, OwnershipTag.Origin, OwnershipTag.Intent, OwnershipTag.PreviousOwner].sort(),
    );
    const shared = {
      [sharedByTag(NAMESPACE)]: '',
      [sharedByTag('other')]: '',
      [OwnershipTag.Origin]: 'created',
      [OwnershipTag.Intent]: 'run',
    };
    expect(ownershipTagsToRelease(NAMESPACE, observed(shared))).toEqual([sharedByTag(NAMESPACE)]);
    const alone = Object.fromEntries(Object.entries(shared).filter(([tag]) => tag !== sharedByTag('other')));
    expect(ownershipTagsToRelease(NAMESPACE, observed(alone)).sort()).toEqual(Object.keys(alone).sort());
  });

  test('follow what is declared: shared or not, and what of it is ours', () => {
    const owned = observed(ownershipTagsForCreate(NAMESPACE, 'run-1', false));
    const shared = observed(ownershipTagsForCreate(NAMESPACE, 'run-1', true, 'claim'));
    expect(ownershipTagChanges(NAMESPACE, false, owned)).toEqual({ put: {}, remove: [] });
    expect(ownershipTagChanges(NAMESPACE, true, shared, 'claim')).toEqual({ put: {}, remove: [] });
    expect(ownershipTagChanges(NAMESPACE, true, owned, 'claim')).toEqual({
      put: { [sharedByTag(NAMESPACE)]: 'claim' },
      remove: [OwnershipTag.Namespace],
    });
    expect(ownershipTagChanges(NAMESPACE, false, shared)).toEqual({
      put: { [OwnershipTag.Namespace]: NAMESPACE },
      remove: [sharedByTag(NAMESPACE)],
    });
    expect(ownershipTagChanges(NAMESPACE, true, shared, 'another')).toEqual({
      put: { [sharedByTag(NAMESPACE)]: 'another' },
      remove: [],
    });
  });

  test('differ from tags of users', () => {
    expect(
      [
        OwnershipTag.Namespace,
        OwnershipTag.Origin,
        OwnershipTag.Intent,
        OwnershipTag.PreviousOwner,
        sharedByTag('n'),
      ].every(isOwnershipTag),
    ).toBe(true);
    expect(['team', 'aws:x', 'iam-bootstrap', 'my-iam-bootstrap:namespace'].some(isOwnershipTag)).toBe(false);
  });

  test('list the other sharers', () => {
    const shared = observed({
      [sharedByTag('a')]: '',
      [sharedByTag(NAMESPACE)]: '',
      [sharedByTag('b:c')]: '',
      team: 'x',
    });
    expect(otherSharers(shared, NAMESPACE).sort()).toEqual(['a', 'b:c']);
    expect(otherSharers(observed({ team: 'x' }), NAMESPACE)).toEqual([]);
  });
});

const namespace = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/);
const FOREIGN_TAGS = ['aws:cloudformation:stack-name', 'pulumi:stack', 'crossplane-name', OwnershipTag.Namespace];

describe('for any two namespaces', () => {
  test('what one created is its own, and foreign to the other', () => {
    fc.assert(
      fc.property(namespace, namespace, (a, b) => {
        fc.pre(a !== b);
        const made = observed(ownershipTagsForCreate(a, 'run', false));
        expect(ownershipOf(made, a).is).toBe('ours');
        expect(ownershipOf(made, b).is).toBe('foreign');
      }),
    );
  });

  test('what both share is owned by both', () => {
    fc.assert(
      fc.property(namespace, namespace, (a, b) => {
        fc.pre(a !== b);
        const made = observed(ownershipTagsForCreate(a, 'run', true));
        const both = observed({
          ...made.tags,
          ...ownershipTagsForAdoption(b, 'run', true, made, ownershipOf(made, b)),
        });
        expect([ownershipOf(both, a).is, ownershipOf(both, b).is]).toEqual(['ours', 'ours']);
        expect(otherSharers(both, a)).toEqual([b]);
      }),
    );
  });

  test('a released entity has no owner, or the other namespace that shares it; corrected tags need no further change', () => {
    fc.assert(
      fc.property(namespace, namespace, fc.boolean(), fc.boolean(), (a, b, shared, joined) => {
        fc.pre(a !== b);
        const made = observed({ team: 'x', ...ownershipTagsForCreate(a, 'run', shared) });
        const joining = shared && joined ? ownershipTagsForAdoption(b, 'run', true, made, ownershipOf(made, b)) : {};
        const before = { ...made.tags, ...joining };
        const given = new Set(ownershipTagsToRelease(a, observed(before)));
        const after = observed(Object.fromEntries(Object.entries(before).filter(([tag]) => !given.has(tag))));
        expect(ownershipOf(after, a).is).toBe('unowned');
        if (shared && joined) expect(ownershipOf(after, b).is).toBe('ours');
        else expect(after.tags).toEqual({ team: 'x' });

        const { put, remove } = ownershipTagChanges(a, !shared, made);
        const corrected = Object.entries({ ...made.tags, ...put }).filter(([tag]) => !remove.includes(tag));
        const now = observed(Object.fromEntries(corrected));
        expect(ownershipOf(now, a).is).toBe('ours');
        expect(ownershipTagChanges(a, !shared, now)).toEqual({ put: {}, remove: [] });
      }),
    );
  });

  test('what is taken over is no longer its old owner’s, and every ownership tag is one that IAM accepts', () => {
    fc.assert(
      fc.property(namespace, fc.constantFrom(...FOREIGN_TAGS), fc.string({ maxLength: 256 }), (taker, tag, owner) => {
        fc.pre(owner !== taker);
        const before = observed({ [tag]: owner });
        const marks = ownershipTagsForAdoption(taker, 'run', false, before, ownershipOf(before, taker));
        for (const [key, value] of Object.entries(marks)) {
          expect(key).toMatch(/^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$/u);
          expect(value).toMatch(/^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$/u);
        }
        if (tag === OwnershipTag.Namespace) {
          expect(ownershipOf(observed({ ...before.tags, ...marks }), owner).is).toBe('foreign');
          expect(ownershipOf(observed({ ...before.tags, ...marks }), taker).is).toBe('ours');
        }
      }),
    );
  });
});
