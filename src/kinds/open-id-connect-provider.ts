import { createHash } from 'node:crypto';
import type { GetOpenIDConnectProviderResponse } from '@aws-sdk/client-iam';
import { z } from 'zod';
import type { Reader } from '../aws/reader.js';
import type { JsonObject, Target } from '../contract/entity.js';
import { strings } from '../engine/json.js';
import type { Kind, Observed, WantedEntity, Write } from './kind.js';
import { createdWithTags } from './shared/base-kinds.js';
import { readsByListing } from './shared/reads.js';
import { tagsField } from './shared/schema-fields.js';
import {
  iamArn,
  isoDate,
  newlyCreated,
  omitUndefined,
  requiredString,
  toTagList,
  toTagMap,
  nameInArn,
} from './shared/spec.js';
import { removal, sharedTags, tagWrites } from './shared/writes.js';

const schema = z.strictObject({
  url: z
    .string()
    .max(255)
    .regex(/^https:\/\/[\w.-]+(\/[^\s?#]*)?$/, 'write https://host/path, without port, query and fragment')
    .describe('The issuer of the tokens, as in their `iss` claim. An account has one provider per URL.'),
  clientIdList: z.array(z.string().min(1).max(255)).max(100).optional().describe('Audiences, as in `aud`.'),
  thumbprintList: z
    .array(z.string().regex(/^[\da-fA-F]{40}$/, 'write 40 hexadecimal digits'))
    .min(1)
    .max(5)
    .optional()
    .describe('SHA-1 of the certificate that signs. AWS determines it if it is not set.'),
  tags: tagsField,
});

/** Returns the URL as AWS stores it: `https://Host/Path` becomes `host/Path`. */
function nameOf(spec: JsonObject): string {
  const address = requiredString(spec, 'url').replace(/^https:\/\//, '');
  const end = address.indexOf('/');
  return end === -1 ? address.toLowerCase() : address.slice(0, end).toLowerCase() + address.slice(end);
}

function arnOfName(name: string, target: Target): string {
  return iamArn(`oidc-provider/${name}`, target);
}

function observedOf(arn: string, provider: GetOpenIDConnectProviderResponse): Observed {
  return {
    name: nameInArn(arn),
    arn,
    createdAt: isoDate(provider.CreateDate),
    tags: toTagMap(provider.Tags),
    state: { clientIdList: provider.ClientIDList ?? [], thumbprintList: provider.ThumbprintList ?? [] },
  };
}

/** The maximum length of a tag's value. */
const MAX_CLAIM_LENGTH = 256;

/** Returns a client ID in the form for an ownership tag: short, unique enough, and in characters that tags take. */
function digestOf(clientId: string): string {
  return createHash('sha256').update(clientId).digest('hex').slice(0, 8);
}

/**
 * Returns the client IDs that a namespace declares, as the value of its ownership tag: `-` for none, and an empty value
 * where a tag has no room for them.
 */
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

/** An OpenID Connect provider. An account has one per URL, so namespaces can share it. */
export const openIdConnectProvider: Kind = {
  name: 'OpenIDConnectProvider',
  ...createdWithTags,
  keyProperties: ['url'],
  schema,
  nameOf,
  arnOf: (spec, target) => arnOfName(nameOf(spec), target),
  properties: { clientIdList: { type: 'set' }, thumbprintList: { type: 'set', authoritative: true, ignoreCase: true } },
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

  ...readsByListing(read, async (reader) =>
    ((await reader.get('ListOpenIDConnectProviders', {})).OpenIDConnectProviderList ?? []).map(({ Arn = '' }) =>
      nameInArn(Arn),
    ),
  ),

  create: ({ name, spec, tags }) => ({
    operation: 'CreateOpenIDConnectProvider',
    input: omitUndefined({
      // In the spelling of the ARN: the manifest may write the host in upper case.
      Url: `https://${name}`,
      ClientIDList: spec['clientIdList'],
      ThumbprintList: spec['thumbprintList'],
      Tags: toTagList(tags),
    }),
  }),
  observedAfterCreate: (desired) => newlyCreated(desired, arnOfName(desired.name, desired.target), desired.spec),

  update(desired, observed, changes) {
    const key = { OpenIDConnectProviderArn: observed.arn };
    const writes: Write[] = [];
    for (const ClientID of changes['clientIdList']?.remove ?? []) {
      writes.push(removal('RemoveClientIDFromOpenIDConnectProvider', { ...key, ClientID }));
    }
    for (const ClientID of changes['clientIdList']?.put ?? []) {
      writes.push({ operation: 'AddClientIDToOpenIDConnectProvider', input: { ...key, ClientID } });
    }
    if (changes['thumbprintList']) {
      const { put } = changes['thumbprintList'];
      const ThumbprintList = desired.shared
        ? [...strings(observed.state['thumbprintList']), ...put]
        : strings(desired.spec['thumbprintList']);
      writes.push({ operation: 'UpdateOpenIDConnectProviderThumbprint', input: { ...key, ThumbprintList } });
    }
    writes.push(...tagWrites('OpenIDConnectProvider', key, desired.tags, changes));
    return writes;
  },

  delete: (_reader, observed) => [removal('DeleteOpenIDConnectProvider', { OpenIDConnectProviderArn: observed.arn })],

  share: {
    claim: (spec) => claimOf(strings(spec['clientIdList'])),
    /**
     * Removes this namespace's ownership tag, and the client IDs that only this namespace declares. If another
     * namespace's tag does not list its client IDs, all client IDs stay: an ID that is left grants no access by itself.
     */
    withdraw: (_desired, observed, others) => {
      const tags = sharedTags(observed, others);
      if (tags.own.length === 0) return [];
      const claimsIn = (tag: string): string[] => (observed.tags[tag] ?? '').split(' ').filter((claim) => claim !== '');
      const claimedByOthers = new Set(tags.others.flatMap(claimsIn));
      const claimedByUsOnly = new Set(tags.own.flatMap(claimsIn).filter((claim) => !claimedByOthers.has(claim)));
      const areClaimsKnown = tags.others.every((tag) => claimsIn(tag).length > 0);
      const removed = strings(observed.state['clientIdList']).filter((id) => claimedByUsOnly.has(digestOf(id)));
      const key = { OpenIDConnectProviderArn: observed.arn };
      return [
        ...(areClaimsKnown ? removed : []).map((ClientID) =>
          removal('RemoveClientIDFromOpenIDConnectProvider', { ...key, ClientID }),
        ),
        removal('UntagOpenIDConnectProvider', { ...key, TagKeys: tags.own }),
      ];
    },
  },
};
