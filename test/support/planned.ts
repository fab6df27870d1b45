import { notesOf } from '../../src/activities/plan/assessed-entity.js';
import type { PlannedEntity } from '../../src/contract/activities.js';
import type { DesiredEntity, JsonObject } from '../../src/contract/entity.js';
import type { EntityReport, Report } from '../../src/contract/report.js';
import type { BootstrapRequest } from '../../src/contract/request.js';
import type { Observed } from '../../src/engine/comparison.js';
import { assess } from '../../src/engine/decide.js';
import { OwnershipTag } from '../../src/engine/ownership.js';
import { findKind } from '../../src/kinds/index.js';
import { buildReport, plannedReport } from '../../src/report/build.js';
import { desired } from './desired.js';

const TARGET = { account: '111111111111', partition: 'aws' };
const NAMESPACE = 'ci';

/** Tags of an entity that the namespace has created. */
export const OURS = {
  [OwnershipTag.Namespace]: NAMESPACE,
  [OwnershipTag.Origin]: 'created',
  [OwnershipTag.Intent]: 'run-0',
};

/** One declared entity, and what the account has in its place. */
export interface Wanted {
  readonly kind: string;
  readonly spec: JsonObject;
  /** Undefined where it does not exist. */
  readonly found?: Pick<Observed, 'state'> & Partial<Observed>;
  readonly more?: Partial<DesiredEntity>;
}

/** Returns the request of declared entities. */
export function requestOf(wanted: readonly Wanted[]): BootstrapRequest {
  return {
    version: 1,
    target: TARGET,
    namespace: NAMESPACE,
    environment: 'prod',
    entities: wanted.map(desiredOf),
    digest: 'sha256:0',
    key: 'key',
    pipeline: { provider: 'local', url: null, commit: null, actor: null },
    keepGoing: false,
    manifest: 'iam/bootstrap.yaml',
  };
}

function desiredOf({ kind, spec, more }: Wanted): DesiredEntity {
  return desired(kind, kindOf(kind).nameOf(spec), spec, more);
}

function kindOf(name: string): NonNullable<ReturnType<typeof findKind>> {
  const kind = findKind(name);
  if (kind === undefined) throw new RangeError(`no kind ${name}`);
  return kind;
}

/** Returns the report of a plan, decided by the rules of the engine. */
export function planOf(wanted: readonly Wanted[], more: Partial<Report> = {}): Report {
  return reportOfRun(wanted, (entity) => entity, { command: 'plan', ...more });
}

/** Returns the report of a run: of each entity, what became of its plan. */
export function reportOfRun(
  wanted: readonly Wanted[],
  ended: (planned: EntityReport, index: number) => EntityReport,
  more: Partial<Report> = {},
): Report {
  const request = requestOf(wanted);
  const run = { command: 'apply' as const, request, workflowId: 'iam-bootstrap:111111111111:ci', runId: 'run-1' };
  const entities = wanted.map((one, index) => ended(plannedReport(plannedOf(one), undefined), index));
  return { ...buildReport({ ...run, startedAt: 0 }, entities, { ListRoles: 4 }, 1_200), ...more };
}

function plannedOf(wanted: Wanted): PlannedEntity {
  const entity = desiredOf(wanted);
  const kind = kindOf(wanted.kind);
  const arn = kind.arnOf(wanted.spec, TARGET);
  const observed: Observed | undefined = wanted.found && {
    name: entity.name,
    arn,
    createdAt: '2024-01-01T00:00:00.000Z',
    tags: {},
    ...wanted.found,
  };
  const context = { namespace: NAMESPACE, partition: 'aws', intent: 'run-1' };
  const assessment = assess(kind, entity, wanted.spec, observed, context);
  const planned: PlannedEntity = {
    kind: entity.kind,
    name: entity.name,
    arn,
    decision: assessment.decision,
    workflowId: '',
    after: [],
  };
  const notes = notesOf({ entity, kind, spec: wanted.spec, observed, assessment, planned }, TARGET);
  return { ...planned, decision: { ...planned.decision, ...notes } };
}
