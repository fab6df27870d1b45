const UUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const RUN_ID = new RegExp(`^${UUID}$`);
const NAMED = new RegExp(`\\bapp/iam-bootstrap\\.(${UUID})(?![0-9a-f-])`);

/**
 * The application ID in the user agent of a run's calls, by which CloudTrail tells them: 50 characters, and the SDK
 * takes no more. Null where the ID is none that Temporal gives.
 */
export function runKey(runId: string): string | null {
  return RUN_ID.test(runId) ? `iam-bootstrap.${runId}` : null;
}

/** The run that a user agent of CloudTrail's names; null where it names none. */
export function runOf(userAgent: string): string | null {
  return NAMED.exec(userAgent)?.[1] ?? null;
}

/**
 * What OpenTelemetry is told to be the parent of a run's steps: the trace's ID is the run's, without its hyphens, and
 * the span's is the end of it. Null where the ID is none that Temporal gives.
 */
export function traceParentOf(runId: string): { readonly traceId: string; readonly spanId: string } | null {
  const traceId = runId.replaceAll('-', '');
  const spanId = traceId.slice(16);
  // An ID of zeros is none.
  return RUN_ID.test(runId) && /[^0]/.test(spanId) ? { traceId, spanId } : null;
}

/** The longest session name that STS takes. */
const MAX_SESSION_NAME_LENGTH = 64;

/** The name of the session in which a namespace's role is assumed: `iam-bootstrap.ci-platform`. */
export function sessionName(namespace: string): string {
  return `iam-bootstrap.${namespace}`.slice(0, MAX_SESSION_NAME_LENGTH);
}
