import type { CapturedPage, CaptureRequest } from './capture.js';
import type { Evidence, EvidenceRequest } from './explain.js';
import type { LookUpRequest, LookUps } from './look-up.js';

/** The activities that only read an account, for every client that the worker answers. */
export interface ReadActivities {
  gatherEvidence(request: EvidenceRequest): Promise<Evidence>;
  lookUpEntities(request: LookUpRequest): Promise<LookUps>;
  /** Reads one page of an account. A worker reads the account once for all pages of a capture. */
  captureAccount(request: CaptureRequest): Promise<CapturedPage>;
}
