import type { ProofDemand } from '../../guardrails/rules/identity.js';
import type { IdentityPurpose } from './permits.js';

/** The ways to a proof that counts. */
export const REMEDIES: Readonly<Record<IdentityPurpose, string>> = {
  requester:
    'apply from a job that can get an OIDC token and that the rule names; docs/identity.md tells how for each CI service',
  approval:
    'decide by an identity that the rule names: from its CI job, or with `iam-bootstrap approve --login`; docs/identity.md tells how',
};

const PRINCIPAL_REMEDY =
  'start it as a principal that the rule names, on a Temporal server that records principals; docs/identity.md tells how to switch that on';

/** Returns the ways to a proof that counts, for a request that has no token. */
export function remedyOf({ token }: ProofDemand): string {
  return token ? `${REMEDIES.requester}; or ${PRINCIPAL_REMEDY}` : PRINCIPAL_REMEDY;
}
