/** Reports why a payload cannot be read, as the end of a sentence: `it has no encoding`. */
export class UnreadablePayloadError extends Error {
  override readonly name = 'UnreadablePayloadError';
}

/**
 * The key of a payload is missing, or cannot be fetched now. It fails the task of a workflow and the attempt of an
 * activity, and Temporal tries both again: a fault of a worker's configuration ends no run.
 */
export class MissingKeyError extends Error {
  override readonly name = 'MissingKeyError';

  /**
   * Names the key.
   *
   * @param keyId - the ID of the key, in printable characters
   * @param why - the end of the sentence "a payload is encrypted with key ID, …"
   * @param isTemporary - true where the key exists, and the service that keeps it does not answer
   */
  constructor(
    readonly keyId: string,
    why: string,
    readonly isTemporary = false,
  ) {
    super(`a payload is encrypted with key ${keyId}, ${why}`);
  }
}
