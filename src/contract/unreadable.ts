/**
 * Stands in a workflow or an activity for the value of a payload that cannot be read. An error in its place would make
 * Temporal repeat the task for ever.
 */
export interface Unreadable {
  readonly unreadablePayload: string;
  /** The ID of the key that is missing, in printable characters. Undefined where no key would help. */
  readonly encryptionKey?: string;
  /** The reason again. The SDK shows this field where the payload has the message of a failure. */
  readonly message: string;
}

/** Returns why the payload of a value could not be read. Null for any other value. */
export function unreadableReason(value: unknown): string | null {
  if (typeof value !== 'object' || value === null || !('unreadablePayload' in value)) return null;
  return String(value.unreadablePayload);
}

/** Returns the ID of the key that a reader of a value lacks. Undefined for a value that is not encrypted, or was decrypted. */
export function missingKeyOf(value: unknown): string | undefined {
  if (unreadableReason(value) === null) return undefined;
  const { encryptionKey } = value as Partial<Unreadable>;
  return typeof encryptionKey === 'string' ? encryptionKey : undefined;
}
