/** Search attributes, registered by `dev`, `doctor` and compose. The engine works without them. */
export const SEARCH_ATTRIBUTES = [
  { name: 'IamAccount', type: 'Keyword' },
  { name: 'IamNamespace', type: 'Keyword' },
  { name: 'IamEntity', type: 'Keyword' },
  { name: 'IamOutcome', type: 'Keyword' },
  { name: 'IamConflicts', type: 'Int' },
] as const;

/** `IamOutcome` of a run while its plan waits for an approval. */
export const AWAITING_APPROVAL = 'awaiting approval';
