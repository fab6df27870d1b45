import { createHash } from 'node:crypto';
import type { GetOpenIDConnectProviderResponse } from '@aws-sdk/client-iam';
import { z } from 'zod';
import { isEntityAlreadyExists } from '../aws/errors.js';
import type { Reader } from '../aws/reader.js';
import type { JsonObject, Target } from '../contract/entity.js';
import { sharedByTag } from '../engine/ownership.js';
import {
  appliedIfAbsent,
  readListed,
  isoDate,
  omitUndefined,
  strings,
  toTagList,
  toTagMap,
  tagsField,
  tagWrites,
  stringProperty,
} from './fields.js';
import type { Kind, Observed, Write, WantedEntity } from './kind.js';

const schema = z.strictObject({
  url: z
    .string()
    .max(255)
    .regex(/^https:\/\/[\w.-]+(\/[^\s?#]*)?$/, 'write https://host/path, without port, query and fragment')
    .describe('Issuer of the tokens, as in their `iss` claim. One provider per URL and account.'),
  clientIdList: z.array(z.string().min(1).max(255)).max(100).optional().describe('Audiences, as in `aud`.'),
  thumbprintList: z
    .array(z.string().regex(/^[\da-fA-F]{40}$/, 'write 40 hexadecimal digits'))
    .min(1)
    .max(5)
    .optional()
    .describe('SHA-1 of the certificate that signs; AWS finds it out where it is not set.'),
  tags: tagsField.optional(),
});

/** `https://Host/Path` as AWS keeps it: `host/Path`. */
function nameOf(spec: JsonObject): string {
  const address = (stringProperty(spec, 'url') ?? '').replace(/^https:\/\//, '');
  const end = address.indexOf('/');
  return end === -1 ? address.toLowerCase() : address.slice(0, end).toLowerCase() + address.slice(end);
}

function arnOfName(name: string, target: Target): string {
  return `arn:${target.partition}:iam::${target.account}:oidc-provider/${name}`;
}

function observedOf(arn: string, provider: GetOpenIDConnectProviderResponse): Observed {
  return {
    name: nameOfArn(arn),
    arn,
    createdAt: isoDate(provider.CreateDate),
    tags: toTagMap(provider.Tags?.map(({ Key, Value }) => ({ Key, Value }))),
    state: { clientIdList: provider.ClientIDList ?? [], thumbprintList: provider.ThumbprintList ?? [] },
  };
}

function nameOfArn(arn: string): string {
  return arn.slice(arn.indexOf('/') + 1);
}

/** Longest value of a tag. */
const MAX_CLAIM_LENGTH = 256;

/** A client ID in a mark: enough to know it again, and of characters that a tag takes. */
function digestOf(clientId: string): string {
  return createHash('sha256').update(clientId).digest('hex').slice(0, 8);
}

/** Which client IDs a namespace declares, as its mark says it; `-` for none, nothing where a tag cannot hold them. */
function claimOf(clientIds: readonly string[]): string {
  if (clientIds.length === 0) return '-';
  const claim = clientIds.map(digestOf).sort().join(' ');
  return claim.length <= MAX_CLAIM_LENGTH ? claim : '';
}

async function read(reader: Reader, { name }: WantedEntity, target: Target): Promise<Observed | undefined> {
  const arn = arnOfName(name, target);
  const found = await reader.find('GetOpenIDConnectProvider', { OpenIDConnectProviderArn: arn });
  return found && observedOf(arn, found);
}

/** An OpenID Connect provider: one per URL, so that namespaces share it. */
export const openIdConnectProvider: Kind = {
  name: 'OpenIDConnectProvider',
  keyProperties: ['url'],
  schema,
  nameOf,
  arnOf: (spec, target) => arnOfName(nameOf(spec), target),
  dependsOnKinds: [],
  ownable: true,
  duplicateProtection: '409 EntityAlreadyExists',
  recognizedBy: 'the intent tag that the Create carried',
  properties: {
    clientIdList: { type: 'set' },
    thumbprintList: { type: 'set', authoritative: true, ignoreCase: true },
  },
  actions: {
    read: ['iam:ListOpenIDConnectProviders', 'iam:GetOpenIDConnectProvider'],
    write: [
      'iam:CreateOpenIDConnectProvider',
      'iam:AddClientIDToOpenIDConnectProvider',
      'iam:RemoveClientIDFromOpenIDConnectProvider',
      'iam:UpdateOpenIDConnectProviderThumbprint',
      'iam:TagOpenIDConnectProvider',
      'iam:UntagOpenIDConnectProvider',
      'iam:DeleteOpenIDConnectProvider',
    ],
  },

  detailType: null,
  readCost: 1,
  read,
  readMany: readListed(
    async (reader) =>
      ((await reader.get('ListOpenIDConnectProviders', {})).OpenIDConnectProviderList ?? []).map(({ Arn = '' }) =>
        nameOfArn(Arn),
      ),
    read,
  ),

  create: ({ name, spec, tags }) => ({
    operation: 'CreateOpenIDConnectProvider',
    input: omitUndefined({
      // As the ARN will have it, whatever the case in which the manifest writes the host.
      Url: `https://${name}`,
      ClientIDList: spec['clientIdList'],
      ThumbprintList: spec['thumbprintList'],
      Tags: toTagList(tags),
    }),
  }),
  isAlreadyExistsError: isEntityAlreadyExists,
  observedAfterCreate: (desired) => ({
    name: desired.name,
    arn: arnOfName(desired.name, desired.target),
    createdAt: null,
    tags: desired.tags,
    state: desired.spec,
  }),

  update(desired, observed, changes) {
    const key = { OpenIDConnectProviderArn: observed.arn };
    const steps: Write[] = [];
    for (const ClientID of changes['clientIdList']?.remove ?? []) {
      steps.push({
        operation: 'RemoveClientIDFromOpenIDConnectProvider',
        input: { ...key, ClientID },
        ...appliedIfAbsent,
      });
    }
    for (const ClientID of changes['clientIdList']?.put ?? []) {
      steps.push({ operation: 'AddClientIDToOpenIDConnectProvider', input: { ...key, ClientID } });
    }
    if (changes['thumbprintList']) {
      const { put } = changes['thumbprintList'];
      const ThumbprintList = desired.shared
        ? [...strings(observed.state['thumbprintList']), ...put]
        : strings(desired.spec['thumbprintList']);
      steps.push({ operation: 'UpdateOpenIDConnectProviderThumbprint', input: { ...key, ThumbprintList } });
    }
    const operations = { tag: 'TagOpenIDConnectProvider', untag: 'UntagOpenIDConnectProvider' } as const;
    steps.push(...tagWrites(operations, key, desired.tags, changes['tags']));
    return steps;
  },

  delete: (_reader, observed) =>
    Promise.resolve([
      {
        operation: 'DeleteOpenIDConnectProvider',
        input: { OpenIDConnectProviderArn: observed.arn },
        ...appliedIfAbsent,
      },
    ]),

  share: {
    claim: (spec) => claimOf(strings(spec['clientIdList'])),
    /**
     * Takes this namespace's mark off, and the client IDs that it alone declares. Where another namespace's mark does
     * not say which are its own, none is taken away: one that is left over lets nobody in by itself.
     */
    withdraw: (_desired, observed, others) => {
      const theirs = new Set(others.map(sharedByTag));
      const TagKeys = Object.keys(observed.tags).filter((tag) => tag.startsWith(sharedByTag('')) && !theirs.has(tag));
      if (TagKeys.length === 0) return [];
      const claims = (tag: string): string[] => (observed.tags[tag] ?? '').split(' ').filter((one) => one !== '');
      const kept = new Set([...theirs].flatMap(claims));
      const mine = new Set(TagKeys.flatMap(claims).filter((one) => !kept.has(one)));
      const known = [...theirs].every((tag) => claims(tag).length > 0);
      const leaving = known ? strings(observed.state['clientIdList']).filter((id) => mine.has(digestOf(id))) : [];
      return [
        ...leaving.map((ClientID) => ({
          operation: 'RemoveClientIDFromOpenIDConnectProvider' as const,
          input: { OpenIDConnectProviderArn: observed.arn, ClientID },
          ...appliedIfAbsent,
        })),
        {
          operation: 'UntagOpenIDConnectProvider',
          input: { OpenIDConnectProviderArn: observed.arn, TagKeys },
          ...appliedIfAbsent,
        },
      ];
    },
  },
};
