/** The namespace that declares an entity whose kind cannot carry ownership tags. */
export interface EntityClaim {
  /** `Kind/name`. */
  readonly id: string;
  readonly namespace: string;
  /** The run ID of the bootstrap that made the claim. */
  readonly runId: string;
  /** ISO 8601. */
  readonly at: string;
}

/** The content of an account's ledger. */
export interface AccountLedger {
  readonly claims: readonly EntityClaim[];
}

/** The claims that a run makes before its first write, or drops after its last one. */
export interface EntityClaimChanges extends Omit<EntityClaim, 'id'> {
  readonly take: readonly {
    readonly id: string;
    /** The namespace whose claim the plan has found and may replace; null where it found none. */
    readonly replaces: string | null;
  }[];
  /** `Kind/name` of what the namespace declares no longer. A claim of another namespace stays. */
  readonly drop: readonly string[];
}

/** The reply to {@link EntityClaimChanges}: claims that another namespace made since the plan. The others are taken. */
export interface EntityClaimsAnswer {
  readonly refused: readonly EntityClaim[];
}
