import type { Changes, Desired, Observed, Write } from '../kind.js';
import { stringProperty } from './spec.js';
import { removal } from './writes.js';

/** A kind whose entities have policies. IAM's operations on their policies differ in this name only. */
export type Principal = 'Role' | 'User' | 'Group';

/** Returns the input member that names a principal. */
export function principalKey(principal: Principal, name: string): Readonly<Record<string, string>> {
  return { [`${principal}Name`]: name };
}

/** Returns the write that sets, exchanges or removes the permissions boundary. */
export function boundaryWrites(
  principal: 'Role' | 'User',
  { spec }: Desired,
  { name, state }: Observed,
  changes: Changes,
): Write[] {
  if (changes['permissionsBoundary'] === undefined) return [];
  const PermissionsBoundary = stringProperty(spec, 'permissionsBoundary');
  if (PermissionsBoundary === undefined) {
    return [{ ...removal(`Delete${principal}PermissionsBoundary`, principalKey(principal, name)), effect: 'unbounds' }];
  }
  const input = { ...principalKey(principal, name), PermissionsBoundary };
  const effect = typeof state['permissionsBoundary'] === 'string' ? 'bounds' : 'narrows';
  return [{ operation: `Put${principal}PermissionsBoundary`, input, effect }];
}
