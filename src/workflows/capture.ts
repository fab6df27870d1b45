import type { CapturedPage, CaptureRequest } from '../contract/capture.js';
import { captureActivities } from './activities.js';
import { assertCaptureRequest } from './requests.js';

/** Reads one page of an account with the worker's credentials. Takes no lock and writes nothing. */
export async function capture(request: CaptureRequest): Promise<CapturedPage> {
  assertCaptureRequest(request);
  return captureActivities.captureAccount(request);
}
