import type { Finding, PredictedError } from '../../contract/preflight.js';
import { entityOf, type Item } from './items.js';

/** The parts of a finding that the prediction adds. */
type Prediction = Pick<Finding, 'verdict' | 'reason'> & Partial<Omit<Finding, 'verdict' | 'reason'>>;

/** Returns a finding about a resource. What is left out is null or empty. */
export function findingOf(item: Item, prediction: Prediction): Finding {
  return {
    plan: item.plan.file,
    address: item.change.address,
    type: item.change.type,
    account: item.target?.account ?? null,
    entity: entityOf(item),
    error: null,
    remedy: null,
    owner: null,
    arn: null,
    importId: null,
    movedFrom: null,
    notes: [],
    ...prediction,
  };
}

/** Returns the answer of AWS to a create that it refuses. */
export function refusalOf({ type }: Item): PredictedError | null {
  if (type === undefined) return null;
  return { operation: type.operation, code: type.code ?? 'EntityAlreadyExists' };
}

/** Returns the answer of AWS where the subject is there already; null where it accepts that. */
export function refusalIfPresent(item: Item): PredictedError | null {
  return item.type?.ifPresent === 'refused' ? refusalOf(item) : null;
}
