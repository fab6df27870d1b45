import type { WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { ApprovedPlan, VerifyDecisionRequest } from '../../src/contract/activities.js';
import type { ApprovalDecision } from '../../src/contract/approval.js';
import type { SignedIdentity } from '../../src/contract/identity.js';
import { approvalQuery, approveSignal, approveUpdate, rejectUpdate } from '../../src/contract/messages.js';
import type { Approval } from '../../src/contract/report.js';
import type { BootstrapRequest } from '../../src/contract/request.js';
import { bootstrapWorkflowId } from '../../src/contract/workflow-ids.js';
import type { bootstrap } from '../../src/workflows/index.js';
import {
  creating,
  HeldCall,
  outcomesOf,
  planOf,
  PLAN_DIGEST,
  reportOf,
  requestFor,
  role,
  WorkflowStage,
  wrote,
} from '../support/workflow-stage.js';

let stage: WorkflowStage;
let creates: number;

beforeAll(async () => {
  stage = await WorkflowStage.start();
});

afterAll(async () => {
  await stage.stop();
});

const alice = { plan: PLAN_DIGEST, by: 'alice', reason: 'as agreed' };

function gatedRequest(): BootstrapRequest {
  const request = requestFor([role('deploy')], { approval: { timeoutMs: stage.durations.approvalMs } });
  creates = 0;
  const { createEntity = fail, ...activities } = creating(request);
  stage.activities = {
    ...activities,
    createEntity: (argument) => {
      creates += 1;
      return createEntity(argument);
    },
  };
  return request;
}

function fail(): never {
  throw new Error('not an activity of this test');
}

function withoutApproval(request: BootstrapRequest): BootstrapRequest {
  const draft: BootstrapRequest = { ...request };
  Reflect.deleteProperty(draft, 'approval');
  return draft;
}

async function pendingPlan(run: WorkflowHandle): Promise<string> {
  for (;;) {
    const pending = await run.query(approvalQuery);
    if (pending !== null) return pending.plan;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test('a plan that nobody decides on expires after its time, and nothing is written', async () => {
  const report = await stage.bootstrap(gatedRequest());
  expect(report).toMatchObject({
    result: 'refused',
    reason: 'the plan was not approved in time',
    approval: { verdict: 'expired', by: null },
  });
  const { openedAt = '', at = '' } = report.approval ?? {};
  expect(Date.parse(at) - Date.parse(openedAt)).toBeGreaterThanOrEqual(stage.durations.approvalMs);
  expect(creates).toBe(0);
});

test('an update approves the plan, and a second decision is refused', async () => {
  const request = gatedRequest();
  const create = new HeldCall();
  stage.activities.createEntity = () => create.hold().then(() => wrote('create'));
  const run = await stage.startBootstrap(request);
  expect(await pendingPlan(run)).toBe(PLAN_DIGEST);
  const approval = await run.executeUpdate(approveUpdate, { args: [alice] });
  expect(approval).toMatchObject({ verdict: 'approved', by: 'alice' });
  const second = run.executeUpdate(rejectUpdate, { args: [{ plan: PLAN_DIGEST, by: 'bob' }] });
  await expect(second).rejects.toMatchObject({
    cause: { type: 'AlreadyDecided', message: 'the plan is already approved by alice' },
  });
  create.release();
  expect(await reportOf(run)).toMatchObject({ result: 'converged', approval: { by: 'alice', reason: 'as agreed' } });
});

test('a signal approves the plan; signals that are not a decision are ignored', async () => {
  const run = await stage.startBootstrap(gatedRequest());
  await pendingPlan(run);
  await run.signal('approve', 'yes');
  await run.signal(approveSignal, { plan: `sha256:${'2'.repeat(64)}`, by: 'bob' });
  await run.signal(approveSignal, alice);
  expect(await reportOf(run)).toMatchObject({ result: 'converged', approval: { verdict: 'approved', by: 'alice' } });
});

test('a signal that comes before the first step of a run is ignored, and the run goes on', async () => {
  const request = gatedRequest();
  const run = await stage.client.workflow.signalWithStart<typeof bootstrap, [ApprovalDecision]>('bootstrap', {
    taskQueue: 'workflows',
    workflowId: bootstrapWorkflowId(request.target.account, request.namespace),
    args: [request],
    signal: approveSignal,
    signalArgs: [alice],
  });
  await pendingPlan(run);
  await run.signal(approveSignal, alice);
  expect(await reportOf(run)).toMatchObject({ result: 'converged', approval: { verdict: 'approved', by: 'alice' } });
});

test('a rejected plan ends the run as refused, with who rejected it and why', async () => {
  const run = await stage.startBootstrap(gatedRequest());
  await pendingPlan(run);
  await run.executeUpdate(rejectUpdate, { args: [{ ...alice, reason: 'not on a Friday' }] });
  const report = await reportOf(run);
  expect([report.result, report.reason]).toEqual(['refused', 'rejected by alice: not on a Friday']);
  expect(outcomesOf(report)).toEqual({ deploy: 'skipped' });
  expect(creates).toBe(0);
});

test('a plan that has changed since its approval is not written', async () => {
  const request = gatedRequest();
  let plans = 0;
  stage.activities.planEntities = () => Promise.resolve(planOf(request, (plans += 1) === 1 ? 'create' : 'adopt'));
  const run = await stage.startBootstrap(request);
  await pendingPlan(run);
  await run.executeUpdate(approveUpdate, { args: [alice] });
  expect(await reportOf(run)).toMatchObject({
    result: 'refused',
    reason: 'the plan has changed since it was approved: Role/deploy: approved to create, now to adopt',
  });
  expect(creates).toBe(0);
});

test('a run that is cancelled while its plan waits ends at once, and nothing is written', async () => {
  const run = await stage.startBootstrap(gatedRequest());
  await pendingPlan(run);
  await run.cancel();
  expect(await reportOf(run)).toMatchObject({ result: 'cancelled', approval: { verdict: 'cancelled' } });
  expect(creates).toBe(0);
});

describe('a plan whose decisions have to be proven', () => {
  const approvalRule = { count: 2, by: 'group security', notRequester: false };
  const decisionOf = (by: string): ApprovalDecision => ({ plan: PLAN_DIGEST, by, proof: { token: by } });
  let verified: VerifyDecisionRequest[];
  let plans: (ApprovedPlan | undefined)[];

  function provenRequest(): BootstrapRequest {
    const request = withoutApproval(gatedRequest());
    [verified, plans] = [[], []];
    stage.activities.planEntities = (_request, approved) => {
      plans.push(approved);
      return Promise.resolve({ ...planOf(request, 'create'), approvalRule });
    };
    stage.activities.verifyDecision = (decision) => {
      verified.push(decision);
      const { proof, approvals } = decision;
      if (proof.token === 'eve') return Promise.reject(ApplicationFailure.nonRetryable('eve may not', 'NotAllowed'));
      return Promise.resolve({ ...signed(proof.token), missing: Math.max(0, 1 - approvals.length) });
    };
    return request;
  }

  const signed = (subject = ''): SignedIdentity => ({
    identity: { by: 'oidc', issuer: 'company', subject, claims: {} },
    digest: PLAN_DIGEST,
    permit: `permit of ${subject}`,
  });

  test('waits although the request does not ask, for as many as the guardrails demand, and hands them to the next plan', async () => {
    const run = await stage.startBootstrap(provenRequest());
    await pendingPlan(run);
    const send = (by: string): Promise<Approval> => run.executeUpdate(approveUpdate, { args: [decisionOf(by)] });
    await expect(send('eve')).rejects.toMatchObject({
      cause: { type: 'NotProven', message: 'the decision does not count: eve may not' },
    });
    // Both at once: the second is verified with the first, in whichever order they come.
    const missing = (await Promise.all([send('ann'), send('bob')])).map((approval) => approval.missing ?? 0);
    expect(missing.sort()).toEqual([0, 1]);
    const counted = verified.filter(({ proof }) => proof.token !== 'eve');
    expect(counted.map(({ approvals }) => approvals.length)).toEqual([0, 1]);
    const order = counted.map(({ proof }) => proof.token ?? '');
    const report = await reportOf(run);
    expect(report.approval?.approvers?.map(({ subject }) => subject)).toEqual(order);
    expect(plans).toEqual([undefined, { plan: PLAN_DIGEST, approvals: order.map((by) => signed(by)) }]);
    expect(creates).toBe(1);
  });

  test('refuses a decision without a token before it is accepted', async () => {
    const run = await stage.startBootstrap(provenRequest());
    await pendingPlan(run);
    const unproven = run.executeUpdate(approveUpdate, { args: [{ plan: PLAN_DIGEST, by: 'ann' }] });
    await expect(unproven).rejects.toMatchObject({ cause: { type: 'NotProven' } });
    expect(verified).toEqual([]);
    await run.executeUpdate(rejectUpdate, { args: [decisionOf('ann')] });
    expect(await reportOf(run)).toMatchObject({
      result: 'refused',
      approval: { verdict: 'rejected', approvers: [{ subject: 'ann' }] },
    });
    expect(creates).toBe(0);
  });
});

test('where decisions have to be signed, an unsigned one changes nothing, a signal neither, and a signed one counts', async () => {
  const request = gatedRequest();
  const plans = planSigned();
  stage.activities.verifySignature = ({ verdict, decision }) => {
    if (verdict === 'approved' && decision.proof?.signature === 'signed') return Promise.resolve('permit of alice');
    throw ApplicationFailure.nonRetryable('it is not signed', 'NotAllowed');
  };
  const run = await stage.startBootstrap(request);
  await pendingPlan(run);
  await run.signal(approveSignal, alice);
  for (const decision of [alice, { ...alice, proof: { signature: 'copied' } }]) {
    await expect(run.executeUpdate(approveUpdate, { args: [decision] })).rejects.toMatchObject({
      cause: { type: 'NotProven', message: 'the decision does not count: it is not signed' },
    });
  }
  await expect(run.executeUpdate(rejectUpdate, { args: [alice] })).rejects.toThrow();
  expect([await pendingPlan(run), creates]).toEqual([PLAN_DIGEST, 0]);
  const approval = await run.executeUpdate(approveUpdate, { args: [{ ...alice, proof: { signature: 'signed' } }] });
  expect(approval.verdict).toBe('approved');
  expect((await reportOf(run)).result).toBe('converged');
  expect(plans).toEqual([undefined, { plan: PLAN_DIGEST, approvals: [], permit: 'permit of alice' }]);
  expect(creates).toBe(1);
});

/** Has the plans of a test ask for signed decisions. Returns what each of them is made from. */
function planSigned(): (ApprovedPlan | undefined)[] {
  const plans: (ApprovedPlan | undefined)[] = [];
  const { planEntities = fail } = stage.activities;
  stage.activities.planEntities = async (argument, approved) => {
    plans.push(approved);
    return { ...(await planEntities(argument)), signedDecisions: true };
  };
  return plans;
}

describe('decisions that have to be signed and come together', () => {
  let calls: HeldCall[];
  let names: string[];

  /** Starts a run whose decisions are verified when the test says so. Those of eve are not signed. */
  async function startHeld(
    count: number,
    timeoutMs = stage.durations.approvalMs,
  ): Promise<Awaited<ReturnType<WorkflowStage['startBootstrap']>>> {
    const request = { ...gatedRequest(), approval: { timeoutMs } };
    planSigned();
    [calls, names] = [Array.from({ length: count }, () => new HeldCall()), []];
    stage.activities.verifySignature = async ({ decision: { by } }) => {
      names.push(by);
      await calls[names.length - 1]?.hold();
      if (by.startsWith('eve')) throw ApplicationFailure.nonRetryable('it is not signed', 'NotAllowed');
      return 'permit';
    };
    const run = await stage.startBootstrap(request);
    await pendingPlan(run);
    return run;
  }

  /** Sends a decision. Resolves once the run has accepted it. */
  const send = (run: WorkflowHandle, by: string) =>
    run.startUpdate(approveUpdate, { args: [{ plan: PLAN_DIGEST, by }], waitForStage: 'ACCEPTED' });

  afterEach(() => {
    for (const call of calls) call.release();
  });

  test('are verified one after the other', async () => {
    const run = await startHeld(3);
    const first = await send(run, 'eve');
    await calls[0]?.reached;
    const others = [await send(run, 'eve again'), await send(run, 'eve once more')];
    calls[0]?.release();
    await expect(first.result()).rejects.toThrow();
    await calls[1]?.reached;
    const { raw } = await run.describe();
    expect(raw.pendingActivities).toHaveLength(1);
    calls[1]?.release();
    calls[2]?.release();
    for (const update of others) await expect(update.result()).rejects.toThrow();
    expect(names).toEqual(['eve', 'eve again', 'eve once more']);
    await run.executeUpdate(approveUpdate, { args: [alice] });
    expect((await reportOf(run)).result).toBe('converged');
  });

  test('count if they were accepted before the time was over, however long it takes to verify them', async () => {
    // Shorter than the time after which Temporal misses the heartbeat of the activity.
    const run = await startHeld(2, 3_000);
    const first = await send(run, 'eve');
    await calls[0]?.reached;
    const last = await send(run, 'alice');
    await hasFired(run);
    // One that comes later would keep the lock of the namespace for as long as it is verified.
    await expect((await send(run, 'mallory')).result()).rejects.toMatchObject({ cause: { type: 'NoPendingApproval' } });
    expect(names).toEqual(['eve']);
    calls[0]?.release();
    await expect(first.result()).rejects.toThrow();
    await calls[1]?.reached;
    calls[1]?.release();
    expect((await last.result()).verdict).toBe('approved');
    expect(await reportOf(run)).toMatchObject({ result: 'converged', approval: { verdict: 'approved', by: 'alice' } });
  });

  /** Resolves once the time of the approval is over. */
  async function hasFired(run: WorkflowHandle): Promise<void> {
    for (;;) {
      const { events } = await run.fetchHistory();
      if (events?.some(({ timerFiredEventAttributes: fired }) => fired != null) === true) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
});
