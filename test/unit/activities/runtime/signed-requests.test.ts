import type { Info } from '@temporalio/activity';
import { Enforcement } from '../../../../src/activities/runtime/enforcement.js';
import { NO_GUARDRAILS } from '../../../../src/activities/runtime/guardrails-file.js';
import { Permits } from '../../../../src/activities/runtime/permits.js';
import { SignedRequests } from '../../../../src/activities/runtime/signed-requests.js';
import type { ApprovedPlan, EntityRun, Plan, RunOrigin, VerifyRequest } from '../../../../src/contract/activities.js';
import type { SignedDecisionRequest } from '../../../../src/contract/approval.js';
import type { CaptureRequest } from '../../../../src/contract/capture.js';
import type { EvidenceRequest } from '../../../../src/contract/explain.js';
import type { BootstrapRequest } from '../../../../src/contract/request.js';
import { bootstrapWorkflowId, planWorkflowId } from '../../../../src/contract/workflow-ids.js';
import { signatureOf, type SignedAction } from '../../../../src/identity/signature.js';
import { type EndedActivity, ROLE, RUN_ID, runAttempt } from '../../../support/activity.js';
import { FakeAccount } from '../../../support/fake-account.js';
import { requestOf } from '../../../support/planned.js';

const KEY = 'a key of at least thirty-two characters';
const NOW = Date.parse('2026-11-29T20:00:00Z');
const MINUTE = 60_000;
const REQUEST = requestOf([{ kind: 'Role', spec: ROLE.spec }]);
const ACCOUNT = REQUEST.target.account;
const LOCK = bootstrapWorkflowId(ACCOUNT, REQUEST.namespace);
const PLAN = planWorkflowId(ACCOUNT, REQUEST.namespace, REQUEST.key);

/** A worker with the key, and a Temporal whose runs started now. */
class Worker {
  readonly refused: string[] = [];
  readonly account = new FakeAccount();
  /** The calls to AWS of the last activity that failed. */
  calls: Readonly<Record<string, number>> | undefined;
  startedAt = NOW;
  /** The first runs of runs that were reset. */
  readonly firstRuns = new Map<string, string>();
  readonly #uses = new Map<string, string>();
  readonly #originOf = ({ runId }: EntityRun): Promise<RunOrigin> =>
    Promise.resolve({ startedAt: this.startedAt, firstRunId: this.firstRuns.get(runId) ?? runId });
  readonly #enforcement = new Enforcement({
    source: NO_GUARDRAILS,
    onRefusal: (at) => this.refused.push(at),
    binding: {
      permits: new Permits([KEY]),
      launch: () => Promise.resolve({ isReset: false }),
      originOf: this.#originOf,
    },
    requests: new SignedRequests([KEY], '/state/request.key', {
      entityRuns: { originOf: this.#originOf },
      proofUses: {
        use: (id, runId) => {
          this.#uses.set(id, this.#uses.get(id) ?? runId);
          return Promise.resolve(this.#uses.get(id) === runId);
        },
      },
    }),
  });

  /** Plans a request in a run of this ID. Returns what the worker says of it; undefined where it has planned. */
  async plan(request: BootstrapRequest, workflowId = LOCK, runId = RUN_ID): Promise<string | undefined> {
    return (await this.planned(request, { workflowId, runId })).told;
  }

  /** Plans a request, or plans it again after an approval. */
  async planned(
    request: BootstrapRequest,
    { workflowId = LOCK, runId = RUN_ID, approved }: Partial<EntityRun> & { readonly approved?: ApprovedPlan } = {},
  ): Promise<{ readonly plan: Plan | undefined; readonly told: string | undefined }> {
    const info: Partial<Info> = { workflowExecution: { workflowId, runId } };
    const options = { info, enforcement: this.#enforcement, ...(approved === undefined ? {} : { approved }) };
    const { result, failure } = await runAttempt(this.account, 'planEntities', request, options);
    return { plan: result, told: this.#told(failure) };
  }

  async explain(request: EvidenceRequest): Promise<string | undefined> {
    const enforcement = this.#enforcement;
    const { failure } = await runAttempt(this.account, 'gatherEvidence', request, { enforcement });
    return this.#told(failure);
  }

  async capture(request: CaptureRequest): Promise<string | undefined> {
    const enforcement = this.#enforcement;
    const { failure } = await runAttempt(this.account, 'captureAccount', request, { enforcement });
    return this.#told(failure);
  }

  /** Has a bootstrap run verify what it has written. */
  async verify(request: VerifyRequest, runId = RUN_ID): Promise<string | undefined> {
    const info: Partial<Info> = { workflowExecution: { workflowId: LOCK, runId } };
    const { failure } = await runAttempt(this.account, 'verifyEntities', request, {
      info,
      enforcement: this.#enforcement,
    });
    return this.#told(failure);
  }

  async decide(request: SignedDecisionRequest, sentAt = NOW, runId = RUN_ID): Promise<string | undefined> {
    return (await this.decided(request, sentAt, runId)).told;
  }

  async decided(
    request: SignedDecisionRequest,
    sentAt = NOW,
    runId = RUN_ID,
  ): Promise<{ readonly permit: string | null | undefined; readonly told: string | undefined }> {
    const info: Partial<Info> = { workflowExecution: { workflowId: LOCK, runId }, scheduledTimestampMs: sentAt };
    const enforcement = this.#enforcement;
    const { result, failure } = await runAttempt(this.account, 'verifySignature', request, { info, enforcement });
    return { permit: result, told: this.#told(failure) };
  }

  #told(failure: EndedActivity<'planEntities'>['failure']): string | undefined {
    this.calls = failure?.details?.[0]?.calls;
    if (failure === undefined) return undefined;
    return `${failure.type ?? ''}: ${failure.message.split('refused: ').at(-1) ?? ''}`;
  }
}

function signed<T extends object>(request: T, action: SignedAction = 'bootstrap', at = NOW, key = KEY): T {
  return { ...request, proof: { signature: signatureOf(key, action, request, at) } };
}

let worker: Worker;
beforeEach(() => (worker = new Worker()));

test('what is signed is planned', async () => {
  expect(await worker.plan(signed(REQUEST))).toBeUndefined();
  expect(await worker.plan(signed(REQUEST, 'plan'), PLAN)).toBeUndefined();
  expect(worker.refused).toEqual([]);
});

test.each<[string, BootstrapRequest, string]>([
  ['is not signed', REQUEST, 'it is not signed'],
  ['has a token only', { ...REQUEST, proof: { token: 'x' } }, 'it is not signed'],
  [
    'is signed with another key',
    signed(REQUEST, 'bootstrap', NOW, KEY.toUpperCase()),
    'its signature is not that of this bootstrap',
  ],
  ['was changed', { ...signed(REQUEST), keepGoing: true }, 'its signature is not that of this bootstrap'],
  ['was signed to be planned', signed(REQUEST, 'plan'), 'its signature is not that of this bootstrap'],
  [
    'was signed long before',
    signed(REQUEST, 'bootstrap', NOW - 16 * MINUTE),
    'it was signed 16 minutes before its run started',
  ],
  [
    'is signed by a clock that is wrong',
    signed(REQUEST, 'bootstrap', NOW + 16 * MINUTE),
    'it was signed 16 minutes after its run started: the clocks differ',
  ],
])('what %s is refused before any call', async (_what, request, problem) => {
  expect(await worker.plan(request)).toBe(`NotAllowed: ${problem}`);
  expect(worker.calls).toEqual({});
  expect(worker.refused).toEqual(['plan']);
});

test('a run that waits for an approval is planned again, hours later, and one that was reset soon after', async () => {
  const request = signed(REQUEST);
  expect(await worker.plan(request)).toBeUndefined();
  expect(await worker.plan(request)).toBeUndefined();
  worker.firstRuns.set('reset', RUN_ID);
  expect(await worker.plan(request, LOCK, 'reset')).toBeUndefined();
});

test('a copy of a request from a history starts nothing', async () => {
  const request = signed(REQUEST);
  await worker.plan(request);
  expect(await worker.plan(request, LOCK, 'another run')).toBe('NotAllowed: its signature was used for another run');
  expect(await worker.plan(request, 'iam-bootstrap:by-hand')).toBe(
    'NotAllowed: a run with the ID iam-bootstrap:by-hand cannot be signed for',
  );
});

test('a run that is reset later is not planned again', async () => {
  const request = signed(REQUEST);
  await worker.plan(request);
  worker.firstRuns.set('reset', RUN_ID);
  worker.startedAt = NOW + 60 * MINUTE;
  expect(await worker.plan(request, LOCK, 'reset')).toBe('NotAllowed: it was signed 60 minutes before its run started');
});

test('to explain an entity, a request is signed too', async () => {
  const request: EvidenceRequest = {
    target: REQUEST.target,
    entities: [],
    requestId: null,
    from: '2026-11-29T19:00:00Z',
    to: '2026-11-29T20:00:00Z',
  };
  expect(await worker.explain(request)).toBe('NotAllowed: it is not signed');
  expect(await worker.explain(signed(request, 'plan'))).toBe('NotAllowed: its signature is not that of this explain');
  expect(await worker.explain(signed(request, 'explain'))).toBeUndefined();
});

test('to capture an account, a request for each page is signed too', async () => {
  const filter = { namespace: 'ci', kinds: ['Role'], names: [], path: null, tags: {}, owner: null };
  const request: CaptureRequest = { target: REQUEST.target, captureId: 'one', filter, after: null };
  expect(await worker.capture(request)).toBe('NotAllowed: it is not signed');
  const other = 'NotAllowed: its signature is not that of this capture';
  expect(await worker.capture(signed(request, 'lookUp'))).toBe(other);
  const asked = signed(request, 'capture');
  expect(await worker.capture({ ...asked, after: { kind: 'Role', name: 'x' } })).toBe(other);
  expect(await worker.capture(asked)).toBeUndefined();
});

describe('a decision about a plan', () => {
  const decision = { plan: `sha256:${'0'.repeat(64)}`, by: 'alice', reason: null };
  const approved = { verdict: 'approved', decision: signed(decision, 'approve') } as const;

  test('counts where it is signed, and once more in the same run', async () => {
    expect([await worker.decide(approved), await worker.decide(approved)]).toEqual([undefined, undefined]);
    const rejected = { verdict: 'rejected', decision: signed(decision, 'reject') } as const;
    expect(await worker.decide(rejected)).toBeUndefined();
  });

  test.each<[string, SignedDecisionRequest, string]>([
    ['without a signature', { ...approved, decision }, 'it is not signed'],
    [
      'by another name',
      { ...approved, decision: { ...approved.decision, by: 'bob' } },
      'its signature is not that of this approve',
    ],
    [
      'about another plan',
      { ...approved, decision: { ...approved.decision, plan: `sha256:${'1'.repeat(64)}` } },
      'its signature is not that of this approve',
    ],
    [
      'that was signed as a rejection',
      { ...approved, decision: signed(decision, 'reject') },
      'its signature is not that of this approve',
    ],
    [
      'that was signed long before',
      { ...approved, decision: signed(decision, 'approve', NOW - 20 * MINUTE) },
      'it was signed 20 minutes before it was sent',
    ],
  ])('%s does not', async (_what, request, problem) => {
    expect(await worker.decide(request)).toBe(`NotAllowed: ${problem}`);
  });

  test('does not count in another run of the same plan', async () => {
    await worker.decide(approved);
    expect(await worker.decide(approved, NOW, 'another run')).toBe(
      'NotAllowed: its signature was used for another run',
    );
  });
});

test('a worker without the request key takes no decision about a plan that asks for a signature', async () => {
  const decision = signed({ plan: `sha256:${'0'.repeat(64)}`, by: 'alice', reason: null }, 'approve');
  const { failure } = await runAttempt(new FakeAccount(), 'verifySignature', { verdict: 'approved', decision });
  expect([failure?.type, failure?.message]).toEqual([
    'NotAllowed',
    'this worker has no request key, and so cannot verify who decides',
  ]);
});

describe('a plan that waits for an approval, which its request asks for', () => {
  const request = signed({ ...REQUEST, approval: { timeoutMs: 60 * MINUTE } });
  const permitsIn = (plan: Plan | undefined): unknown => plan?.entities.map(({ permit }) => permit !== undefined);
  const decisionAbout = (plan: string): { plan: string; by: string; reason: null } => ({
    plan,
    by: 'alice',
    reason: null,
  });

  test('permits nothing before a worker has verified the approval, so that a program in place of a worker starts none of its writes', async () => {
    const { plan: first } = await worker.planned(request);
    const plan = first?.digest ?? '';
    expect([permitsIn(first), first?.signedDecisions]).toEqual([[false], true]);
    for (const forged of [{}, { permit: 'AAAAAAAAAAAAAAAAAAAAAA' }]) {
      const { told } = await worker.planned(request, { approved: { plan, approvals: [], ...forged } });
      expect(told).toBe('NotAllowed: no worker has verified an approval of this plan');
    }
    const { permit } = await worker.decided({ verdict: 'approved', decision: signed(decisionAbout(plan), 'approve') });
    const approved = { plan, approvals: [], permit: permit ?? '' };
    expect(permitsIn((await worker.planned(request, { approved })).plan)).toEqual([true]);
  });

  test('permits nothing by a rejection, by the approval of another plan, or in another run', async () => {
    const plan = (await worker.planned(request)).plan?.digest ?? '';
    const rejection = await worker.decided({ verdict: 'rejected', decision: signed(decisionAbout(plan), 'reject') });
    expect(rejection).toEqual({ permit: null, told: undefined });
    const other = `sha256:${'1'.repeat(64)}`;
    const { permit } = await worker.decided({ verdict: 'approved', decision: signed(decisionAbout(other), 'approve') });
    const copied = { approvals: [], permit: permit ?? '' };
    expect(permitsIn((await worker.planned(request, { approved: { ...copied, plan: other } })).plan)).toEqual([false]);
    expect((await worker.planned(request, { approved: { ...copied, plan } })).told).toContain('no worker has verified');
    const ours = await worker.decided({ verdict: 'approved', decision: signed(decisionAbout(plan), 'approve') });
    const own = new Worker();
    const approved = { plan, approvals: [], permit: ours.permit ?? '' };
    expect((await own.planned(request, { approved, runId: 'another run' })).told).toContain('no worker has verified');
  });
});

test('a verification reads the account of a signed request only, for the run that has planned it', async () => {
  const { target, namespace } = REQUEST;
  const { plan } = await worker.planned(signed(REQUEST));
  const unsigned: VerifyRequest = { request: { target, namespace }, entities: [], arns: {} };
  const verification = { ...unsigned, permit: plan?.readPermit ?? '' };
  expect(await worker.verify(verification)).toBeUndefined();
  worker.firstRuns.set('reset', RUN_ID);
  expect(await worker.verify(verification, 'reset')).toBeUndefined();
  expect(worker.refused).toEqual([]);
  const refusal = 'NotAllowed: no plan of this run has permitted to read the account';
  expect(await worker.verify(unsigned)).toBe(refusal);
  expect(await worker.verify(verification, 'another run')).toBe(refusal);
  const assumeRole = `arn:aws:iam::${target.account}:role/admin`;
  for (const request of [
    { target: { ...target, assumeRole }, namespace },
    { target: { ...target, account: '222222222222' }, namespace },
    { target, namespace: 'other' },
  ]) {
    expect(await worker.verify({ ...verification, request })).toBe(refusal);
  }
  expect(worker.refused).toHaveLength(5);
  expect(worker.calls).toEqual({});
});
