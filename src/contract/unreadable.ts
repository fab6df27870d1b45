/**
 * Stands in a workflow or an activity for the value of a payload that cannot be read. An error in its place would make
 * Temporal repeat the task for ever.
 */
export interface Unreadable {
  readonly unreadablePayload: string;
}

/** Returns why the payload of a value could not be read. Null for any other value. */
export function unreadableReason(value: unknown): string | null {
  if (typeof value !== 'object' || value === null || !('unreadablePayload' in value)) return null;
  return String(value.unreadablePayload);
}
