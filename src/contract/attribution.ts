const UUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const RUN_ID = new RegExp(`^${UUID}$`);
const NAMED = new RegExp(`\\bapp/iam-bootstrap\\.(${UUID})(?![0-9a-f-])`);

/**
 * Returns the application ID in the user agent of a run's calls, by which CloudTrail identifies them. It has 50
 * characters, the maximum of the SDK. Null if the ID is not a run ID of Temporal.
 */
export function runKey(runId: string): string | null {
  return RUN_ID.test(runId) ? `iam-bootstrap.${runId}` : null;
}

/** Returns the run that a user agent in CloudTrail names. Null if it names none. */
export function runOf(userAgent: string): string | null {
  return NAMED.exec(userAgent)?.[1] ?? null;
}

/**
 * Returns the OpenTelemetry parent of a run's spans: the trace ID is the run ID without hyphens, and the span ID is its
 * end. Null if the ID is not a run ID of Temporal.
 */
export function traceParentOf(runId: string): { readonly traceId: string; readonly spanId: string } | null {
  const traceId = runId.replaceAll('-', '');
  const spanId = traceId.slice(16);
  // An ID of zeros is invalid in OpenTelemetry.
  return RUN_ID.test(runId) && /[^0]/.test(spanId) ? { traceId, spanId } : null;
}

/** The maximum length of a session name in STS. */
const MAX_SESSION_NAME_LENGTH = 64;

/** Returns the name of the session in which a namespace's role is assumed: `iam-bootstrap.ci-platform`. */
export function sessionName(namespace: string): string {
  return `iam-bootstrap.${namespace}`.slice(0, MAX_SESSION_NAME_LENGTH);
}
