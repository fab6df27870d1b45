import type { ManagedPolicyDetail, Policy, PolicyVersion, Tag } from '@aws-sdk/client-iam';
import { z } from 'zod';
import { undefinedIfDenied } from '../aws/errors.js';
import type { AwsError } from '../aws/errors.js';
import type { Json, JsonObject } from '../contract/entity.js';
import { shorten } from '../engine/compare.js';
import { decodeDocument, equivalentDocuments } from '../engine/policy/index.js';
import type { Desired, Kind, Observed, Write } from './kind.js';
import { namedEntity } from './shared/base-kinds.js';
import { MAX_DOCUMENT_LENGTH, documentField, documentQuotaUsage } from './shared/policies.js';
import { nameOfArn, readIndexedTags, readPolicyTags } from './shared/policy-tags.js';
import { listPolicyUsers } from './shared/policy-users.js';
import { byName, lowerCaseNames, undefinedIfGone } from './shared/reads.js';
import { nameField, pathField, tagsField } from './shared/schema-fields.js';
import {
  isoDate,
  newlyCreated,
  omitUndefined,
  serializeDocument,
  stringProperty,
  toTagList,
  toTagMap,
} from './shared/spec.js';
import { removal, tagWrites } from './shared/writes.js';

/** The maximum number of versions that IAM stores of one policy. */
const MAX_VERSIONS = 5;

const schema = z.strictObject({
  policyName: nameField(128).describe('Unique in the account. Path and case do not make two names different.'),
  path: pathField
    .regex(/^\/([\w.,+@=-]+\/)*$/, 'use letters, digits and _.,+@=- between the slashes')
    .optional()
    .describe('It cannot be changed after the Create.'),
  description: z.string().max(1000).optional().describe('It cannot be changed after the Create.'),
  policyDocument: documentField('identity', MAX_DOCUMENT_LENGTH.managedPolicy).describe(
    `The permissions. Up to ${String(MAX_DOCUMENT_LENGTH.managedPolicy)} characters; white space does not count.`,
  ),
  tags: tagsField,
});

/** A stored version, as `facts.versions` lists them. */
interface Version {
  /** `v1`, `v2`, …; AWS never reuses an ID. */
  readonly id: string;
  readonly isDefault: boolean;
  readonly createdAt: string | null;
  readonly document: Json;
}

/**
 * Returns a version. The policy itself says which one is the default: versions are read one by one, and where another caller
 * has just chosen another one, two of them or none may claim to be it.
 */
function versionOf(version: PolicyVersion, defaultId: string | undefined): Version {
  return {
    id: version.VersionId ?? '',
    isDefault: defaultId === undefined ? version.IsDefaultVersion === true : version.VersionId === defaultId,
    createdAt: isoDate(version.CreateDate),
    document: decodeDocument(version.Document ?? '{}'),
  };
}

function observedOf(
  policy: Policy | ManagedPolicyDetail,
  tags: readonly Tag[] | undefined,
  versions: readonly PolicyVersion[],
): Observed {
  const stored = versions.map((version) => versionOf(version, policy.DefaultVersionId));
  const { Arn: arn = '' } = policy;
  return {
    name: nameOfArn(arn),
    arn,
    createdAt: isoDate(policy.CreateDate),
    tags: toTagMap(tags),
    state: {
      path: policy.Path ?? '/',
      description: policy.Description ?? '',
      policyDocument: stored.find(({ isDefault }) => isDefault)?.document ?? null,
    },
    facts: { versions: stored.map((version) => ({ ...version })) },
  };
}

/** Returns the stored versions, oldest first. IDs count up, so their numbers give the order. */
function versionsOf(observed: Observed): Version[] {
  const versions = (observed.facts?.['versions'] ?? []) as unknown as readonly Version[];
  return [...versions].sort((a, b) => Number(a.id.slice(1)) - Number(b.id.slice(1)));
}

function removalOf(PolicyArn: string, version: Version): Write {
  return removal('DeletePolicyVersion', { PolicyArn, VersionId: version.id });
}

/** Reports that the policy has as many versions as IAM stores. A document that is too long has the same code. */
function isVersionLimit({ code, message }: AwsError): boolean {
  return code === 'LimitExceeded' && message.includes('version');
}

/** The stored versions that a new document needs: one with an equal meaning, or room for one more. */
interface VersionUse {
  readonly equivalent: Version | undefined;
  /** The oldest versions that are not the default, as many as have to go. */
  readonly superfluous: readonly Version[];
}

function useOfVersions(spec: JsonObject, observed: Observed, partition: string): VersionUse {
  const versions = versionsOf(observed);
  const others = versions.filter(({ isDefault }) => !isDefault);
  const document = spec['policyDocument'] ?? null;
  const equivalent = others.find((version) => equivalentDocuments(document, version.document, { partition }));
  const excess = equivalent === undefined ? Math.max(0, versions.length - MAX_VERSIONS + 1) : 0;
  return { equivalent, superfluous: others.slice(0, excess) };
}

/** Returns the writes that make the declared document the default. They reuse a stored version with an equal meaning. */
function documentWrites({ spec, target }: Desired, observed: Observed): Write[] {
  const PolicyArn = observed.arn;
  const { equivalent, superfluous } = useOfVersions(spec, observed, target.partition);
  if (equivalent !== undefined) {
    return [{ operation: 'SetDefaultPolicyVersion', input: { PolicyArn, VersionId: equivalent.id } }];
  }
  return [
    ...superfluous.map((version) => removalOf(PolicyArn, version)),
    {
      operation: 'CreatePolicyVersion',
      input: { PolicyArn, PolicyDocument: serializeDocument(spec['policyDocument']), SetAsDefault: true },
      unguarded: true,
      // Another tool made a version since the read.
      isOutdated: isVersionLimit,
    },
  ];
}

/** A customer managed policy. A deletion does not detach it: AWS replies `DeleteConflict` while it is in use. */
export const policy: Kind = {
  name: 'Policy',
  ...namedEntity('policy', 'policyName'),
  schema,
  duplicateProtection:
    '409 EntityAlreadyExists; path and case do not make two names different; its versions are not protected',
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
      // For a replacement.
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
    // By name and not by ARN: a policy with the same name on a different path prevents the Create too.
    const local = await reader.list('ListPolicies', { Scope: 'Local' }, 'Policies');
    const PolicyArn = local.find(({ Arn = '' }) => nameOfArn(Arn).toLowerCase() === name.toLowerCase())?.Arn;
    if (PolicyArn === undefined) return undefined;
    const found = await reader.find('GetPolicy', { PolicyArn });
    if (found?.Policy === undefined) return undefined;
    const listed = await reader.list('ListPolicyVersions', { PolicyArn }, 'Versions');
    // A listing that is behind may lack the default.
    const ids = new Set([...listed.map(({ VersionId }) => VersionId), found.Policy.DefaultVersionId]);
    const versions = await Promise.all(
      [...ids]
        .filter((VersionId) => VersionId !== undefined)
        .map(async (VersionId) => (await reader.get('GetPolicyVersion', { PolicyArn, VersionId })).PolicyVersion),
    );
    return observedOf(
      found.Policy,
      found.Policy.Tags,
      versions.filter((version) => version !== undefined),
    );
  },
  async listAll(snapshot) {
    const { policies } = await snapshot.details();
    return policies.map(({ Arn = '' }) => ({ name: nameOfArn(Arn), arn: Arn, spec: { policyName: nameOfArn(Arn) } }));
  },
  async readListed(snapshot, { arn }) {
    const { policies } = await snapshot.details();
    const detail = policies.find(({ Arn }) => Arn === arn);
    const tags = await readPolicyTags(snapshot.reader, arn);
    return detail && tags && observedOf(detail, tags, detail.PolicyVersionList ?? []);
  },
  async readMany(snapshot, wanted) {
    const details = await snapshot.details();
    if (details === undefined) return undefined;
    const names = lowerCaseNames(wanted);
    const present = details.policies.filter(({ Arn = '' }) => names.has(nameOfArn(Arn).toLowerCase()));
    const indexed = await readIndexedTags(snapshot, wanted, present);
    return undefinedIfDenied(async () => {
      const observed = await Promise.all(
        present.map(async (detail): Promise<Observed | undefined> => {
          const known = indexed.get(detail.Arn ?? '');
          if (known !== undefined) {
            return { ...observedOf(detail, [], detail.PolicyVersionList ?? []), tags: known, hasIndexedTags: true };
          }
          const input = { PolicyArn: detail.Arn };
          const tags = await undefinedIfGone(() => snapshot.reader.list('ListPolicyTags', input, 'Tags'));
          return tags && observedOf(detail, tags, detail.PolicyVersionList ?? []);
        }),
      );
      return byName(observed);
    });
  },

  async confirmTags(reader, observed) {
    const tags = await readPolicyTags(reader, observed.arn);
    return tags && { ...observed, tags: toTagMap(tags), hasIndexedTags: undefined };
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
  observedAfterCreate: (desired) =>
    newlyCreated(desired, policy.arnOf(desired.spec, desired.target), desired.spec, {
      versions: [{ id: 'v1', isDefault: true, createdAt: null, document: desired.spec['policyDocument'] ?? null }],
    }),

  update(desired, observed, changes) {
    const PolicyArn = observed.arn;
    return [
      ...(changes['policyDocument'] ? documentWrites(desired, observed) : []),
      ...tagWrites('Policy', { PolicyArn }, desired.tags, changes),
    ];
  },

  alsoRemoves: (spec, observed, changes, partition) =>
    (changes['policyDocument'] ? useOfVersions(spec, observed, partition).superfluous : []).map(
      ({ id, createdAt, document }) => ({
        path: `versions.${id}`,
        observed: shorten(document),
        desired: null,
        summary: `- ${id}${createdAt === null ? '' : ` of ${createdAt}`}: IAM stores ${String(MAX_VERSIONS)} versions, and the oldest makes room`,
      }),
    ),

  delete(_reader, observed) {
    const PolicyArn = observed.arn;
    return [
      ...versionsOf(observed)
        .filter(({ isDefault }) => !isDefault)
        .map((version) => removalOf(PolicyArn, version)),
      removal('DeletePolicy', { PolicyArn }),
    ];
  },

  async listDependents(reader, observed) {
    const PolicyArn = observed.arn;
    const attached = await listPolicyUsers(reader, PolicyArn, 'PermissionsPolicy');
    const boundaries = await listPolicyUsers(reader, PolicyArn, 'PermissionsBoundary');
    return [
      ...attached.map(({ kind, name }) => ({
        kind,
        name,
        detach: removal(`Detach${kind}Policy`, { [`${kind}Name`]: name, PolicyArn }),
      })),
      // Never detached: without its boundary an entity could do too much, if only for a short time.
      ...boundaries.map(({ kind, name }) => ({ kind, name, detach: null })),
    ];
  },
};
