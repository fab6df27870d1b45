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
import { listTrustingRoles } from './shared/trust.js';
import { removal, tagWrites } from './shared/writes.js';

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
  properties: {
    clientIdList: { type: 'set' },
    thumbprintList: { type: 'set', authoritative: true, ignoreCase: true, setByAws: true },
  },
  actions: {
    read: ['iam:ListOpenIDConnectProviders', 'iam:GetOpenIDConnectProvider', 'iam:ListRoles', 'iam:GetRole'],
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

  ...readsByListing(
    read,
    async (reader) =>
      ((await reader.get('ListOpenIDConnectProviders', {})).OpenIDConnectProviderList ?? []).map(({ Arn = '' }) =>
        nameInArn(Arn),
      ),
    (name) => ({ url: `https://${name}` }),
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
    // A member without a claim in the tags would count as one that was there before.
    writes.push(...tagWrites('OpenIDConnectProvider', key, desired.tags, changes));
    for (const ClientID of changes['clientIdList']?.put ?? []) {
      writes.push({ operation: 'AddClientIDToOpenIDConnectProvider', input: { ...key, ClientID }, effect: 'trusts' });
    }
    if (changes['thumbprintList']) {
      const { put, remove } = changes['thumbprintList'];
      const kept = strings(observed.state['thumbprintList']).filter((thumbprint) => !remove.includes(thumbprint));
      const input = { ...key, ThumbprintList: [...kept, ...put] };
      const effect = put.length === 0 ? 'narrows' : 'changes';
      writes.push({ operation: 'UpdateOpenIDConnectProviderThumbprint', input, effect });
    }
    return writes;
  },

  delete: (_reader, observed) => [removal('DeleteOpenIDConnectProvider', { OpenIDConnectProviderArn: observed.arn })],

  listTrusting: (reader, { arn }) => listTrustingRoles(reader, arn),
  share: { members: 'clientIdList' },
};
