interface CodeRow {
  readonly status: number;
  /** The problem, and the next step: read again, repeat, or neither. */
  readonly meaning: string;
}

/**
 * IAM's codes for conflicts: all ten that its service model gives HTTP 409, and the two that mean "already exists" with
 * HTTP 400. None has 412: IAM has no conditional writes, and uses 409 where another service would use 412.
 */
export const CONFLICT_CODES: Readonly<Record<string, CodeRow>> = {
  EntityAlreadyExists: { status: 409, meaning: 'the name is taken: read the entity, and do not repeat the Create' },
  DuplicateCertificate: { status: 409, meaning: 'the same certificate exists: read it, and do not repeat the upload' },
  DuplicateSSHPublicKey: { status: 400, meaning: 'the same key exists: read it, and do not repeat the upload' },
  InvalidInput: {
    status: 400,
    meaning: 'for a service-linked role, the name is taken: read the role, and do not repeat the Create',
  },
  ConcurrentModification: {
    status: 409,
    meaning: 'two writes collided (412 in other services): read again, then repeat the write',
  },
  EntityTemporarilyUnmodifiable: { status: 409, meaning: 'it is being recreated: wait, and repeat the same call' },
  DeleteConflict: { status: 409, meaning: 'something is still attached: detach it, then repeat the deletion' },
  LimitExceeded: { status: 409, meaning: 'a quota is used up: neither reading nor repeating helps' },
  FeatureEnabled: { status: 409, meaning: 'it is already enabled: read it, and do not repeat the call' },
  NameConflict: { status: 409, meaning: 'the name is used for another entity: choose another' },
  RoleModified: {
    status: 409,
    meaning: 'the role was changed in the meantime (412 in other services): read again, then repeat',
  },
  ReportGenerationLimitExceeded: {
    status: 409,
    meaning: 'a report is being generated: wait, and repeat the same call',
  },
};

/** Returns the meaning of an error code that a Create failed with. */
export function describeConflictCode(code: string): { readonly status: number | null; readonly meaning: string } {
  const known = Object.hasOwn(CONFLICT_CODES, code) ? CONFLICT_CODES[code] : undefined;
  return known ?? { status: null, meaning: 'not a conflict code of IAM: the code itself says what to do' };
}
