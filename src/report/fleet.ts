import { OUTCOMES } from '../contract/report.js';
import type { EntityReport, Outcome, Report, ReportResult, Summary } from '../contract/report.js';
import type {
  AccountReport,
  AccountRun,
  AccountRunEnd,
  FleetAccount,
  FleetEntity,
  FleetLimit,
  FleetReport,
  FleetRequest,
  ResolvedFleet,
} from '../contract/fleet.js';
import type { ScheduledResult } from '../contract/schedule.js';
import { addCalls } from './build.js';
import { withoutNumbers } from './text.js';

/** Entities of one account that a fleet's report lists. The report of the account's run has all. */
const MAX_ENTITIES = 50;

/** Entities that a fleet's report lists of all accounts, so that it fits into one payload of Temporal. */
export const MAX_FLEET_ENTITIES = 5_000;

/** Characters of a reason in a fleet's report. */
const MAX_REASON_LENGTH = 300;

/** Results of an account, the gravest first. */
const GRAVITY: readonly AccountReport['result'][] = ['failed', 'refused', 'busy', 'cancelled', 'skipped', 'pending'];

/** Results of an account that count as failures of its fleet. */
const FAILURES: ReadonlySet<AccountReport['result']> = new Set(['failed', 'refused', 'busy']);

/** Reports whether an account counts as a failure of its fleet. */
export function isAccountFailure({ result }: Pick<AccountReport, 'result'>): boolean {
  return FAILURES.has(result);
}

/** Returns the position after the last account of each wave. The last wave ends with all accounts. */
export function waveEnds(waves: readonly FleetLimit[], total: number): readonly number[] {
  const ends: number[] = [];
  for (const wave of [...waves, { percent: 100 }]) {
    const end = 'accounts' in wave ? Math.min(wave.accounts, total) : Math.ceil((total * wave.percent) / 100);
    if (end > (ends.at(-1) ?? 0)) ends.push(end);
  }
  return ends;
}

/** Returns the number of failed accounts that a fleet tolerates. */
export function toleratedFailures(limit: FleetLimit, total: number): number {
  return 'accounts' in limit ? limit.accounts : Math.floor((total * limit.percent) / 100);
}

/** The parts of an account's result that no report of a run tells. */
export interface AccountOutcome {
  readonly account: FleetAccount;
  /** The wave, from 1. */
  readonly wave: number;
  readonly durationMs: number;
}

/** Returns the result of an account by the report of its run. */
export function accountReport(
  outcome: AccountOutcome,
  { result, reason, remedy, summary, entities, workflow, apiCalls }: Report,
  maxEntities: number,
): AccountReport {
  const listed = entities.filter((entity) => entity.outcome !== 'unchanged').map(fleetEntity);
  const shown = listed.slice(0, Math.min(MAX_ENTITIES, maxEntities));
  return {
    ...accountWithoutRun(outcome, { result, reason: reason ?? reasonOf(entities), remedy }),
    summary,
    entities: shown,
    ...(listed.length > shown.length ? { omittedEntities: listed.length - shown.length } : {}),
    workflow: { workflowId: workflow.workflowId, runId: workflow.runId },
    calls: apiCalls.byOperation,
  };
}

/** Returns the result of an account by that of its scheduled run. Its drift record has the entities. */
export function scheduledAccountReport(
  outcome: AccountOutcome,
  { result, reason, remedy, inDrift, corrected }: ScheduledResult,
  run: AccountRun | null,
): AccountReport {
  return {
    ...accountWithoutRun(outcome, { result: result === 'outdated' ? 'refused' : result, reason, remedy }),
    summary: { ...NO_ENTITIES, pending: inDrift, updated: corrected },
    workflow: run,
  };
}

/** Reports whether something that an account's run has ended with is its report, or the result of a scheduled run. */
export function isAccountRunEnd(end: unknown): end is AccountRunEnd {
  return typeof end === 'object' && end !== null && ('entities' in end || 'inDrift' in end);
}

/** Returns the result of an account that has no report of a run. */
export function accountWithoutRun(
  { account, wave, durationMs }: AccountOutcome,
  { result, reason, remedy }: Pick<AccountReport, 'result' | 'reason' | 'remedy'>,
): AccountReport {
  return {
    account: account.id,
    name: account.name,
    result,
    reason: shortened(reason),
    remedy: shortened(remedy),
    wave,
    summary: NO_ENTITIES,
    entities: [],
    workflow: null,
    calls: {},
    durationMs,
  };
}

const NO_ENTITIES: Summary = {
  ...(Object.fromEntries(OUTCOMES.map((one) => [one, 0])) as Record<Outcome, number>),
  conflicts: 0,
};

function fleetEntity({ kind, name, outcome, decision, reason }: EntityReport): FleetEntity {
  return { kind, name, outcome, decision, reason: shortened(reason) };
}

/** Returns the reason of the first entity that did not converge. Null where none has one. */
function reasonOf(entities: readonly EntityReport[]): string | null {
  const first = entities.find(({ outcome }) => outcome === 'failed' || outcome === 'refused');
  return first === undefined ? null : `${first.kind}/${first.name}: ${first.reason ?? first.outcome}`;
}

function shortened(text: string | null): string | null {
  return text === null || text.length <= MAX_REASON_LENGTH ? text : `${text.slice(0, MAX_REASON_LENGTH)}…`;
}

/** The run of a fleet that a report is about. */
export interface ReportedFleet {
  readonly request: FleetRequest;
  readonly workflowId: string;
  readonly runId: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly resolved: Pick<ResolvedFleet, 'leftOut' | 'calls'>;
}

/** Builds the report of a fleet from the results of its accounts. */
export function buildFleetReport(
  { request, workflowId, runId, startedAt, resolved }: ReportedFleet,
  accounts: readonly AccountReport[],
  now: number,
): FleetReport {
  const { command, fleet, namespace, environment, digest, key, pipeline } = request;
  return {
    version: 1,
    command,
    result: fleetResult(accounts),
    reason: null,
    remedy: null,
    fleet,
    namespace,
    environment,
    digest,
    request: { key, pipeline },
    workflow: { workflowId, runId },
    accounts,
    leftOut: resolved.leftOut,
    summary: totalOf(accounts),
    calls: accounts.reduce((sum, { calls }) => addCalls(sum, calls), resolved.calls),
    startedAt: new Date(startedAt).toISOString(),
    durationMs: now - startedAt,
  };
}

function totalOf(accounts: readonly AccountReport[]): Summary {
  const total: Record<string, number> = { ...NO_ENTITIES };
  for (const { summary } of accounts) {
    for (const [outcome, count] of Object.entries(summary)) total[outcome] = (total[outcome] ?? 0) + count;
  }
  return total as Summary;
}

/** Returns the result that the accounts of a fleet amount to. The gravest wins. */
function fleetResult(accounts: readonly Pick<AccountReport, 'result'>[]): ReportResult {
  const results = new Set(accounts.map(({ result }) => result));
  const gravest = GRAVITY.find((result) => results.has(result)) ?? 'converged';
  // An account is skipped for what happened to others, or for what a person decided.
  return gravest === 'skipped' ? 'cancelled' : gravest;
}

/** Returns the accounts that tell people nothing themselves: they failed before a run of their own has begun. */
export function accountsWithoutRun({ accounts }: Pick<FleetReport, 'accounts'>): readonly AccountReport[] {
  return accounts.filter((account) => isAccountFailure(account) && account.workflow === null);
}

/**
 * Returns what went wrong with a fleet beyond the runs of its accounts, a line each, as it is in the next run that ends
 * for the same reasons. Empty where each account had its run.
 */
export function fleetTrouble(report: Pick<FleetReport, 'result' | 'reason' | 'accounts'>): readonly string[] {
  const { result, reason } = report;
  const stop = reason === null ? [] : [`${result} ${withoutNumbers(reason)}`];
  const accounts = accountsWithoutRun(report).map(
    (one) => `${one.account} ${one.result} ${withoutNumbers(one.reason ?? '')}`,
  );
  return [...stop, ...accounts];
}

/** Returns the command that approves a wave of a fleet. */
export function approveWaveCommand(namespace: string, fleet: string, plan: string): string {
  return `iam-bootstrap approve --namespace ${namespace} --fleet ${fleet} --plan ${plan}`;
}

/** Counts the accounts of a fleet by result. */
export function resultsOf(accounts: Iterable<AccountReport>): Partial<Record<AccountReport['result'], number>> {
  const counts: Partial<Record<AccountReport['result'], number>> = {};
  for (const { result } of accounts) counts[result] = (counts[result] ?? 0) + 1;
  return counts;
}
