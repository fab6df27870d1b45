import {
  ApplicationFailure,
  ChildWorkflowFailure,
  CancellationScope,
  isCancellation,
  log,
  setCurrentDetails,
  workflowInfo,
} from '@temporalio/workflow';
import { isWrite } from '../contract/actions.js';
import { type DriftChanges, type FoundDrift, type LookingRun, MAX_RECORDED } from '../contract/drift-record.js';
import { entityId } from '../contract/entity.js';
import type { EntityReport, Report } from '../contract/report.js';
import { type BootstrapMemo, workflowTaskTimeoutMs } from '../contract/request.js';
import { IamAccount, IamNamespace } from '../contract/search-attributes.js';
import type { ScheduledResult, ScheduledRun } from '../contract/schedule.js';
import { bootstrapWorkflowId, type EnvironmentReference } from '../contract/workflow-ids.js';
import { driftText } from '../report/drift.js';
import { differenceLines } from '../report/drift-record.js';
import { counted, revisionText } from '../report/text.js';
import { couldNotBeRead, unreadIn } from '../report/unread-entities.js';
import { causeActivities, scheduleActivities } from './activities.js';
import { bootstrap } from './bootstrap/bootstrap.js';
import { lockWaitDetails, planDetails, reportDetails } from './details.js';
import { startLocked } from './locked-child.js';
import { recordRun } from './metrics.js';
import { type NewNotification, notify } from './notify.js';
import { planReport } from './plan.js';
import { assertScheduledRun } from './requests.js';
import { hasSearchAttributes, recordOutcome } from './search-attributes.js';

/** Outcomes of entities that differ from the manifest when their run has ended. */
const UNCONVERGED: ReadonlySet<EntityReport['outcome']> = new Set([
  'refused',
  'failed',
  'cancelled',
  'skipped',
  'pending',
]);

/**
 * Compares an environment with its manifest and records what differs. To enforce, it then starts the bootstrap under the
 * lock of the namespace where something is to be written, and records what is left.
 *
 * Fails where it could not look, or the bootstrap was refused or failed, so that the UI shows red where a person has to
 * look. Drift alone is no failure.
 */
export async function scheduledRun(argument: ScheduledRun): Promise<ScheduledResult> {
  assertScheduledRun(argument);
  return new Scheduled(argument).run();
}

type End = Pick<ScheduledResult, 'result' | 'reason' | 'remedy'>;

class Scheduled {
  readonly #argument: ScheduledRun;
  readonly #run: LookingRun;
  readonly #of: EnvironmentReference;
  #looks = 0;
  #inDrift = 0;
  #corrected = 0;

  constructor(argument: ScheduledRun) {
    this.#argument = argument;
    const { workflowId, runId } = workflowInfo();
    const { schedule, command, request } = argument;
    this.#run = { schedule, command, workflowId, runId };
    const { target, namespace, environment } = request;
    this.#of = { account: target.account, namespace, environment };
  }

  async run(): Promise<ScheduledResult> {
    const { request, command } = this.#argument;
    const outdated = await this.#outdated();
    if (outdated !== null) return this.#end(outdated);
    const planned = await planReport(request);
    setCurrentDetails(planDetails(planned));
    recordRun(planned);
    if (!hasLooked(planned)) return this.#end(planned);
    await this.#look(planned);
    const hasWrites = planned.entities.some(({ decision }) => isWrite(decision));
    if (command === 'detect' || !hasWrites) return this.#end(endOf(planned));
    const report = await this.#enforce();
    // Another revision may have been applied while this run waited for the lock.
    const since = report.result === 'refused' ? await this.#outdated() : null;
    if (since !== null) return this.#end(since);
    if (report.entities.length > 0) await this.#look(report);
    setCurrentDetails(reportDetails(report));
    const { reason = report.reason } = unreadIn(report.entities) ?? {};
    return this.#end({ ...report, reason: report.reason ?? reason });
  }

  /** Returns why this manifest says nothing about drift: another one was applied last. Null where it is that one. */
  async #outdated(): Promise<End | null> {
    const { request } = this.#argument;
    const { revision, pipeline } = request;
    if (revision === undefined) return null;
    const last = await scheduleActivities.otherRevision(request);
    if (last === null) return null;
    const applied = `${revisionText(last, last.commit)} was applied last, at ${last.at} by ${last.url ?? `run ${last.runId}`}`;
    const isBack = last.value < revision.value;
    return {
      result: 'outdated',
      reason: `the schedule's manifest is out of date: it is revision ${revisionText(revision, pipeline.commit)}, and ${applied}`,
      remedy: isBack
        ? 'after a rollback, run `iam-bootstrap schedule create --allow-older` with its commit; else apply this one first'
        : 'run `iam-bootstrap schedule create` with the newest commit, best after each apply in the same job',
    };
  }

  /** Starts the bootstrap under the lock of the namespace, and returns its report. */
  async #enforce(): Promise<Report> {
    const { request } = this.#argument;
    const { target, namespace, environment, digest, key, pipeline, manifest, revision } = request;
    const lock = bootstrapWorkflowId(target.account, namespace);
    const memo: BootstrapMemo = {
      ...{ digest, requestKey: key, pipeline, manifest, environment },
      ...(revision === undefined ? {} : { revision }),
    };
    const typedSearchAttributes = [
      { key: IamAccount, value: target.account },
      { key: IamNamespace, value: namespace },
    ];
    const child = await startLocked(bootstrap, {
      lock: 'namespace',
      workflowId: lock,
      options: {
        workflowTaskTimeout: workflowTaskTimeoutMs(request.entities.length),
        staticSummary: `bootstrap ${namespace} for ${this.#run.schedule}`,
        memo: { ...memo },
        ...(hasSearchAttributes() ? { typedSearchAttributes } : {}),
      },
      request: () => request,
      onWait: () => {
        setCurrentDetails(lockWaitDetails(lock));
      },
    });
    try {
      return await child.result();
    } catch (error) {
      const report = reportIn(error);
      if (report === undefined || isCancellation(error)) throw error;
      return report;
    }
  }

  /** Records what a report shows, and looks for the causes of what has begun. */
  async #look(report: Report): Promise<void> {
    const drifted = report.entities.filter(isInDrift);
    const corrected = report.command === 'plan' ? [] : report.entities.filter(isCorrected);
    const unread = unreadIn(report.entities);
    this.#looks += 1;
    this.#inDrift = drifted.length;
    this.#corrected += corrected.length;
    const look = {
      at: new Date().toISOString(),
      run: this.#run,
      manifest: this.#argument.request.manifest,
      declared: this.#argument.request.entities.length,
      found: drifted.slice(0, MAX_RECORDED).map(foundDrift),
      inDrift: drifted.length,
      corrected: corrected.map(entityId),
      ...(unread === undefined ? {} : { unread: { ids: unread.ids, reason: unread.reason } }),
    };
    const changes = await scheduleActivities.recordDrift({ of: this.#of, update: { type: 'look', look } });
    await this.#tell(changes);
    if (unread !== undefined) await this.#tellTrouble({ ...unread, result: 'failed' }, changes);
    if (changes.unexplained.length > 0) await this.#findCauses(changes.unexplained);
  }

  /** Tells people what has begun to drift and what has ended, once each. */
  async #tell({ begun, ended, looking }: DriftChanges): Promise<void> {
    if (looking === 'resumed') {
      const summary = `${this.#run.schedule} looks for drift again`;
      await notify({ ...this.#about(), type: 'run.recovered', summary, reason: null, remedy: null, entities: [] });
    }
    const counts = { drifted: this.#inDrift, begun: begun.length, ended: ended.length };
    const about = { ...this.#about(), reason: null, counts };
    if (begun.length > 0) {
      const differ = counted(begun.length, 'entity differs', 'entities differ');
      const entities = begun.map((entity) => ({ id: entityId(entity), line: differenceLines(entity).join('; ') }));
      const remedy = 'see `iam-bootstrap drift`; apply the manifest, or change it';
      await notify({ ...about, type: 'drift.found', summary: `${differ} from the manifest`, remedy, entities });
    }
    if (ended.length > 0) {
      const agree = counted(ended.length, 'entity agrees', 'entities agree');
      const entities = ended.map((entity) => ({
        id: entityId(entity),
        line: `${entity.how}, was in drift since ${entity.since}`,
      }));
      await notify({
        ...about,
        type: 'drift.gone',
        summary: `${agree} with the manifest again`,
        remedy: null,
        entities,
      });
    }
  }

  /** Returns what all notifications of this run have. */
  #about(): Pick<NewNotification, 'key' | 'at' | 'subject' | 'counts'> {
    const { workflowId, runId } = this.#run;
    const subject = { ...this.#of, workflowId, runId, url: this.#argument.request.pipeline.url };
    // An enforcement looks twice.
    return { key: `${runId}:${String(this.#looks)}`, at: new Date().toISOString(), subject, counts: {} };
  }

  /** Tells people that this schedule cannot look, where that is news. */
  async #tellTrouble({ result, reason, remedy }: End, { looking }: DriftChanges): Promise<void> {
    if (looking !== 'stopped' || result === 'cancelled') return;
    const type = result === 'failed' ? 'run.failed' : 'run.refused';
    const summary = `${this.#run.schedule} cannot look for drift: ${result}`;
    await notify({ ...this.#about(), type, summary, reason, remedy, entities: [] });
  }

  /** Nothing depends on the causes, so that no failure of CloudTrail ends the run. */
  async #findCauses(entities: DriftChanges['unexplained']): Promise<void> {
    const scheduled = this.#argument;
    const causes = await causeActivities.findDriftCauses({ scheduled, entities }).catch((error: unknown) => {
      if (isCancellation(error)) throw error;
      log.warn('Causes of drift not searched', { reason: String(error) });
      return [];
    });
    if (causes.length === 0) return;
    await scheduleActivities.recordDrift({ of: this.#of, update: { type: 'causes', causes } });
  }

  async #end(end: End): Promise<ScheduledResult> {
    const { result, reason, remedy } = end;
    const isFailed = !['converged', 'pending'].includes(result);
    const text = reason ?? `${result}: see the run`;
    recordOutcome(result, 0);
    // A record that has forgotten a schedule, whose open run is then cancelled, is not to name it again.
    const isCancelled = CancellationScope.current().consideredCancelled;
    if (!isCancelled && (this.#looks === 0 || result === 'outdated')) {
      const failed = { at: new Date().toISOString(), result, reason: text, run: this.#run };
      await CancellationScope.nonCancellable(async () => {
        const update = { type: 'failed', failed } as const;
        await this.#tellTrouble(end, await scheduleActivities.recordDrift({ of: this.#of, update }));
      });
    }
    const { command } = this.#argument;
    const ended: ScheduledResult = {
      version: 1,
      command,
      result,
      inDrift: this.#inDrift,
      corrected: this.#corrected,
      reason,
      remedy,
    };
    log[isFailed ? 'warn' : 'info'](`Scheduled run ${result}`, { inDrift: this.#inDrift, corrected: this.#corrected });
    if (!isFailed) return ended;
    throw ApplicationFailure.nonRetryable(text, result === 'refused' ? 'RunRefused' : 'RunFailed', ended);
  }
}

/** Reports whether a plan has read the account. A plan that refuses some entities, or could not read some, has. */
function hasLooked({ result, entities }: Report): boolean {
  return result === 'converged' || result === 'pending' || entities.length > 0;
}

/** Returns the end of a look: drift is no refusal, as nothing was to be written. What could not be read is no drift. */
function endOf({ entities }: Report): End {
  const unread = unreadIn(entities);
  if (unread !== undefined) return { ...unread, result: 'failed' };
  return { result: entities.some(isInDrift) ? 'pending' : 'converged', reason: null, remedy: null };
}

function isInDrift(entity: EntityReport): boolean {
  if (couldNotBeRead(entity)) return false;
  const { outcome, drift } = entity;
  return UNCONVERGED.has(outcome) || (outcome === 'unchanged' && drift.length > 0);
}

function isCorrected({ outcome }: EntityReport): boolean {
  return !UNCONVERGED.has(outcome) && outcome !== 'unchanged';
}

function foundDrift({ kind, name, decision, drift, reason, unread }: EntityReport): FoundDrift {
  // It waits for what could not be read, and differs by itself.
  if (unread?.waiting !== undefined) return { kind, name, action: unread.waiting, lines: drift.map(driftText) };
  const lines = decision === 'refuse' && reason !== null ? [reason] : drift.map(driftText);
  return { kind, name, action: decision, lines };
}

/** Returns the report in the failure of a bootstrap; undefined where it has none. */
function reportIn(error: unknown): Report | undefined {
  const cause = error instanceof ChildWorkflowFailure ? error.cause : error;
  if (!(cause instanceof ApplicationFailure)) return undefined;
  const [report] = (cause.details ?? []) as [Report?];
  return Array.isArray(report?.entities) ? report : undefined;
}
