import { ApplicationFailure, condition, setHandler, upsertMemo, workflowInfo } from '@temporalio/workflow';
import { entityId } from '../../contract/entity.js';
import { code, plain } from '../../report/markdown.js';
import { ApprovalRefused, approvalDecisionProblem } from '../../contract/approval.js';
import { approveSignal, approveUpdate, rejectSignal, rejectUpdate } from '../../contract/messages.js';
import { AWAITING_APPROVAL } from '../../contract/search-attributes.js';
import type { BootstrapMemo, BootstrapRequest } from '../../contract/request.js';
import type { ApprovalDecision, PendingApproval } from '../../contract/approval.js';
import { driftText } from '../../report/drift.js';
import type { Approval, Report, Verdict } from '../../contract/report.js';
import type { Plan } from '../../contract/activities.js';
import type { Cancellation } from '../locked-child.js';
import { recordWaiting } from '../search-attributes.js';

const DECISIONS = [
  { update: approveUpdate, signal: approveSignal, verdict: 'approved' },
  { update: rejectUpdate, signal: rejectSignal, verdict: 'rejected' },
] as const;

/** Entities, and lines of each, that the run's page shows of a plan. */
const MAX_ROWS = 50;
const MAX_LINES = 10;

/**
 * Waits for a person's answer to a plan. The first answer that names the plan counts. Updates are refused by their
 * validator, and leave no trace; signals that are no answer are counted and named on the run's page.
 */
export class ApprovalGate {
  #gate: PendingApproval | null = null;
  #approval: Approval | null = null;
  #ignored = 0;
  #why = '';
  readonly #changed: () => void;

  /** @param changed - called where the run's page has something new to show */
  constructor(request: BootstrapRequest, changed: () => void) {
    this.#changed = changed;
    for (const { update, signal, verdict } of DECISIONS) {
      setHandler(update, (answer) => this.#close(verdict, answer), {
        validator: (answer) => {
          this.#check(answer);
        },
      });
      // A signal whose payload cannot be read fails the task of a workflow that takes it: only where one may come.
      if (request.approval === undefined) continue;
      setHandler(signal, (answer: unknown) => {
        try {
          this.#check(answer);
          this.#close(verdict, answer);
        } catch (error) {
          if (!(error instanceof ApplicationFailure)) throw error;
          this.#ignored += 1;
          this.#why = `${signal.name}: ${error.message}`;
          this.#changed();
        }
      });
    }
  }

  /** The plan that waits, while it does. */
  get open(): PendingApproval | null {
    return this.#approval === null ? this.#gate : null;
  }

  /** What was said in the end. */
  get approval(): Approval | null {
    return this.#approval;
  }

  /** Opens the gate for a plan and waits until it is answered, its time is over, or the run is cancelled. */
  async wait(plan: string, report: Report, timeoutMs: number, cancelled: Cancellation): Promise<Approval> {
    const openedAt = Date.now();
    this.#gate = {
      plan,
      report,
      openedAt: new Date(openedAt).toISOString(),
      expiresAt: new Date(openedAt + timeoutMs).toISOString(),
    };
    const memo = (awaitingApproval: string | null): Record<keyof Pick<BootstrapMemo, 'awaitingApproval'>, unknown> => ({
      awaitingApproval,
    });
    upsertMemo(memo(plan));
    recordWaiting(AWAITING_APPROVAL);
    this.#changed();
    const inTime = await condition(() => this.#approval !== null || cancelled.isRequested(), timeoutMs);
    const approval = this.#approval ?? this.#close(inTime ? 'cancelled' : 'expired', null);
    upsertMemo(memo(null));
    recordWaiting(null);
    return approval;
  }

  #close(verdict: Verdict, answer: ApprovalDecision | null): Approval {
    const { plan, openedAt } = this.#gate ?? { plan: '', openedAt: '' };
    const [by, reason] = [answer?.by ?? null, answer?.reason ?? null];
    this.#approval = { plan, verdict, by, reason, openedAt, at: new Date().toISOString() };
    this.#changed();
    return this.#approval;
  }

  #check(answer: unknown): asserts answer is ApprovalDecision {
    const problem = approvalDecisionProblem(answer);
    if (problem !== null) throw ApplicationFailure.nonRetryable(problem, ApprovalRefused.Malformed);
    if (this.#gate === null) {
      throw ApplicationFailure.nonRetryable(
        'no plan of this run waits for an approval',
        ApprovalRefused.NoPendingApproval,
      );
    }
    if (this.#approval !== null) {
      const { verdict, by } = this.#approval;
      const message = `the plan is ${verdict} already${by === null ? '' : `, by ${by}`}`;
      throw ApplicationFailure.nonRetryable(message, ApprovalRefused.AlreadyDecided, this.#approval);
    }
    if ((answer as ApprovalDecision).plan !== this.#gate.plan) {
      const message = `the plan that waits is another one, ${this.#gate.plan}`;
      throw ApplicationFailure.nonRetryable(message, ApprovalRefused.AnotherPlan, this.#gate.plan);
    }
  }

  /** The plan and how to answer it, for the run's page in the Temporal UI. */
  page(): string[] {
    const gate = this.open;
    if (gate === null) return [];
    const { account, namespace } = gate.report;
    const planned = gate.report.entities.filter(({ decision }) => decision !== 'no-op');
    const rows = planned.slice(0, MAX_ROWS).map((entity) => {
      const lines = [...entity.drift.map(driftText), ...(entity.reason === null ? [] : [entity.reason])];
      const left = lines.length - MAX_LINES + (entity.omittedLines ?? 0);
      const shown = [...lines.slice(0, MAX_LINES).map(plain), ...(left > 0 ? [`and ${String(left)} more`] : [])];
      return `| ${plain(entityId(entity))} | ${entity.decision} | ${shown.join('<br>')} |`;
    });
    return [
      '',
      `Plan ${code(gate.plan)}, until ${gate.expiresAt}`,
      '',
      '| entity | to | what |',
      '| --- | --- | --- |',
      ...rows,
      ...(planned.length > MAX_ROWS ? ['', `and ${String(planned.length - MAX_ROWS)} more`] : []),
      '',
      `To answer: ${code(`iam-bootstrap approve --account ${account} --namespace ${namespace} --plan ${gate.plan}`)}, or \`reject\`;`,
      'or send this run the update or the signal `approve` or `reject`, with your name in this input:',
      '',
      '```json',
      JSON.stringify({ plan: gate.plan, by: 'NAME', reason: '' }),
      '```',
      ...(this.#ignored === 0
        ? []
        : ['', `${String(this.#ignored)} signals were no answer and were ignored; the last: ${plain(this.#why)}`]),
    ];
  }
}

/** What a run that is not approved says of itself. */
export function refusalOf({ verdict, by, reason }: Approval): { readonly reason: string; readonly remedy: string } {
  if (verdict === 'rejected') {
    const why = reason === null || reason === '' ? '' : `: ${reason}`;
    return { reason: `rejected by ${by ?? ''}${why}`, remedy: 'agree on another plan, and apply it' };
  }
  return { reason: 'not approved in time', remedy: 'apply again, and have the plan approved' };
}

/** What is not as it was when the plan was approved, in a line for each entity. Of one request. */
export function differencesOf(approved: Plan, planned: Plan): string[] {
  return planned.entities.flatMap((now, index) => {
    const before = approved.entities[index];
    const id = entityId(now);
    if (before?.decision.action !== now.decision.action) {
      return [`${id} was to ${before?.decision.action ?? ''}, and now to ${now.decision.action}`];
    }
    if (before.digest === now.digest) return [];
    const drift = now.decision.drift.map(driftText);
    const seen = before.decision.drift.map(driftText);
    const changed = drift.filter((line) => !seen.includes(line));
    return [
      `${id} is no longer as the approved plan has seen it${changed.length === 0 ? '' : `: ${changed.join('; ')}`}`,
    ];
  });
}

/** A plan without a digest was made by a worker that knows no approval: nothing of it may be written. */
export function assertDigest(plan: Plan): asserts plan is Plan & { readonly digest: string } {
  if (plan.digest !== undefined) return;
  const { taskQueue } = workflowInfo();
  throw ApplicationFailure.nonRetryable(
    `a worker of ${taskQueue} is too old to plan for an approval: upgrade every worker`,
    'InvalidManifest',
  );
}
