import type { DriftCause, DriftedEntity, DriftRecord } from '../contract/drift-record.js';
import { counted } from './text.js';

/** Returns who has probably caused a drift: `PutRolePolicy by arn:… at …`. */
export function causeText({ operation, principal, at }: DriftCause): string {
  return `${operation} by ${principal} at ${at}`;
}

/** Returns what differs of an entity, in a line each. */
export function differenceLines({ action, lines }: Pick<DriftedEntity, 'action' | 'lines'>): readonly string[] {
  if (lines.length > 0) return lines;
  switch (action) {
    case 'create':
      return ['it does not exist'];
    case 'delete':
    case 'release':
      return ['it should be gone'];
    case 'adopt':
      return ['it exists, and is not owned by this namespace'];
    default:
      return [];
  }
}

/** Returns the state of a record: `2 of 30 entities in drift`. */
export function driftStateText({ lookedAt, inDrift, declared, failed }: DriftRecord): string {
  if (lookedAt === null) return 'not looked at yet';
  const all = counted(declared, 'entity', 'entities');
  const unread = failed?.at === lookedAt ? ', and some could not be read' : '';
  return `${inDrift === 0 ? `no drift, ${all}` : `${String(inDrift)} of ${all} in drift`}${unread}`;
}

/** Returns the record of an environment that nothing has looked at. */
export function emptyRecord(of: Pick<DriftRecord, 'account' | 'namespace' | 'environment'>): DriftRecord {
  const { account, namespace, environment } = of;
  return {
    version: 1,
    account,
    namespace,
    environment,
    lookedAt: null,
    lookedBy: null,
    declared: 0,
    drifted: [],
    inDrift: 0,
    ended: [],
    failed: null,
    looks: [],
  };
}

/** Returns a record with the fields that the records of older builds lack. Anything else is returned unchanged. */
export function completedRecord(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const { drifted } = value as { readonly drifted?: unknown };
  const entities = Array.isArray(drifted)
    ? drifted.map((entity: unknown) => withDefaults(entity, { schedules: [] }))
    : drifted;
  return withDefaults({ ...value, drifted: entities }, { looks: [] });
}

function withDefaults(value: unknown, defaults: object): unknown {
  return typeof value === 'object' && value !== null ? { ...defaults, ...value } : value;
}
