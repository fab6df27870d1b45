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

/** Reports whether the last look of a schedule could not read all entities: what it did not find may drift. */
export function isIncomplete({ looks }: Pick<DriftRecord, 'looks'>): boolean {
  return looks.some(({ at, failed }) => at !== null && failed?.at === at);
}

/** Returns why the last failed look, which did look, is not complete. Null where there is none. */
export function incompleteText({ looks, failed }: Pick<DriftRecord, 'looks' | 'failed'>): string | null {
  const hasLooked = failed !== null && looks.some((look) => look.at === failed.at && look.failed?.at === failed.at);
  return hasLooked ? `the look at ${failed.at} is incomplete: ${failed.reason}` : null;
}

/** Returns the state of a record: `2 of 30 entities in drift`. */
export function driftStateText(record: DriftRecord): string {
  const { lookedAt, inDrift, declared } = record;
  if (lookedAt === null) return 'not looked at yet';
  const all = counted(declared, 'entity', 'entities');
  const isKnown = !isIncomplete(record);
  if (inDrift === 0)
    return isKnown ? `no drift, ${all}` : `no drift in what was read, and some of ${all} could not be read`;
  return `${String(inDrift)} of ${all} in drift${isKnown ? '' : ', and some could not be read'}`;
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
