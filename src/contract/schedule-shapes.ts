import type {
  DriftCause,
  DriftedEntity,
  DriftLook,
  DriftRecord,
  EndedDrift,
  FailedLook,
  FoundCause,
  FoundDrift,
  LookingRun,
  ScheduleLook,
} from './drift-record.js';
import { bootstrapRequest } from './request-shapes.js';
import { fleetRequest } from './fleet-shapes.js';
import type { ScheduledFleet } from './schedule-permit.js';
import { SCHEDULE_COMMANDS, type ScheduledRun } from './schedule.js';
import { fields, integer, listOf, nullable, oneOf, optional, type Shape, text } from './shape.js';

const command = oneOf(...SCHEDULE_COMMANDS);

/** The argument of the scheduled run, and of the workflow that permits it. */
export const scheduledRun: Shape = fields<ScheduledRun>({
  version: integer,
  schedule: text,
  command,
  request: bootstrapRequest,
});

/** The argument of the workflow that permits a schedule for a fleet. */
export const scheduledFleet: Shape = fields<ScheduledFleet>({
  version: integer,
  schedule: text,
  command,
  request: fleetRequest,
});

const run = fields<LookingRun>({ schedule: text, command, workflowId: text, runId: text });
const found = { kind: text, name: text, action: text, lines: listOf(text) };
const cause = fields<DriftCause>({
  at: text,
  operation: text,
  principal: text,
  requestId: nullable(text),
  eventId: text,
});

const look = fields<DriftLook>({
  at: text,
  run,
  manifest: text,
  declared: integer,
  found: listOf(fields<FoundDrift>(found)),
  inDrift: integer,
  corrected: listOf(text),
  unread: optional(fields<NonNullable<DriftLook['unread']>>({ ids: listOf(text), reason: text })),
});

const failed = fields<FailedLook>({ at: text, result: text, reason: text, run });

const causes = listOf(fields<FoundCause>({ kind: text, name: text, since: text, cause }));

const UPDATES: Readonly<Record<string, Shape>> = {
  look: fields({ look }),
  failed: fields({ failed }),
  causes: fields({ causes }),
};

/** The argument of the update of a drift record. */
export const driftUpdate: Shape = (value, path) => {
  const problem = fields({ type: oneOf(...Object.keys(UPDATES)) })(value, path);
  return problem ?? UPDATES[(value as { readonly type: string }).type]?.(value, path) ?? null;
};

/** The content of a drift record. */
export const driftRecord: Shape = fields<DriftRecord>({
  version: integer,
  account: text,
  namespace: text,
  environment: text,
  lookedAt: nullable(text),
  lookedBy: nullable(run),
  declared: integer,
  drifted: listOf(
    fields<DriftedEntity>({
      ...found,
      since: text,
      notBefore: nullable(text),
      schedules: listOf(text),
      cause: nullable(cause),
    }),
  ),
  inDrift: integer,
  ended: listOf(
    fields<EndedDrift>({
      kind: text,
      name: text,
      since: text,
      cause: nullable(cause),
      endedAt: text,
      how: oneOf('enforced', 'gone'),
    }),
  ),
  failed: nullable(failed),
  looks: listOf(
    fields<ScheduleLook>({
      schedule: text,
      manifest: text,
      at: nullable(text),
      runId: nullable(text),
      declared: integer,
      unlisted: integer,
      failed: nullable(failed),
    }),
  ),
});
