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
  ownerOf,
  ownershipOf,
  sharedByTag,
  SharingTag,
} from '../../../src/engine/ownership.js';
import type { Claimant, Ownership, TagChanges } from '../../../src/engine/ownership.js';

const NAMESPACE = 'ci-platform';

/** A declaration of a kind that has one owner, and of one that namespaces can share. */
function claimant(more: Partial<Claimant> = {}): Claimant {
  return { namespace: NAMESPACE, intent: 'run-1', shared: false, claim: undefined, ...more };
}
function sharing(namespace: string, shared: boolean, claim = ''): Claimant {
  return claimant({ namespace, shared, claim: { [sharedByTag(namespace)]: claim } });
}

function withChanges(tags: Readonly<Record<string, string>>, { put, remove }: TagChanges): Record<string, string> {
  const kept = Object.entries(tags).filter(([tag]) => !remove.includes(tag));
  return { ...Object.fromEntries(kept), ...put };
}

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
      'our tag among the sharers: ours, created by the namespace that the tag names',
      { [sharedByTag(NAMESPACE)]: '', [sharedByTag('other')]: '', [SharingTag.CreatedBy]: NAMESPACE },
      { is: 'ours', origin: 'created', intent: null },
    ],
    [
      'our tag among the sharers of what another namespace created: adopted by us',
      {
        [sharedByTag(NAMESPACE)]: '',
        [sharedByTag('other')]: '',
        [OwnershipTag.Origin]: 'created',
        [SharingTag.CreatedBy]: 'other',
      },
      { is: 'ours', origin: 'adopted', intent: null },
    ],
    [
      'our tag beside the one of an owner, who created it: adopted by us',
      { [sharedByTag(NAMESPACE)]: '', [OwnershipTag.Namespace]: 'other', [OwnershipTag.Origin]: 'created' },
      { is: 'ours', origin: 'adopted', intent: null },
    ],
    ['only others share it: nobody owns it', { [sharedByTag('other')]: '' }, { is: 'unowned' }],
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

describe('who owns and shares an entity, in words', () => {
  test.each<[string, Record<string, string>, string | null]>([
    ['nobody', { team: 'x' }, null],
    ['an owner', { [OwnershipTag.Namespace]: 'a' }, 'iam-bootstrap namespace "a"'],
    [
      'an owner with a tag of its part',
      { [OwnershipTag.Namespace]: 'a', [sharedByTag('a')]: '-' },
      'iam-bootstrap namespace "a"',
    ],
    [
      'an owner and a sharer',
      { [OwnershipTag.Namespace]: 'a', [sharedByTag('a')]: '-', [sharedByTag('b')]: '-' },
      'iam-bootstrap namespace "a", shared by iam-bootstrap namespace "b"',
    ],
    [
      'sharers',
      { [sharedByTag('a')]: '-', [sharedByTag('b')]: '-' },
      'shared by iam-bootstrap namespace "a", iam-bootstrap namespace "b"',
    ],
    [
      'a stack and a sharer',
      { 'pulumi:stack': 'dev', [sharedByTag('b')]: '-' },
      'Pulumi stack "dev", shared by iam-bootstrap namespace "b"',
    ],
  ])('%s', (_case, tags, expected) => {
    expect(ownerOf(observed(tags))).toBe(expected);
  });
});

describe('ownership tags', () => {
  test('of a Create name the namespace, the origin and the run', () => {
    expect(ownershipTagsForCreate(claimant())).toEqual({
      [OwnershipTag.Namespace]: NAMESPACE,
      [OwnershipTag.Origin]: 'created',
      [OwnershipTag.Intent]: 'run-1',
    });
  });

  test('of a Create and of an adoption name the installation, where it is known', () => {
    const installed = { ...claimant(), installation: 'server-1' };
    expect(ownershipTagsForCreate(installed)).toMatchObject({ [OwnershipTag.Installation]: 'server-1' });
    const { put } = ownershipTagsForAdoption(installed, observed({}), { is: 'unowned' });
    expect(put).toMatchObject({ [OwnershipTag.Installation]: 'server-1' });
    const tags = { ...put, [OwnershipTag.Installation]: 'server-2' };
    expect(ownershipTagChanges(installed, observed(tags))).toEqual({ put: {}, remove: [] });
  });

  test.each([
    ['an owner too', false, { [OwnershipTag.Namespace]: NAMESPACE }],
    ['no owner', true, {}],
  ])('of a Create of a kind that can be shared name the part and the creator, and %s', (_case, shared, owner) => {
    expect(ownershipTagsForCreate(sharing(NAMESPACE, shared, 'part'))).toEqual({
      ...owner,
      [sharedByTag(NAMESPACE)]: 'part',
      [SharingTag.CreatedBy]: NAMESPACE,
      [OwnershipTag.Origin]: 'created',
      [OwnershipTag.Intent]: 'run-1',
    });
  });

  test('of an adoption of what nobody owned tell no previous owner', () => {
    expect(ownershipTagsForAdoption(claimant(), observed({}), { is: 'unowned' })).toEqual({
      put: {
        [OwnershipTag.Namespace]: NAMESPACE,
        [OwnershipTag.Origin]: 'adopted',
        [OwnershipTag.Intent]: 'run-1',
      },
      remove: [],
    });
  });

  test('of an adoption from another owner keep its name', () => {
    const foreign = observed({ 'pulumi:stack': 'dev' });
    const { put } = ownershipTagsForAdoption(claimant(), foreign, ownershipOf(foreign, NAMESPACE));
    expect(put[OwnershipTag.PreviousOwner]).toBe('Pulumi stack dev');
  });

  test('of a shared adoption add a sharer, and leave the owner, the origin and the creator', () => {
    const made = observed({ [OwnershipTag.Namespace]: 'other', [OwnershipTag.Origin]: 'created' });
    const joining = sharing(NAMESPACE, true, 'part');
    expect(ownershipTagsForAdoption(joining, made, ownershipOf(made, NAMESPACE))).toEqual({
      put: { [sharedByTag(NAMESPACE)]: 'part' },
      remove: [],
    });
    expect(ownershipTagsForAdoption(joining, observed({}), { is: 'unowned' })).toEqual({
      put: { [sharedByTag(NAMESPACE)]: 'part', [OwnershipTag.Origin]: 'adopted' },
      remove: [],
    });
  });

  test('of an adoption from the owner of a shared entity replace the owner, and leave the other sharers', () => {
    const tags = { ...ownershipTagsForCreate(sharing('old', false)), [sharedByTag('other')]: '' };
    const taken = ownershipTagsForAdoption(sharing(NAMESPACE, false), observed(tags), { is: 'foreign', owner: 'old' });
    expect(taken.remove).toEqual([sharedByTag('old'), SharingTag.CreatedBy]);
    expect(withChanges(tags, taken)).toEqual({
      [OwnershipTag.Namespace]: NAMESPACE,
      [OwnershipTag.Origin]: 'adopted',
      [OwnershipTag.Intent]: 'run-1',
      [OwnershipTag.PreviousOwner]: 'old',
      [sharedByTag(NAMESPACE)]: '',
      [sharedByTag('other')]: '',
    });
  });

  test('that are released are all of ours, and none of other owners', () => {
    const tags = {
      ...ownershipTagsForCreate(claimant()),
      [OwnershipTag.PreviousOwner]: 'x',
      team: 'platform',
      'aws:x': 'y',
    };
    expect(ownershipTagsToRelease(NAMESPACE, observed(tags)).sort()).toEqual(
      [OwnershipTag.Namespace, OwnershipTag.Origin, OwnershipTag.Intent, OwnershipTag.PreviousOwner].sort(),
    );
  });

  test('that are released while others are there are those of the namespace only, owner or not', () => {
    const owned = { ...ownershipTagsForCreate(sharing('owner', false)), [sharedByTag('other')]: '' };
    expect(ownershipTagsToRelease('owner', observed(owned))).toEqual([OwnershipTag.Namespace, sharedByTag('owner')]);
    expect(ownershipTagsToRelease('other', observed(owned))).toEqual([sharedByTag('other')]);
    const alone = ownershipTagsForCreate(sharing('owner', false));
    expect(ownershipTagsToRelease('owner', observed(alone)).sort()).toEqual(Object.keys(alone).sort());
  });

  test('follow what is declared: shared or not, and what of it is ours', () => {
    const owned = observed(ownershipTagsForCreate(sharing(NAMESPACE, false, 'part')));
    const shared = observed(ownershipTagsForCreate(sharing(NAMESPACE, true, 'part')));
    const none = { put: {}, remove: [] };
    expect(ownershipTagChanges(sharing(NAMESPACE, false, 'part'), owned)).toEqual(none);
    expect(ownershipTagChanges(sharing(NAMESPACE, true, 'part'), shared)).toEqual(none);
    expect(ownershipTagChanges(sharing(NAMESPACE, true, 'part'), owned)).toEqual({
      put: {},
      remove: [OwnershipTag.Namespace],
    });
    expect(ownershipTagChanges(sharing(NAMESPACE, false, 'part'), shared)).toEqual({
      put: { [OwnershipTag.Namespace]: NAMESPACE },
      remove: [],
    });
    expect(ownershipTagChanges(sharing(NAMESPACE, true, 'another'), shared)).toEqual({
      put: { [sharedByTag(NAMESPACE)]: 'another' },
      remove: [],
    });
  });

  test('of another owner are never removed by a sharer', () => {
    const both = observed({ ...ownershipTagsForCreate(sharing('owner', false)), [sharedByTag(NAMESPACE)]: '' });
    expect(ownershipTagChanges(sharing(NAMESPACE, true), both)).toEqual({ put: {}, remove: [] });
  });

  test('are told from tags of people', () => {
    expect(
      [
        OwnershipTag.Namespace,
        OwnershipTag.Origin,
        OwnershipTag.Intent,
        OwnershipTag.PreviousOwner,
        SharingTag.CreatedBy,
        SharingTag.SharedBefore,
        sharedByTag('n'),
      ].every(isOwnershipTag),
    ).toBe(true);
    expect(['team', 'aws:x', 'iam-bootstrap', 'my-iam-bootstrap:namespace'].some(isOwnershipTag)).toBe(false);
  });

  test('list the other namespaces that share the entity, and the one that owns it', () => {
    const shared = observed({
      [OwnershipTag.Namespace]: 'owner',
      [sharedByTag('a')]: '',
      [sharedByTag(NAMESPACE)]: '',
      [sharedByTag('b:c')]: '',
      team: 'x',
    });
    expect(otherSharers(shared, NAMESPACE).sort()).toEqual(['a', 'b:c', 'owner']);
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
        const made = observed(ownershipTagsForCreate(claimant({ namespace: a })));
        expect(ownershipOf(made, a).is).toBe('ours');
        expect(ownershipOf(made, b).is).toBe('foreign');
      }),
    );
  });

  test('what both share is both of theirs, whether one of them owns it or not', () => {
    fc.assert(
      fc.property(namespace, namespace, fc.boolean(), (a, b, isShared) => {
        fc.pre(a !== b);
        const made = ownershipTagsForCreate(sharing(a, isShared));
        const joined = ownershipTagsForAdoption(sharing(b, true), observed(made), ownershipOf(observed(made), b));
        const both = observed(withChanges(made, joined));
        expect([ownershipOf(both, a).is, ownershipOf(both, b).is]).toEqual(['ours', 'ours']);
        expect([otherSharers(both, a), otherSharers(both, b)]).toEqual([[b], [a]]);
        const left = observed(withChanges(both.tags, { put: {}, remove: ownershipTagsToRelease(b, both) }));
        expect(left.tags).toEqual(made);
      }),
    );
  });

  test('corrected tags need no further change', () => {
    fc.assert(
      fc.property(namespace, fc.boolean(), (a, shared) => {
        const made = ownershipTagsForCreate(sharing(a, shared));
        const now = observed(withChanges(made, ownershipTagChanges(sharing(a, !shared), observed(made))));
        expect(ownershipOf(now, a)).toMatchObject({ is: 'ours', origin: 'created' });
        expect(ownershipTagChanges(sharing(a, !shared), now)).toEqual({ put: {}, remove: [] });
      }),
    );
  });

  test('what is taken over is no longer its old owner’s, and every ownership tag is one that IAM takes', () => {
    fc.assert(
      fc.property(namespace, fc.constantFrom(...FOREIGN_TAGS), fc.string({ maxLength: 256 }), (taker, tag, owner) => {
        fc.pre(owner !== taker);
        const before = observed({ [tag]: owner });
        const changes = ownershipTagsForAdoption(claimant({ namespace: taker }), before, ownershipOf(before, taker));
        for (const [key, value] of Object.entries(changes.put)) {
          expect(key).toMatch(/^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$/u);
          expect(value).toMatch(/^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$/u);
        }
        if (tag === OwnershipTag.Namespace) {
          const after = observed(withChanges(before.tags, changes));
          expect(ownershipOf(after, owner).is).toBe('foreign');
          expect(ownershipOf(after, taker).is).toBe('ours');
        }
      }),
    );
  });
});
