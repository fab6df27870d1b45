import { availableProof } from '../../client/login.js';
import type { Config } from '../../config/config.js';
import { UserFacingError } from '../../contract/user-facing-error.js';
import { type Check, ok, problem } from './doctor-check.js';

/** Checks which proof of who asks this environment can give. Workers ask for it by their guardrails. */
export async function checkProof(config: Config): Promise<Check> {
  const name = 'proof';
  const login = config.login === undefined ? '' : `; people log in at ${config.login.issuer}`;
  try {
    const proof = await availableProof(config);
    if (proof.status === 'none') {
      return ok(name, `none${login}: who asks and approves is claimed, which some guardrails do not accept`);
    }
    if (proof.status === 'missing') return problem(name, 'warn', proof.message, proof.remedy);
    const audience = proof.audience === null ? 'for each request' : `with the audience ${proof.audience}`;
    return ok(name, `${proof.title}: a token of ${proof.issuer} ${audience}${login}`);
  } catch (error) {
    if (!(error instanceof UserFacingError)) throw error;
    return problem(name, 'warn', error.message, error.remedy ?? 'correct it');
  }
}
