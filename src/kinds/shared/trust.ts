import type { Reader } from '../../aws/reader.js';
import { isList, isObject, strings } from '../../engine/json.js';
import { decodeDocument } from '../../engine/policy/index.js';
import type { Json } from '../../contract/entity.js';
import type { OwnedEntity } from '../kind.js';
import { toTagMap } from './spec.js';

/** Lists the roles that can be assumed with tokens of an identity provider, with their tags. */
export async function listTrustingRoles(reader: Reader, providerArn: string): Promise<readonly OwnedEntity[]> {
  const roles = await reader.list('ListRoles', {}, 'Roles');
  const trusting = roles.filter(({ AssumeRolePolicyDocument = '{}' }) =>
    isTrusted(decodeDocument(AssumeRolePolicyDocument), providerArn),
  );
  // The listing shows no tags.
  const replies = await Promise.all(trusting.map(({ RoleName }) => reader.find('GetRole', { RoleName })));
  return replies.flatMap((reply) => {
    if (reply?.Role === undefined) return [];
    const { RoleName: name = '', Arn: arn = '', Tags } = reply.Role;
    return [{ kind: 'Role', name, arn, tags: toTagMap(Tags) }];
  });
}

/** Reports whether a trust policy allows a federated principal. */
function isTrusted(document: Json, providerArn: string): boolean {
  const statement = isObject(document) ? document['Statement'] : undefined;
  const statements = isList(statement) ? statement : [statement];
  return statements.some((one) => {
    if (!isObject(one) || one['Effect'] !== 'Allow' || !isObject(one['Principal'])) return false;
    const federated = one['Principal']['Federated'];
    return federated === providerArn || strings(federated).includes(providerArn);
  });
}
