interface CodeRow {
  readonly status: number;
  /** What is the matter, and what is to be done: read again, repeat, or neither. */
  readonly meaning: string;
}

/**
 * IAM's codes for conflicts: all ten that its service model gives HTTP 409, and the two that mean "already exists" with
 * HTTP 400. None has 412: IAM has no conditional writes, and says with 409 what another service would say with 412.
 */
export const CONFLICT_CODES: Readonly<Record<string, CodeRow>> = {
  EntityAlreadyExists: { status: 409, meaning: 'the name is taken: read what is there, and do not repeat the Create' },
  DuplicateCertificate: {
    status: 409,
    meaning: 'the same certificate is there: read it, and do not repeat the upload',
  },
  DuplicateSSHPublicKey: { status: 400, meaning: 'the same key is there: read it, and do not repeat the upload' },
  InvalidInput: {
    status: 400,
    meaning: 'of a service-linked role: the name is taken. Read what is there, and do not repeat the Create',
  },
  ConcurrentModification: {
    status: 409,
    meaning: 'two writes met, which is what 412 is elsewhere: read again, then repeat the write',
  },
  EntityTemporarilyUnmodifiable: { status: 409, meaning: 'it is being made anew: wait, and repeat the same call' },
  DeleteConflict: { status: 409, meaning: 'something is still attached: take it off, then repeat the deletion' },
  LimitExceeded: { status: 409, meaning: 'a quota is used up: neither reading nor repeating helps' },
  FeatureEnabled: { status: 409, meaning: 'it is on already: read it, and do not repeat the call' },
  NameConflict: { status: 409, meaning: 'the name stands for something else: choose another' },
  RoleModified: {
    status: 409,
    meaning: 'the role was changed meanwhile, as 412 says elsewhere: read again, then repeat',
  },
  ReportGenerationLimitExceeded: { status: 409, meaning: 'a report is being made: wait, and repeat the same call' },
};

/** What a code of IAM's means where it stands in the way of a Create. */
export function describeConflictCode(code: string): { readonly status: number | null; readonly meaning: string } {
  const known = Object.hasOwn(CONFLICT_CODES, code) ? CONFLICT_CODES[code] : undefined;
  return known ?? { status: null, meaning: 'no conflict of IAM’s: the code says by itself what to do' };
}
