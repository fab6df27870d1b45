import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { Enforcement } from '../../../../src/activities/runtime/enforcement.js';
import { Permits } from '../../../../src/activities/runtime/permits.js';
import { Proofs } from '../../../../src/activities/runtime/proofs.js';
import type {
  ApprovedPlan,
  Plan,
  PlannedEntity,
  SignedApproval,
  VerifyDecisionRequest,
} from '../../../../src/contract/activities.js';
import { proofAudience, type Principal, type SignedIdentity } from '../../../../src/contract/identity.js';
import type { BootstrapRequest } from '../../../../src/contract/request.js';
import { decisionDigest, proofDigest, requestDigest } from '../../../../src/engine/request-digest.js';
import type { Guardrails } from '../../../../src/guardrails/parse.js';
import { jsonFetcher } from '../../../../src/identity/fetch-json.js';
import { IssuerKeys } from '../../../../src/identity/issuer-keys.js';
import { Seals, sealToken } from '../../../../src/identity/seal.js';
import { ROLE } from '../../../support/activity.js';
import { guardrailsOf } from '../../../support/guardrails.js';
import { requestOf } from '../../../support/planned.js';
import { TokenIssuer, type Claims } from '../../../support/token-issuer.js';

const KEYS = ['a key of at least thirty-two characters'];
const PLAN = `sha256:${'a'.repeat(64)}`;
const CREATE: PlannedEntity = {
  kind: 'Role',
  name: ROLE.name,
  arn: '',
  decision: { action: 'create', drift: [], unmanaged: [], reason: null, remedy: null },
  workflowId: '',
  after: [],
};
const MAIN = { repository: 'acme/iam', sub: 'repo:acme/iam' };

let issuer: TokenIssuer;
let clock = Date.now();
let guardrails: Guardrails | null;
let request: BootstrapRequest;
let uses: Map<string, string>;
let refusals: number;
/** The client that has started the run, as Temporal has recorded it. */
let principal: Principal | undefined;
/** The first runs of runs that were reset. */
let firstRuns: Record<string, string>;
let proofs: Proofs;

beforeAll(async () => {
  issuer = await TokenIssuer.start();
});

afterAll(async () => {
  await issuer.stop();
});

beforeEach(() => {
  guardrails = rulesOf('only: [{ issuer: ci, repository: acme/iam }]');
  const draft = requestOf([{ kind: 'Role', spec: ROLE.spec }]);
  request = { ...draft, digest: requestDigest(draft) };
  uses = new Map();
  refusals = 0;
  principal = undefined;
  firstRuns = {};
  proofs = new Proofs({
    source: { current: () => guardrails },
    permits: new Permits(KEYS),
    seals: new Seals(KEYS),
    issuerKeys: new IssuerKeys(jsonFetcher(), () => clock),
    proofUses: {
      use: (id, run) => {
        uses.set(id, uses.get(id) ?? run);
        return Promise.resolve(uses.get(id) === run);
      },
    },
    originOf: ({ runId }) => Promise.resolve({ startedAt: 0, firstRunId: firstRuns[runId] ?? runId }),
    principalOfRun: () => Promise.resolve(principal),
    onRefusal: () => (refusals += 1),
  });
});

function rulesOf(apply: string): Guardrails {
  return guardrailsOf(
    `identity: { issuers: { ci: { issuer: "${issuer.url}" } } }\napply:\n  ${apply.replaceAll('\n', '\n  ')}\n`,
  );
}

async function sealed(digest: string, claims: Claims = MAIN, seals = new Seals(KEYS)): Promise<{ token: string }> {
  const token = await issuer.sign({ aud: proofAudience(digest), ...claims });
  return { token: await sealToken(seals.publicKey, token, digest) };
}

async function proven(claims: Claims = MAIN): Promise<BootstrapRequest> {
  return { ...request, proof: await sealed(proofDigest(request), claims) };
}

function inRun<T>(run: () => Promise<T>, runId = 'run-1', workflowType = 'bootstrap'): Promise<T> {
  const environment = new MockActivityEnvironment(
    { workflowType, workflowExecution: { workflowId: 'w', runId } },
    { logger: new DefaultLogger('ERROR', () => undefined) },
  );
  return environment.run<[], T, () => Promise<T>>(run);
}

const prove = (asked: BootstrapRequest, approved?: ApprovedPlan, runId?: string) =>
  inRun(() => proofs.prove(asked, approved), runId);

async function requesterIn(runId?: string, claims?: Claims): Promise<SignedIdentity> {
  const { requester } = await prove(await proven(claims), undefined, runId);
  if (requester === undefined) throw new Error('no requester');
  return requester;
}

describe("a request under a rule that names Temporal's principal", () => {
  const CI = { type: 'jwt', name: 'ci-deployer' };

  beforeEach(() => {
    guardrails = rulesOf('only: [{ principal: ci-*, type: jwt }]');
    principal = CI;
  });

  it('is proven by what Temporal has recorded of its start, without a token, whatever token it carries', async () => {
    await expect(prove(request)).resolves.toEqual({ principal: CI });
    await expect(prove({ ...request, proof: { token: 'x.y' } })).resolves.toEqual({ principal: CI });
    expect(refusals).toBe(0);
  });

  it.each<[string, Principal | undefined, string]>([
    [
      'another principal',
      { type: 'jwt', name: 'alice' },
      "Temporal's principal alice (jwt) may not apply: only principal ci-*",
    ],
    [
      'another type',
      { type: 'mtls', name: 'ci-deployer' },
      'ci-deployer (mtls) may not apply: only principal ci-*, type jwt',
    ],
    [
      'none',
      undefined,
      'Temporal has recorded no principal for the start of this run: only principal ci-*, type jwt may apply',
    ],
  ])('is refused for %s', async (_name, recorded, reason) => {
    principal = recorded;
    await expect(prove(request)).rejects.toThrow(reason);
    await expect(prove(request)).rejects.toMatchObject({
      details: [expect.objectContaining({ remedy: expect.stringContaining('records principals') as string })],
    });
  });

  it('may be proven by a token in place of it where the rule names both', async () => {
    guardrails = rulesOf('only: [{ principal: ci-* }, { issuer: ci, repository: acme/iam }]');
    await expect(prove(request)).resolves.toEqual({ principal: CI });
    principal = { type: 'jwt', name: 'alice' };
    await expect(prove(request)).rejects.toThrow("no OIDC token, and Temporal's principal alice (jwt) may not apply");
    await expect(prove(await proven())).resolves.toMatchObject({
      requester: { identity: { issuer: 'ci' } },
      principal,
    });
  });

  it('needs both where the file asks for one and the account for the other, again after an approval', async () => {
    const both = rulesOf(`only: [{ principal: ci-* }]`);
    guardrails = {
      ...both,
      rules: {
        ...both.rules,
        accounts: { '*': { apply: { only: [{ issuer: 'ci', repository: 'acme/iam' }] } } },
      },
    };
    const asked = await prove(await proven());
    expect(asked).toMatchObject({ requester: { identity: { issuer: 'ci' } }, principal: CI });
    await expect(prove(request)).rejects.toThrow('the request has no OIDC token: only issuer ci');
    const approved = { plan: PLAN, approvals: [], ...(asked.requester && { requester: asked.requester }) };
    await expect(prove(request, approved)).resolves.toEqual(asked);
    principal = undefined;
    await expect(prove(request, approved)).rejects.toThrow('may not apply: only principal ci-*');
  });

  it('needs a token as well where an approver must not be the requester', async () => {
    guardrails = rulesOf('only: [{ principal: ci-* }]\napproval: { by: [{ issuer: ci, sub: boss }], not: requester }');
    await expect(prove(request)).rejects.toThrow('the request has no OIDC token');
    await expect(prove(await proven())).resolves.toMatchObject({ principal: CI, approvalRule: { count: 1 } });
  });
});

describe('a request', () => {
  it('is proven by a token, and again after an approval by what the worker has signed, when the token has expired', async () => {
    const requester = await requesterIn();
    expect(requester.identity).toMatchObject({ by: 'oidc', issuer: 'ci', subject: 'repo:acme/iam' });
    await expect(prove(request, { plan: PLAN, approvals: [], requester })).resolves.toEqual({ requester });
    expect(refusals).toBe(0);
  });

  it.each<[string, () => Promise<BootstrapRequest>, string]>([
    [
      'has no proof',
      () => Promise.resolve(request),
      'only issuer ci, repository acme/iam may apply (guardrails: apply.only at',
    ],
    ['is of another identity', () => proven({ ...MAIN, repository: 'evil/iam' }), 'may not apply: only'],
    [
      'has the proof of another one',
      async () => ({ ...request, proof: await sealed(proofDigest({ ...request, key: 'other' })) }),
      'sealed for another request or plan',
    ],
    [
      'has a token with the audience of another one',
      async () => ({ ...request, proof: await sealed(proofDigest(request), { ...MAIN, aud: proofAudience(PLAN) }) }),
      'another audience',
    ],
    [
      'was sealed for workers with another key',
      async () => ({ ...request, proof: await sealed(proofDigest(request), MAIN, new Seals(['x'.repeat(32)])) }),
      'workers with another key',
    ],
    ['has a proof that is no token', () => Promise.resolve({ ...request, proof: { token: 'x.y' } }), 'not sealed'],
    [
      'has a digest that is not that of its content',
      async () => ({ ...(await proven()), keepGoing: !request.keepGoing }),
      'the digest of the request is not that of its content',
    ],
  ])('is refused where it %s', async (_name, make, message) => {
    const asked = await make();
    const refused = prove(asked);
    await expect(refused).rejects.toMatchObject({ type: 'NotAllowed', nonRetryable: true });
    await expect(refused).rejects.toThrow(message);
    expect(refusals).toBe(1);
  });

  it.each<[string, Partial<BootstrapRequest>]>([
    ['revision', { revision: { value: 7, source: 'given' } }],
    ['permission to go back', { allowOlder: true }],
    ['key', { key: 'another' }],
    ['command', { command: 'destroy' }],
    ['timeout', { timeoutMs: 1 }],
    ['pipeline', { pipeline: { provider: 'github', url: null, commit: null, actor: 'boss' } }],
  ])('is refused with the proof of the same content and another %s', async (_name, change) => {
    const changed = { ...(await proven()), ...change };
    expect(requestDigest(changed)).toBe(request.digest);
    await expect(prove(changed)).rejects.toThrow('another request');
  });

  it('is repeated in its own run, also after a reset, and refused in another one', async () => {
    const asked = await proven();
    await prove(asked);
    await expect(prove(asked)).resolves.toBeDefined();
    firstRuns['run-2'] = 'run-1';
    await expect(prove(asked, undefined, 'run-2')).resolves.toBeDefined();
    await expect(prove(asked, undefined, 'run-3')).rejects.toThrow('its token has proved another run before');
  });

  it('is refused after an approval where the requester was verified for another run or request, or by nobody', async () => {
    const requester = await requesterIn();
    const again = (changed: SignedIdentity, runId?: string, asked = request): Promise<unknown> =>
      prove(asked, { plan: PLAN, approvals: [], requester: changed }, runId);
    const message = 'no worker has verified the requester of this run';
    await expect(again(requester, 'run-2')).rejects.toThrow(message);
    await expect(again(requester, 'run-1', { ...request, key: 'other' })).rejects.toThrow(message);
    await expect(again({ ...requester, identity: { ...requester.identity, subject: 'x' } })).rejects.toThrow(message);
    await expect(again({ ...requester, permit: '' })).rejects.toThrow(message);
  });

  it('is refused after an approval where the guardrails no longer name the requester', async () => {
    const requester = await requesterIn();
    guardrails = rulesOf('only: [{ issuer: ci, repository: acme/other }]');
    await expect(prove(request, { plan: PLAN, approvals: [], requester })).rejects.toThrow('may not apply');
  });

  it('needs no proof where no rule asks for one, or where it is only planned', async () => {
    await expect(inRun(() => proofs.prove(request, undefined), 'run-1', 'plan')).resolves.toEqual({});
    guardrails = guardrailsOf('');
    await expect(prove(request)).resolves.toEqual({});
    guardrails = null;
    await expect(prove(request)).resolves.toEqual({});
  });

  it('is tried again where the issuer does not answer, and no token is used up by that', async () => {
    const asked = await proven();
    issuer.answer = (_request, response) => Boolean(response.writeHead(503).end());
    await expect(prove(asked)).rejects.toThrow('the keys of the issuer ci');
    issuer.answer = undefined;
    clock += 5_000;
    expect(uses.size).toBe(0);
    await expect(prove(asked, undefined, 'run-2')).resolves.toBeDefined();
  });
});

describe('an approval', () => {
  beforeEach(() => {
    guardrails = rulesOf(
      'only: [{ issuer: ci, repository: acme/iam }]\napproval: { by: [{ issuer: ci, team: security }], not: requester, count: 2 }',
    );
  });

  const ann = { sub: 'ann', team: 'security' };
  const bob = { sub: 'bob', team: 'security' };

  async function decide(
    claims: Claims,
    more: Partial<VerifyDecisionRequest> = {},
    runId?: string,
  ): Promise<SignedApproval> {
    const { plan = PLAN, verdict = 'approved' } = more;
    const decision = {
      request,
      plan,
      verdict,
      approvals: [],
      proof: await sealed(decisionDigest(verdict, plan), claims),
      ...more,
    } as const;
    return inRun(() => proofs.decide(decision), runId);
  }

  it('counts with those before it, and the plan is permitted once there are enough', async () => {
    const requester = await requesterIn();
    const { missing, ...first } = await decide(ann, { requester });
    expect(missing).toBe(1);
    const { missing: none, ...second } = await decide(bob, { requester, approvals: [first] });
    expect(none).toBe(0);
    const approved = { plan: PLAN, requester, approvals: [first, second] };
    await expect(prove(request, approved)).resolves.toMatchObject({ approvalRule: { count: 2, notRequester: true } });
    const forged = 'no worker has verified an approval of this plan';
    await expect(prove(request, { ...approved, approvals: [first, first] })).rejects.toThrow('1 of 2 approvals');
    await expect(prove(request, { ...approved, plan: `${PLAN.slice(0, -1)}b` })).rejects.toThrow(forged);
    await expect(
      prove(request, { ...approved, approvals: [first, { ...second, permit: first.permit }] }),
    ).rejects.toThrow(forged);
  });

  it('of the requester, of others, and of those of another run is refused', async () => {
    const requester = await requesterIn('run-1', { ...MAIN, ...ann });
    await expect(decide(ann, { requester })).rejects.toThrow('has asked for the run, and cannot approve it');
    await expect(decide({ ...bob, team: 'sales' }, { requester })).rejects.toThrow('does not count: only that of');
    await expect(decide(bob, { requester }, 'run-2')).rejects.toThrow('no worker has verified the requester');
    await expect(decide(bob, { requester, proof: {} })).rejects.toThrow('the decision has no OIDC token');
    const ofRequest = await sealed(proofDigest(request), bob);
    await expect(decide(bob, { requester, proof: ofRequest })).rejects.toThrow('another request or plan');
  });

  it('of a plan proves no approval in another run', async () => {
    const [first, second] = [await requesterIn('run-1'), await requesterIn('run-2')];
    const proof = await sealed(decisionDigest('approved', PLAN), bob);
    await expect(decide(bob, { requester: first, proof })).resolves.toMatchObject({ missing: 1 });
    await expect(decide(bob, { requester: second, proof }, 'run-2')).rejects.toThrow('has proved another run before');
  });

  it('is not made of a token that rejects the plan', async () => {
    const requester = await requesterIn();
    const proof = await sealed(decisionDigest('rejected', PLAN), bob);
    await expect(decide(bob, { requester, proof })).rejects.toThrow('another request or plan');
  });

  it('is not needed for a rejection by the requester, who has to be one of those who may decide', async () => {
    const requester = await requesterIn('run-1', { ...MAIN, ...ann });
    await expect(decide(ann, { requester, verdict: 'rejected' })).resolves.toBeDefined();
    await expect(decide({ sub: 'eve' }, { requester, verdict: 'rejected' })).rejects.toThrow('does not count');
  });
});

describe('the permits of a plan', () => {
  const permitsOf = (workflowType: string, approved?: ApprovedPlan, more: Partial<Plan> = {}): Promise<unknown> =>
    inRun(
      async () => {
        const binding = {
          permits: new Permits(KEYS),
          launch: () => Promise.resolve({ isReset: false }),
          originOf: () => Promise.resolve(undefined),
        };
        const enforcement = new Enforcement({ source: { current: () => guardrails }, binding });
        const { entities } = await enforcement.bind(request, { entities: [CREATE], calls: {}, ...more }, approved);
        return entities.map(({ permit }) => permit !== undefined);
      },
      'run-1',
      workflowType,
    );
  const approvalRule = { count: 1, by: 'group security', notRequester: false };

  it('are signed only once it is approved, where an approval is needed, so that no other program can start its writes', async () => {
    await expect(permitsOf('bootstrap')).resolves.toEqual([true]);
    // By a rule, or by the request alone: either plan has a digest.
    for (const needed of [{ digest: PLAN, approvalRule }, { digest: PLAN }]) {
      await expect(permitsOf('bootstrap', undefined, needed)).resolves.toEqual([false]);
      await expect(permitsOf('bootstrap', { plan: 'another', approvals: [] }, needed)).resolves.toEqual([false]);
      await expect(permitsOf('bootstrap', { plan: PLAN, approvals: [] }, needed)).resolves.toEqual([true]);
    }
  });

  it('are not signed in a plan workflow, which anyone may start under any ID', async () => {
    await expect(permitsOf('plan')).resolves.toEqual([false]);
  });
});
