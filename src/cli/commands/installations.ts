import type { Reader } from '../../aws/reader.js';
import { OwnershipTag } from '../../engine/ownership.js';
import { counted } from '../../report/text.js';

interface Tagged {
  readonly Tags?: readonly { readonly Key?: string | undefined; readonly Value?: string | undefined }[] | undefined;
}

/**
 * Returns the roles and users, in words, that other installations created or adopted in the account. Two installations
 * know nothing of each other's locks. `own` is the ID of this installation's Temporal namespace.
 */
export async function describeOtherInstallations(reader: Reader, own: string): Promise<readonly string[]> {
  const bulk = 'GetAccountAuthorizationDetails';
  const entities: readonly Tagged[] = [
    ...(await reader.list(bulk, { Filter: ['Role'] }, 'RoleDetailList')),
    ...(await reader.list(bulk, { Filter: ['User'] }, 'UserDetailList')),
  ];
  const counts = new Map<string, number>();
  for (const { Tags = [] } of entities) {
    const valueOf = (tag: string): string | undefined => Tags.find(({ Key }) => Key === tag)?.Value;
    const installation = valueOf(OwnershipTag.Installation);
    if (installation === undefined || installation === own) continue;
    const key = `${installation} (namespace ${valueOf(OwnershipTag.Namespace) ?? 'unknown'})`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...counts].map(([key, count]) => `${counted(count, 'entity', 'entities')} of installation ${key}`);
}
