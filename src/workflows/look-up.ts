import type { LookUpRequest, LookUps } from '../contract/look-up.js';
import { lookUpActivities } from './activities.js';
import { assertLookUpRequest } from './requests.js';

/** Finds entities by name with the worker's credentials. Takes no lock and writes nothing. */
export async function lookUp(request: LookUpRequest): Promise<LookUps> {
  assertLookUpRequest(request);
  return lookUpActivities.lookUpEntities(request);
}
