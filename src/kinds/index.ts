import type { Kind } from './kind.js';
import { role } from './role.js';

/** Every kind, one line each. */
export const KINDS: readonly Kind[] = [role];

/** The kind of that name; undefined for a name that no kind has. */
export function findKind(name: string): Kind | undefined {
  return KINDS.find((kind) => kind.name === name);
}
