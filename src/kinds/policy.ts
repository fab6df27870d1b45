import type { ManagedPolicyDetail, Policy, PolicyVersion, Tag } from '@aws-sdk/client-iam';
import { z } from 'zod';
import { isEntityAlreadyExists } from '../aws/errors.js';
import type { Reader } from '../aws/reader.js';
import type { Json, JsonObject, Target } from '../contract/entity.js';
import { decodeDocument, equivalentDocuments } from '../engine/policy/index.js';
import {
  appliedIfAbsent,
  isoDate,
  omitUndefined,
  documentQuotaUsage,
  documentField,
  serializeDocument,
  emptyIfAbsent,
  MAX_DOCUMENT_LENGTH,
  nameField,
  pathField,
  toTagList,
  toTagMap,
  tagsField,
  tagWrites,
  stringProperty,
  undefinedIfDenied,
} from './fields.js';
import type { Desired, Kind, Observed, Write } from './kind.js';
import type { Principal } from './principal-policies.js';

/** Versions that IAM stores of one policy. */
const MAX_VERSIONS = 5;

const schema = z.strictObject({
  policyName: nameField(128).describe('Unique in the account; neither path nor case tells two policies apart.'),
  path: pathField
    .regex(/^\/([\w.,+@=-]+\/)*$/, 'use letters, digits and _.,+@=- between the slashes')
    .optional()
    .describe('Cannot be changed once the policy exists.'),
  description: z.string().max(1000).optional().describe('Cannot be changed once the policy exists.'),
  policyDocument: documentField('identity', MAX_DOCUMENT_LENGTH.managedPolicy).describe(
    `What the policy allows and denies; ${String(MAX_DOCUMENT_LENGTH.managedPolicy)} characters, white space not counted.`,
  ),
  tags: tagsField.optional(),
});

/** One stored version, as `facts.versions` lists them. */
interface Version {
  /** `v1`, `v2`, …: never given out twice. */
  readonly id: string;
  readonly isDefault: boolean;
  readonly createdAt: string | null;
  readonly document: Json;
}

function nameOf(spec: JsonObject): string {
  return stringProperty(spec, 'policyName') ?? '';
}

function arnOf(spec: JsonObject, target: Target): string {
  return `arn:${target.partition}:iam::${target.account}:policy${stringProperty(spec, 'path') ?? '/'}${nameOf(spec)}`;
}

/** A policy's ARN is its path and its name. */
function nameOfArn(arn: string): string {
  return arn.slice(arn.lastIndexOf('/') + 1);
}

function versionOf(version: PolicyVersion): Version {
  return {
    id: version.VersionId ?? '',
    isDefault: version.IsDefaultVersion === true,
    createdAt: isoDate(version.CreateDate),
    document: decodeDocument(version.Document ?? '{}'),
  };
}

function observedOf(
  policy: Policy | ManagedPolicyDetail,
  tags: readonly Tag[] | undefined,
  versions: readonly PolicyVersion[],
): Observed {
  const known = versions.map(versionOf);
  const { Arn: arn = '' } = policy;
  return {
    name: nameOfArn(arn),
    arn,
    createdAt: isoDate(policy.CreateDate),
    tags: toTagMap(tags?.map(({ Key, Value }) => ({ Key, Value }))),
    state: {
      path: policy.Path ?? '/',
      description: policy.Description ?? '',
      policyDocument: known.find(({ isDefault }) => isDefault)?.document ?? null,
    },
    facts: { versions: known.map((version) => ({ ...version })) },
  };
}

/** The versions that are stored, oldest first. IDs count up, so their number is their age. */
function versionsOf(observed: Observed): Version[] {
  const versions = (observed.facts?.['versions'] ?? []) as unknown as readonly Version[];
  return [...versions].sort((a, b) => Number(a.id.slice(1)) - Number(b.id.slice(1)));
}

function removalOf(PolicyArn: string, version: Version): Write {
  return { operation: 'DeletePolicyVersion', input: { PolicyArn, VersionId: version.id }, ...appliedIfAbsent };
}

/** Writes that make the declared document the default: a stored version that says the same is used again. */
function documentWrites({ spec, target }: Desired, observed: Observed): Write[] {
  const PolicyArn = observed.arn;
  const document = spec['policyDocument'] ?? null;
  const versions = versionsOf(observed);
  const others = versions.filter(({ isDefault }) => !isDefault);
  const same = others.find((version) =>
    equivalentDocuments(document, version.document, { partition: target.partition }),
  );
  if (same !== undefined) {
    return [{ operation: 'SetDefaultPolicyVersion', input: { PolicyArn, VersionId: same.id } }];
  }
  const superfluous = others.slice(0, Math.max(0, versions.length - MAX_VERSIONS + 1));
  return [
    ...superfluous.map((version) => removalOf(PolicyArn, version)),
    {
      operation: 'CreatePolicyVersion',
      input: { PolicyArn, PolicyDocument: serializeDocument(document), SetAsDefault: true },
      unguarded: true,
    },
  ];
}

/** A customer managed policy. Deleting one takes it off nobody: `DeleteConflict` says that it is still in use. */
export const policy: Kind = {
  name: 'Policy',
  keyProperties: ['policyName'],
  schema,
  nameOf,
  arnOf,
  dependsOnKinds: [],
  ownable: true,
  duplicateProtection: '409 EntityAlreadyExists, whatever the path or the case; versions of it are not guarded',
  recognizedBy: 'the intent tag that the Create carried',
  quota: { used: 'Policies', limit: 'PoliciesQuota' },
  properties: {
    path: { type: 'value', default: '/', immutable: true },
    description: { type: 'value', default: '', immutable: true },
    policyDocument: { type: 'document' },
  },
  actions: {
    read: [
      'iam:GetAccountAuthorizationDetails',
      'iam:ListPolicyTags',
      'iam:ListPolicies',
      'iam:GetPolicy',
      'iam:ListPolicyVersions',
      'iam:GetPolicyVersion',
      'iam:ListEntitiesForPolicy',
    ],
    write: [
      'iam:CreatePolicy',
      'iam:CreatePolicyVersion',
      'iam:SetDefaultPolicyVersion',
      'iam:DeletePolicyVersion',
      'iam:TagPolicy',
      'iam:UntagPolicy',
      // Where it is replaced.
      'iam:DetachRolePolicy',
      'iam:DetachUserPolicy',
      'iam:DetachGroupPolicy',
      'iam:DeletePolicy',
    ],
  },

  quotaUsage: (spec) => documentQuotaUsage('PolicySizeQuota', 'characters of policy', spec['policyDocument']),

  detailType: 'LocalManagedPolicy',
  readCost: 4,
  async read(reader, { name }) {
    // By name and not by ARN: a policy under another path stands in the way all the same.
    const local = await reader.list('ListPolicies', { Scope: 'Local' }, 'Policies');
    const PolicyArn = local.find(({ Arn = '' }) => nameOfArn(Arn).toLowerCase() === name.toLowerCase())?.Arn;
    if (PolicyArn === undefined) return undefined;
    const found = await reader.find('GetPolicy', { PolicyArn });
    if (found?.Policy === undefined) return undefined;
    const listed = await reader.list('ListPolicyVersions', { PolicyArn }, 'Versions');
    const versions = await Promise.all(
      listed.map(
        async ({ VersionId }) => (await reader.get('GetPolicyVersion', { PolicyArn, VersionId })).PolicyVersion,
      ),
    );
    return observedOf(
      found.Policy,
      found.Policy.Tags,
      versions.filter((version) => version !== undefined),
    );
  },
  async readMany(snapshot, wanted) {
    const details = await snapshot.details();
    if (details === undefined) return undefined;
    const names = new Set(wanted.map(({ name }) => name.toLowerCase()));
    const present = details.policies.filter(({ Arn = '' }) => names.has(nameOfArn(Arn).toLowerCase()));
    return undefinedIfDenied(async () => {
      const observed = await Promise.all(
        present.map(async (detail) => {
          const tags = await snapshot.reader.list('ListPolicyTags', { PolicyArn: detail.Arn }, 'Tags');
          return observedOf(detail, tags, detail.PolicyVersionList ?? []);
        }),
      );
      return new Map(observed.map((one) => [one.name.toLowerCase(), one]));
    });
  },

  create: ({ name, spec, tags }) => ({
    operation: 'CreatePolicy',
    input: omitUndefined({
      PolicyName: name,
      Path: stringProperty(spec, 'path'),
      Description: stringProperty(spec, 'description'),
      PolicyDocument: serializeDocument(spec['policyDocument']),
      Tags: toTagList(tags),
    }),
  }),
  isAlreadyExistsError: isEntityAlreadyExists,
  observedAfterCreate: (desired) => ({
    name: desired.name,
    arn: arnOf(desired.spec, desired.target),
    createdAt: null,
    tags: desired.tags,
    state: desired.spec,
    facts: {
      versions: [{ id: 'v1', isDefault: true, createdAt: null, document: desired.spec['policyDocument'] ?? null }],
    },
  }),

  update(desired, observed, changes) {
    const PolicyArn = observed.arn;
    return [
      ...(changes['policyDocument'] ? documentWrites(desired, observed) : []),
      ...tagWrites({ tag: 'TagPolicy', untag: 'UntagPolicy' }, { PolicyArn }, desired.tags, changes['tags']),
    ];
  },

  delete(_reader, observed) {
    const PolicyArn = observed.arn;
    return Promise.resolve([
      ...versionsOf(observed)
        .filter(({ isDefault }) => !isDefault)
        .map((version) => removalOf(PolicyArn, version)),
      { operation: 'DeletePolicy', input: { PolicyArn }, ...appliedIfAbsent },
    ]);
  },

  async listDependents(reader, observed) {
    const PolicyArn = observed.arn;
    const attached = await entitiesFor(reader, PolicyArn, 'PermissionsPolicy');
    const bounded = await entitiesFor(reader, PolicyArn, 'PermissionsBoundary');
    return [
      ...attached.map(({ kind, name }) => ({
        kind,
        name,
        detach: {
          operation: `Detach${kind}Policy` as const,
          input: { [`${kind}Name`]: name, PolicyArn },
          ...appliedIfAbsent,
        },
      })),
      // Without its boundary an entity could do more than it ever should, for however short a time.
      ...bounded.map(({ kind, name }) => ({ kind, name, detach: null })),
    ];
  },
};

interface PolicyUser {
  readonly kind: Principal;
  readonly name: string;
}

/** The roles, users and groups that a policy is attached to, or bounds. */
async function entitiesFor(
  reader: Reader,
  PolicyArn: string,
  PolicyUsageFilter: 'PermissionsPolicy' | 'PermissionsBoundary',
): Promise<readonly PolicyUser[]> {
  const collect = async (): Promise<readonly PolicyUser[]> => {
    const found: PolicyUser[] = [];
    for await (const page of reader.pages('ListEntitiesForPolicy', { PolicyArn, PolicyUsageFilter })) {
      found.push(
        ...(page.PolicyRoles ?? []).map(({ RoleName = '' }) => ({ kind: 'Role' as const, name: RoleName })),
        ...(page.PolicyUsers ?? []).map(({ UserName = '' }) => ({ kind: 'User' as const, name: UserName })),
        ...(page.PolicyGroups ?? []).map(({ GroupName = '' }) => ({ kind: 'Group' as const, name: GroupName })),
      );
    }
    return found;
  };
  return emptyIfAbsent(collect());
}
