/** The account of a run: twelve digits. */
export const IamAccount = { name: 'IamAccount', type: 'KEYWORD' } as const;

/** The namespace of a run. */
export const IamNamespace = { name: 'IamNamespace', type: 'KEYWORD' } as const;

/** The entity of a reconcile-entity run, as `Kind/name`. */
export const IamEntity = { name: 'IamEntity', type: 'KEYWORD' } as const;

/** The result of a run, or {@link AWAITING_APPROVAL}. */
export const IamOutcome = { name: 'IamOutcome', type: 'KEYWORD' } as const;

/** Creates of a run that AWS answered with "already exists". */
export const IamConflicts = { name: 'IamConflicts', type: 'INT' } as const;

/** Entities in drift, in the record of an environment. */
export const IamDrift = { name: 'IamDrift', type: 'INT' } as const;

/** Names of the types on Temporal's command line. */
const TYPE_NAMES = { KEYWORD: 'Keyword', INT: 'Int' } as const;

/** All search attributes, registered by `dev`, `doctor` and compose. The engine works without them. */
export const SEARCH_ATTRIBUTES = [IamAccount, IamNamespace, IamEntity, IamOutcome, IamConflicts, IamDrift].map(
  ({ name, type }) => ({ name, type: TYPE_NAMES[type] }),
);

/** `IamOutcome` of a run while its plan waits for an approval. */
export const AWAITING_APPROVAL = 'awaiting approval';
