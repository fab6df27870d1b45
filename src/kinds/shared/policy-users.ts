import type { Reader } from '../../aws/reader.js';
import type { Principal } from './principals.js';
import { emptyIfAbsent } from './reads.js';

/** A principal that uses a policy. */
interface PolicyUser {
  readonly kind: Principal;
  readonly name: string;
}

/** Lists the roles, users and groups that use a policy as a permissions policy or as a boundary. */
export async function listPolicyUsers(
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
