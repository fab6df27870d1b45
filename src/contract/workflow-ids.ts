import { MAX_WORKFLOW_ID_LENGTH } from './entity.js';

/** Workflow types, as `temporal workflow start --type` takes them. */
export const WorkflowType = {
  AccountLedger: 'accountLedger',
  Bootstrap: 'bootstrap',
  Capture: 'capture',
  DriftRecord: 'driftRecord',
  Explain: 'explain',
  Fleet: 'fleet',
  Ledger: 'ledger',
  LookUp: 'lookUp',
  Notification: 'notification',
  PermitSchedule: 'permitSchedule',
  Plan: 'plan',
  ProofKey: 'proofKey',
  ProofUse: 'proofUse',
  ReconcileEntity: 'reconcileEntity',
  ScheduledRun: 'scheduledRun',
  WorkerGate: 'workerGate',
} as const;

/** Returns the ID of the bootstrap workflow: one writer for each namespace of an account. */
export function bootstrapWorkflowId(account: string, namespace: string): string {
  return `iam-bootstrap:${account}:${namespace}`;
}

/** Returns the account and namespace in the ID of a bootstrap workflow. Empty if the ID has none. */
export function parseBootstrapWorkflowId(workflowId: string): { readonly account: string; readonly namespace: string } {
  const [, account = '', namespace = ''] = workflowId.split(':');
  return { account, namespace };
}

/** Returns the ID of the workflow that records the revisions of a namespace. */
export function ledgerWorkflowId(account: string, namespace: string): string {
  return `iam-bootstrap-ledger:${account}:${namespace}`;
}

/** Returns the ID of the workflow that records which namespace of an account declares which entity without tags. */
export function accountLedgerWorkflowId(account: string): string {
  return `iam-bootstrap-ledger:${account}`;
}

/** The environment of a namespace in an account. */
export interface EnvironmentReference {
  readonly account: string;
  readonly namespace: string;
  readonly environment: string;
}

/** The start of the IDs of all schedules, and of their runs. */
export const SCHEDULE_ID_PREFIX = 'iam-bootstrap-schedule:';

/** The part of a schedule's ID that takes the place of the account where it is for a fleet. */
const FLEET_SEGMENT = 'fleet';

/** The environment that a schedule is for. The account is null for a fleet, whose name is then that of the environment. */
export interface ScheduledEnvironment extends Omit<EnvironmentReference, 'account'> {
  readonly account: string | null;
}

/**
 * Returns the ID of a schedule. There is one for each environment and command, unless it has a name.
 *
 * @param of - the environment, or the fleet
 * @param command - `detect` or `enforce`
 * @param name - tells it from others of the same environment and command
 */
export function scheduleId(of: ScheduledEnvironment, command: string, name?: string): string {
  const suffix = name === undefined ? '' : `:${name}`;
  return `${SCHEDULE_ID_PREFIX}${environmentPath({ ...of, account: of.account ?? FLEET_SEGMENT })}:${command}${suffix}`;
}

/** Returns what the ID of a schedule says. Any client may have made it. */
export function parseScheduleId(id: string): ScheduledEnvironment & { readonly command: string } {
  const { account, rest, ...of } = parseEnvironmentPath(id.slice(SCHEDULE_ID_PREFIX.length));
  return { ...of, account: account === FLEET_SEGMENT ? null : account, command: rest[0] ?? '' };
}

/** Returns the ID by which the schedule of a fleet is known in one of its accounts, and the key of its requests there. */
export function accountScheduleId(schedule: string, account: string): string {
  return `${schedule}:${account}`;
}

/** Returns the ID of the runs in one account that those of a fleet's schedule start, one at a time. */
export function scheduledAccountWorkflowId(key: string): string {
  return `${key}:run`;
}

const DRIFT_RECORD_ID_PREFIX = 'iam-bootstrap-drift:';

/** Returns the ID of the workflow that records the drift of an environment. */
export function driftRecordWorkflowId(of: EnvironmentReference): string {
  return `${DRIFT_RECORD_ID_PREFIX}${environmentPath(of)}`;
}

/** Returns the environment in the ID of a drift record. Empty if the ID has none. */
export function parseDriftRecordWorkflowId(workflowId: string): EnvironmentReference {
  const { account, namespace, environment } = parseEnvironmentPath(workflowId.slice(DRIFT_RECORD_ID_PREFIX.length));
  return { account, namespace, environment };
}

/** Returns the environment and the rest of a path. Any client may have made the ID that it is part of. */
function parseEnvironmentPath(path: string): EnvironmentReference & { readonly rest: readonly string[] } {
  const [account = '', namespace = '', environment = '', ...rest] = path.split(':');
  try {
    return { account, namespace, environment: decodeURIComponent(environment), rest };
  } catch {
    return { account, namespace, environment, rest };
  }
}

/** An environment may have any name. */
function environmentPath({ account, namespace, environment }: EnvironmentReference): string {
  return `${account}:${namespace}:${encodeURIComponent(environment)}`;
}

/** Returns the ID of a workflow that permits a schedule. `key` tells it from others. */
export function permitScheduleWorkflowId(account: string | null, key: string): string {
  return `iam-bootstrap-permit:${account ?? FLEET_SEGMENT}:${key}`;
}

/** Returns the ID of a plan workflow. It takes no lock, so its ID contains the request's key. */
export function planWorkflowId(account: string, namespace: string, key: string): string {
  return `iam-bootstrap-plan:${account}:${namespace}:${key}`;
}

/** Returns the ID of the workflow that applies a manifest to a fleet. It is the lock of the fleet. */
export function fleetWorkflowId(namespace: string, fleet: string): string {
  return `iam-bootstrap-fleet:${namespace}:${fleet}`;
}

/** Returns the ID of the workflow that plans a fleet. It takes no lock, so its ID contains the request's key. */
export function fleetPlanWorkflowId(namespace: string, fleet: string, key: string): string {
  return `iam-bootstrap-fleet-plan:${namespace}:${fleet}:${key}`;
}

/** Returns the ID of the workflow that remembers for which run a proof was used. */
export function proofUseWorkflowId(id: string): string {
  return `iam-bootstrap-proof:${id}`;
}

/** Returns the ID of the workflow that delivers a notification. */
export function notificationWorkflowId(id: string): string {
  return `iam-bootstrap-notification:${id}`;
}

/** Returns the command that ends a run which does not answer. */
export function terminateCommand(temporalNamespace: string, workflowId: string, runId: string): string {
  return `temporal workflow terminate --namespace ${temporalNamespace} --workflow-id ${workflowId} --run-id ${runId}`;
}

/** Returns the ID of a workflow that tells a client how to prove who it is. `key` tells it from others. */
export function proofKeyWorkflowId(account: string | null, key: string): string {
  return `iam-bootstrap-proof-key:${account ?? FLEET_SEGMENT}:${key}`;
}

/** Returns the ID of a workflow that looks up entities. `key` tells it from others. */
export function lookUpWorkflowId(account: string, key: string): string {
  return `iam-bootstrap-look-up:${account}:${key}`;
}

/** Returns the ID of a workflow that reads a page of an account. `key` tells it from others. */
export function captureWorkflowId(account: string, key: string): string {
  return `iam-bootstrap-capture:${account}:${key}`;
}

/** Returns the start of the IDs of the reconcile-entity workflows of an account. */
export function entityWorkflowIdPrefix(account: string): string {
  return `iam:${account}:`;
}

/**
 * Returns the ID of the reconcile-entity workflow: one writer for each entity, across namespaces. A key that would make
 * the ID longer than {@link MAX_WORKFLOW_ID_LENGTH} keeps its head and ends in a digest. `digest` is a hash function:
 * workflow code has none, so the plan activity makes these IDs.
 */
export function entityWorkflowId(
  account: string,
  entity: { readonly kind: string; readonly name: string },
  digest: (text: string) => string,
): string {
  const key = entity.name.toLowerCase();
  const id = `${entityWorkflowIdPrefix(account)}${entity.kind}:${key}`;
  if (id.length <= MAX_WORKFLOW_ID_LENGTH) return id;
  const suffix = `~${digest(key).slice(0, 16)}`;
  return id.slice(0, MAX_WORKFLOW_ID_LENGTH - suffix.length) + suffix;
}
