import type { ReportedUnreadPart, UnreadPart } from '../contract/capture.js';

/** A read that AWS refused, as it is told: `ListRoles answered AccessDenied: …`. */
interface RefusedRead {
  readonly operation: string;
  readonly code: string;
  /** The words of AWS. */
  readonly message: string;
}

/** The codes by which AWS tells that a permission is missing. */
const DENIED = /^(AccessDenied|UnauthorizedOperation)/;

/** Returns the action to allow: the one that AWS's message names, else that of the operation. */
export function deniedAction({
  message,
  operation,
}: {
  readonly message: string;
  readonly operation: string | null;
}): string {
  const [, named] = /not authorized to perform: ([a-z\d-]+:\w+)/.exec(message) ?? [];
  return named ?? `iam:${operation ?? '*'}`;
}

/** Returns the remedy of a read that AWS refused, from its text. Null where no permission helps. */
export function refusedReadRemedy(text: string): string | null {
  const refused = parseRefusedRead(text);
  if (refused === undefined || !DENIED.test(refused.code)) return null;
  const action = deniedAction(refused);
  return refused.message.includes('explicit deny')
    ? `remove the explicit deny of ${action} for the worker's role, in the policy that AWS's message names`
    : `allow ${action} to the worker's role`;
}

/** Returns a part that could not be read as a report tells it. */
export function withRemedy(part: UnreadPart): ReportedUnreadPart {
  return { ...part, remedy: refusedReadRemedy(part.message) };
}

/** Returns what is the same in the texts of reads that AWS refused for one reason: the operation, the code and the action. */
export function refusalKey(text: string): string {
  const refused = parseRefusedRead(text);
  if (refused === undefined) return text;
  const isDenied = DENIED.test(refused.code);
  return [refused.operation, refused.code, isDenied ? (refusedReadRemedy(text) ?? '') : refused.message].join(' ');
}

function parseRefusedRead(text: string): RefusedRead | undefined {
  const [, operation, code, message] = /\b(\w+) answered (\w+): (.*)$/s.exec(text) ?? [];
  return operation === undefined || code === undefined || message === undefined
    ? undefined
    : { operation, code, message };
}
