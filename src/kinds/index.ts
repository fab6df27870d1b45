import { group } from './group.js';
import { instanceProfile } from './instance-profile.js';
import type { Kind } from './kind.js';
import { openIdConnectProvider } from './open-id-connect-provider.js';
import { policy } from './policy.js';
import { role } from './role.js';
import { user } from './user.js';

/** Every kind, one line each. */
export const KINDS: readonly Kind[] = [role, policy, user, group, instanceProfile, openIdConnectProvider];

/** The kind of that name; undefined for a name that no kind has. */
export function findKind(name: string): Kind | undefined {
  return KINDS.find((kind) => kind.name === name);
}
