import type { Values } from './values.js';

/** An entity that a create needs. */
export interface Need {
  /** The call that fails without it. */
  readonly operation: string;
  /** The set whose members name it: `managedPolicyArns` has ARNs, and `attachedTo` has `Role/deploy`. */
  readonly set: string;
  readonly member: string;
}

/** Returns the policy that bounds the permissions of a role or user. */
export function boundary(operation: string, values: Values): readonly Need[] {
  return needed(operation, 'managedPolicyArns', values.link('permissions_boundary'));
}

/** Returns an entity that a create needs; none where it is not set, or not known. */
export function needed(operation: string, set: string, member: string | null | undefined): readonly Need[] {
  return member === null || member === undefined || member === '' ? [] : [{ operation, set, member }];
}
