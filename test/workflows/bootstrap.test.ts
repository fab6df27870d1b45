import { ApplicationFailure } from '@temporalio/common';
import { joinSignal, progressQuery } from '../../src/contract/messages.js';
import type { Report } from '../../src/contract/report.js';
import type { BootstrapRequest } from '../../src/contract/request.js';
import { SCHEDULE_ID_PREFIX } from '../../src/contract/workflow-ids.js';
import { CONCURRENT_ENTITIES } from '../../src/workflows/bootstrap/reconcile-entities.js';
import {
  creating,
  decide,
  HeldCall,
  outcomesOf,
  planOf,
  reportOf,
  requestFor,
  role,
  untilCancelled,
  WorkflowStage,
  wrote,
} from '../support/workflow-stage.js';

let stage: WorkflowStage;

beforeAll(async () => {
  stage = await WorkflowStage.start();
});

afterAll(async () => {
  await stage.stop();
});

/** A chain of two roles, where the second depends on the first. */
function chain(more: Partial<BootstrapRequest> = {}): BootstrapRequest {
  const request = requestFor([role('first'), role('second', 'first')], more);
  stage.activities = creating(request);
  return request;
}

function denied(): ApplicationFailure {
  const details = { operation: 'ListRoles', code: 'AccessDenied', requestId: 'request-9', calls: { ListRoles: 1 } };
  return ApplicationFailure.nonRetryable('not authorized to perform iam:ListRoles', 'AccessDenied', details);
}

describe('a bootstrap', () => {
  test('creates entities in the order of their dependencies, and verifies them', async () => {
    const request = chain();
    const calls: string[] = [];
    stage.activities.createEntity = ({ entity, arns }) => {
      calls.push(`create ${entity.name} ${JSON.stringify(arns)}`);
      return Promise.resolve(wrote('create', { arn: `arn:${entity.name}` }));
    };
    stage.activities.verifyEntities = ({ entities }) => {
      calls.push(`verify ${entities.map(({ name }) => name).join(' ')}`);
      return Promise.resolve({ differing: [], calls: {} });
    };
    const report = await stage.bootstrap(request);
    expect(report.result).toBe('converged');
    expect(calls).toEqual(['create first {}', 'create second {"Role/first":"arn:first"}', 'verify first second']);
  });

  test('skips what depends on an entity that failed, and goes on with the others', async () => {
    const request = requestFor([role('bad'), role('after', 'bad'), role('later', 'after'), role('other')]);
    stage.activities = creating(request);
    stage.activities.createEntity = ({ entity }) =>
      entity.name === 'bad' ? Promise.reject(denied()) : Promise.resolve(wrote('create'));
    const report = await stage.bootstrap(request);
    expect(outcomesOf(report)).toEqual({ bad: 'failed', after: 'skipped', later: 'skipped', other: 'created' });
    expect(report.entities.map(({ reason }) => reason)).toEqual([
      'not authorized to perform iam:ListRoles (request request-9)',
      'depends on Role/bad, which did not converge',
      'depends on Role/after, which did not converge',
      null,
    ]);
    expect(report.result).toBe('failed');
  });

  test('fails by a bug in its code, and says so', async () => {
    const failed = {
      result: 'failed',
      reason: expect.stringMatching(/this is a bug in iam-bootstrap: TypeError/) as string,
    };
    const unplanned = chain();
    stage.activities.planEntities = () => Promise.resolve(null as never);
    expect(await stage.bootstrap(unplanned)).toMatchObject(failed);
    const unclaimed = chain({ revision: { value: 1, source: 'given' } });
    stage.activities.claimRevision = () => Promise.resolve(null as never);
    expect(await stage.bootstrap(unclaimed)).toMatchObject(failed);
  });

  test.each([
    [false, { mine: 'skipped', foreign: 'refused' }],
    [true, { mine: 'created', foreign: 'refused' }],
  ])('with a refused entity and keepGoing %s ends with %j', async (keepGoing, outcomes) => {
    const request = requestFor([role('mine'), role('foreign')], { keepGoing });
    stage.activities = creating(request);
    stage.activities.planEntities = () => Promise.resolve(planOf(request, 'create', { foreign: 'refuse' }));
    const report = await stage.bootstrap(request);
    expect([report.result, outcomesOf(report)]).toEqual(['refused', outcomes]);
  });

  test('writes and verifies nothing where every entity is as declared', async () => {
    const request = chain();
    stage.activities = { planEntities: () => Promise.resolve(planOf(request, 'no-op')) };
    expect(outcomesOf(await stage.bootstrap(request))).toEqual({ first: 'unchanged', second: 'unchanged' });
  });

  test.each([
    ['AccessDenied', 'failed'],
    ['WrongAccount', 'refused'],
  ])('whose plan ends with %s is %s, and its report says why', async (type, result) => {
    const request = chain();
    const details = { operation: null, code: null, requestId: null, calls: { GetCallerIdentity: 1 } };
    stage.activities.planEntities = () => Promise.reject(ApplicationFailure.nonRetryable('no', type, details));
    const report = await stage.bootstrap(request);
    expect(report).toMatchObject({ result, reason: 'no', apiCalls: { total: 1 }, entities: [] });
    expect(report.remedy).not.toBeNull();
  });

  test('fails where AWS never shows what was written', async () => {
    const request = chain();
    const drift = [{ path: 'description', observed: '', desired: 'new' }];
    stage.activities.verifyEntities = () =>
      Promise.resolve({ differing: [{ index: 1, decision: { ...decide('update'), drift } }], calls: {} });
    const report = await stage.bootstrap(request);
    expect(outcomesOf(report)).toEqual({ first: 'created', second: 'failed' });
    expect(report.entities[1]).toMatchObject({
      drift,
      reason: 'was created, but AWS shows otherwise: ~ description = "" -> "new"',
    });
  });

  test('fails where a write counted as applied already, and AWS shows something else', async () => {
    const request = chain();
    stage.activities.planEntities = () => Promise.resolve(planOf(request, 'update', { first: 'no-op' }));
    stage.activities.updateEntity = () => Promise.resolve(wrote('update', { writes: [] }));
    stage.activities.verifyEntities = ({ entities }) => {
      expect(entities.map(({ name }) => name)).toEqual(['second']);
      const decision = { ...decide('refuse'), reason: 'no room for second' };
      return Promise.resolve({ differing: [{ index: 0, decision }], calls: {} });
    };
    const report = await stage.bootstrap(request);
    expect(outcomesOf(report)).toEqual({ first: 'unchanged', second: 'failed' });
    expect(report.entities[1]?.reason).toBe('was updated, but AWS shows otherwise: no room for second');
  });

  test('deletes an entity that another caller creates anew, and says so', async () => {
    const request = requestFor([{ ...role('gone'), state: 'absent' }]);
    const deleted = { createdAt: '2026-01-01T00:00:00Z', intent: 'run' };
    stage.activities = {
      planEntities: () => Promise.resolve(planOf(request, 'delete')),
      deleteEntity: () => Promise.resolve(wrote('delete', { deleted })),
      verifyEntities: ({ entities }) => {
        expect(entities).toMatchObject([{ name: 'gone', deleted }]);
        return Promise.resolve({ differing: [], recreated: [{ index: 0, owner: 'namespace "b"' }], calls: {} });
      },
    };
    const report = await stage.bootstrap(request);
    expect([report.result, outcomesOf(report)]).toEqual(['converged', { gone: 'deleted' }]);
    expect(report.entities[0]?.reason).toBe(
      'deleted; another caller has created a new one of this name since, owned by namespace "b"',
    );
  });

  test('fails where what was written cannot be read', async () => {
    const request = chain();
    stage.activities.verifyEntities = () => Promise.reject(denied());
    const report = await stage.bootstrap(request);
    expect(outcomesOf(report)).toEqual({ first: 'failed', second: 'failed' });
    expect(report.entities[0]?.reason).toBe(
      'was created, but could not be verified: not authorized to perform iam:ListRoles (request request-9)',
    );
  });

  test('of a revision older than the last one writes nothing', async () => {
    const request = chain({ revision: { value: 1, source: 'given' } });
    const at = '2026-01-01T00:00:00.000Z';
    const last = {
      value: 2,
      source: 'given',
      environment: 'test',
      commit: null,
      url: 'https://ci/2',
      runId: 'run',
      at,
    } as const;
    stage.activities.claimRevision = () => Promise.resolve({ accepted: false, last });
    const report = await stage.bootstrap(request);
    expect(report).toMatchObject({ result: 'refused', revision: { value: 1, last } });
    expect(report.reason).toContain('given 1 (commit unknown) is older than given 2');
    expect(outcomesOf(report)).toEqual({ first: 'skipped', second: 'skipped' });
  });
});

test('a bootstrap for a schedule claims its revision as one that has to be the last', async () => {
  const claims: unknown[] = [];
  for (const key of ['job', `${SCHEDULE_ID_PREFIX}one`]) {
    const request = chain({ key, revision: { value: 1, source: 'given' } });
    stage.activities.claimRevision = ({ mustBeLast }) => {
      claims.push(mustBeLast);
      return Promise.resolve({ accepted: true, last: null });
    };
    await stage.bootstrap(request);
  }
  expect(claims).toEqual([undefined, true]);
});

describe('claims on entities without tags', () => {
  test('are taken before the first write; one that another namespace made since the plan is refused', async () => {
    const request = requestFor([role('mine'), role('theirs')]);
    const claim = { is: 'taken', replaces: null } as const;
    stage.activities = creating(request);
    stage.activities.planEntities = () => {
      const plan = planOf(request);
      return Promise.resolve({ ...plan, entities: plan.entities.map((planned) => ({ ...planned, claim })) });
    };
    const created: string[] = [];
    stage.activities.createEntity = ({ entity }) => {
      created.push(entity.name);
      return Promise.resolve(wrote('create'));
    };
    stage.activities.claimEntities = ({ take, runId, at }) => {
      expect(take.map(({ id }) => id)).toEqual(['Role/mine', 'Role/theirs']);
      return Promise.resolve({ refused: [{ id: 'Role/theirs', namespace: 'other', runId, at }] });
    };
    const stopped = await stage.bootstrap(request);
    expect(stopped.result).toBe('refused');
    expect(created).toEqual([]);
    const report = await stage.bootstrap({ ...request, keepGoing: true });
    expect(outcomesOf(report)).toEqual({ mine: 'created', theirs: 'refused' });
    expect(report.entities[1]?.reason).toContain('namespace "other", which declared it at');
  });

  test('are taken on what goes with a deletion, and dropped again; one made since the plan refuses the deletion', async () => {
    const request = requestFor([role('leaving')]);
    const takes = ['AccessKey/leaving'];
    stage.activities = creating(request);
    stage.activities.planEntities = () => {
      const plan = planOf(request, 'delete');
      return Promise.resolve({ ...plan, entities: plan.entities.map((planned) => ({ ...planned, takes })) });
    };
    let deletions = 0;
    stage.activities.deleteEntity = () => {
      deletions += 1;
      return Promise.resolve(wrote('delete'));
    };
    let claimant: string | null = 'other';
    const changes: unknown[] = [];
    stage.activities.claimEntities = ({ take, drop, runId, at }) => {
      changes.push({ take: take.map(({ id }) => id), drop });
      const refused = claimant === null ? [] : take.map(({ id }) => ({ id, namespace: 'other', runId, at }));
      return Promise.resolve({ refused });
    };
    const refused = await stage.bootstrap(request);
    expect(refused.entities[0]).toMatchObject({
      outcome: 'refused',
      reason: expect.stringMatching(
        /^would be deleted with AccessKey\/leaving, which namespace "other" declared/,
      ) as string,
    });
    expect(deletions).toBe(0);

    claimant = null;
    changes.length = 0;
    expect(outcomesOf(await stage.bootstrap(request))).toEqual({ leaving: 'deleted' });
    expect(changes).toEqual([
      { take: takes, drop: [] },
      { take: [], drop: takes },
    ]);
  });
});

describe('a bootstrap that is cancelled', () => {
  async function cancelDuring(name: 'planEntities' | 'createEntity' | 'verifyEntities'): Promise<Report> {
    const request = chain();
    const call = new HeldCall();
    const activity = stage.activities[name] as (argument: unknown) => Promise<never>;
    const held = async (argument: unknown): Promise<never> => {
      await untilCancelled(call);
      return activity(argument);
    };
    stage.activities = { ...stage.activities, [name]: held };
    const run = await stage.startBootstrap(request);
    await call.reached;
    await run.cancel();
    return reportOf(run);
  }

  test('while it plans writes nothing', async () => {
    const report = await cancelDuring('planEntities');
    expect([report.result, report.summary.created]).toEqual(['cancelled', 0]);
  });

  test('while it reconciles finishes the entity in flight, and starts no other', async () => {
    const report = await cancelDuring('createEntity');
    expect([report.result, outcomesOf(report)]).toEqual(['cancelled', { first: 'created', second: 'skipped' }]);
  });

  test('while its plan waits for the next attempt ends', async () => {
    const request = chain();
    const call = new HeldCall();
    let attempts = 0;
    stage.activities.planEntities = () => {
      attempts += 1;
      void call.hold();
      return Promise.reject(ApplicationFailure.create({ message: 'down', nextRetryDelay: '1 hour' }));
    };
    const run = await stage.startBootstrap(request);
    await call.reached;
    await run.cancel();
    expect(await reportOf(run)).toMatchObject({ result: 'cancelled', reason: 'the run was cancelled' });
    expect(attempts).toBe(1);
  });

  test('with fifty entities finishes calls in flight, ends what waits for its next attempt, and starts no other', async () => {
    const request = requestFor(Array.from({ length: 50 }, (_, index) => role(`role-${String(index)}`)));
    stage.activities = creating(request);
    const first = new HeldCall();
    const started = new Set<string>();
    const all = new HeldCall();
    stage.activities.createEntity = async ({ entity }) => {
      started.add(entity.name);
      if (started.size === CONCURRENT_ENTITIES) void all.hold();
      if (entity.name !== 'role-0') throw ApplicationFailure.create({ message: 'throttled', nextRetryDelay: '1 hour' });
      await untilCancelled(first);
      return wrote('create');
    };
    const run = await stage.startBootstrap(request);
    await all.reached;
    await run.cancel();
    const report = await reportOf(run);
    expect([report.result, report.reason]).toEqual(['cancelled', 'the run was cancelled']);
    expect(report.summary).toMatchObject({
      created: 1,
      cancelled: CONCURRENT_ENTITIES - 1,
      skipped: 50 - CONCURRENT_ENTITIES,
    });
    expect(started.size).toBe(CONCURRENT_ENTITIES);
    expect(outcomesOf(report)['role-0']).toBe('created');
  });

  test('does not claim what AWS had not shown by then', async () => {
    const request = chain();
    const call = new HeldCall();
    stage.activities.verifyEntities = async () => {
      await untilCancelled(call);
      return { differing: [], unverified: [1], calls: {} };
    };
    const run = await stage.startBootstrap(request);
    await call.reached;
    await run.cancel();
    const report = await reportOf(run);
    expect([report.result, outcomesOf(report)]).toEqual(['cancelled', { first: 'created', second: 'created' }]);
    expect(report.entities.map(({ reason }) => reason)).toEqual([
      null,
      'not verified: the run was cancelled before AWS showed it',
    ]);
  });

  test('while it verifies still verifies, and converges', async () => {
    const report = await cancelDuring('verifyEntities');
    expect([report.result, outcomesOf(report)]).toEqual(['converged', { first: 'created', second: 'created' }]);
  });
});

describe('a bootstrap that another request joins', () => {
  /** Joins a run while it creates its first role, and returns the entities of each verification. */
  async function joinDuring(name: 'planEntities' | 'createEntity', times: number): Promise<[Report, string[][]]> {
    const request = requestFor([role('made'), role('there')]);
    const verified: string[][] = [];
    const call = new HeldCall();
    const plan = planOf(request, 'create', { there: 'no-op' });
    stage.activities = {
      planEntities: async () => {
        if (name === 'planEntities') await call.hold();
        return plan;
      },
      createEntity: async () => {
        if (name === 'createEntity') await call.hold();
        return wrote('create');
      },
      verifyEntities: ({ entities }) => {
        verified.push(entities.map((entity) => `${entity.name}${entity.isUnwritten === true ? ' unwritten' : ''}`));
        const index = entities.findIndex(({ name: verifiedName }) => verifiedName === 'there');
        const differing = index === -1 ? [] : [{ index, decision: decide('create') }];
        return Promise.resolve({ differing, calls: { ListRoles: 1 } });
      },
    };
    const run = await stage.startBootstrap(request);
    await call.reached;
    for (let joined = 0; joined < times; joined += 1) await run.signal(joinSignal, `key-${String(joined)}`);
    call.release();
    return [await reportOf(run), verified];
  }

  test('does not read again what it did not write where nobody joins', async () => {
    const [report, verified] = await joinDuring('createEntity', 0);
    expect([report.result, verified]).toEqual(['converged', [['made']]]);
  });

  test.each(['planEntities', 'createEntity'] as const)(
    'during %s reads everything once for all joiners, and names what has changed',
    async (during) => {
      const [report, verified] = await joinDuring(during, 3);
      expect([report.result, verified]).toEqual(['failed', [['there unwritten', 'made']]]);
      expect(report.entities[1]).toMatchObject({
        outcome: 'failed',
        reason: 'has changed since this run read it, and this run did not write it: does not exist',
        changedSince: ['does not exist'],
      });
    },
  );
});

describe('a refusal or failure', () => {
  /** Runs an entity that is refused and one that fails, and lets a request join while another one is created. */
  async function reportTo(joins: boolean): Promise<Report> {
    const request = requestFor([role('refused'), role('failed'), role('made')], { keepGoing: true });
    const call = new HeldCall();
    stage.activities = {
      ...creating(request),
      planEntities: () => Promise.resolve(planOf(request, 'create', { refused: 'refuse' })),
      createEntity: async ({ entity }) => {
        if (entity.name === 'failed') throw denied();
        await call.hold();
        return wrote('create');
      },
    };
    const run = await stage.startBootstrap(request);
    await call.reached;
    while ((await run.query(progressQuery)).done < 2);
    if (joins) await run.signal(joinSignal, 'key');
    call.release();
    return reportOf(run);
  }

  test('from before another request joined is marked in its report', async () => {
    const { entities } = await reportTo(true);
    expect(entities.map(({ name, outcome, beforeJoin }) => [name, outcome, beforeJoin])).toEqual([
      ['refused', 'refused', true],
      ['failed', 'failed', true],
      ['made', 'created', undefined],
    ]);
  });

  test('is not marked where nobody joins', async () => {
    expect(JSON.stringify(await reportTo(false))).not.toContain('beforeJoin');
  });
});

describe('what an earlier run of the namespace has left behind', () => {
  test('is ended before the plan is made, and the progress says so', async () => {
    const request = requestFor([role('one')]);
    const calls: string[] = [];
    const end = new HeldCall();
    const left = { workflowId: `iam:${request.target.account}:Role:one`, runId: 'earlier' };
    stage.activities = {
      // Visibility shows for a while what has just closed.
      findEntityRuns: () => Promise.resolve({ earlier: [left], others: [] }),
      endEntityRuns: async (runs) => {
        calls.push(`end ${runs.map(({ runId }) => runId).join(' ')}`);
        await end.hold();
      },
      planEntities: () => {
        calls.push('plan');
        return Promise.resolve(planOf(request, 'no-op'));
      },
    };
    const run = await stage.startBootstrap(request);
    await end.reached;
    const { waitingFor } = await run.query(progressQuery);
    expect(waitingFor).toBe(`waiting for the end of what an earlier run left behind: ${left.workflowId}`);
    end.release();
    expect((await reportOf(run)).result).toBe('converged');
    expect(calls).toEqual(['end earlier', 'plan']);
  });

  test('and an entity that another namespace held is read again before it counts as unchanged', async () => {
    const request = requestFor([role('held'), role('free')]);
    const [held] = planOf(request).entities;
    stage.activities = {
      findEntityRuns: () => Promise.resolve({ earlier: [], others: [held?.workflowId ?? ''] }),
      planEntities: () => Promise.resolve(planOf(request, 'no-op')),
      verifyEntities: ({ entities }) => {
        expect(entities).toMatchObject([{ name: 'held', isUnwritten: true }]);
        const drift = [{ path: 'description', observed: 'theirs', desired: 'ours' }];
        return Promise.resolve({ differing: [{ index: 0, decision: { ...decide('update'), drift } }], calls: {} });
      },
    };
    const report = await stage.bootstrap(request);
    expect(outcomesOf(report)).toEqual({ held: 'failed', free: 'unchanged' });
    expect(report.entities[0]?.changedSince).toEqual(['~ description = "theirs" -> "ours"']);
  });
});

describe('a ledger that does not answer', () => {
  const silent = ApplicationFailure.nonRetryable('the ledger does not answer', 'ServiceUnavailable', {
    remedy: 'end it',
    calls: {},
  });

  test('before the first write ends the run with a report, and nothing is written', async () => {
    const request = requestFor([role('one')]);
    const [planned] = planOf(request).entities;
    if (planned === undefined) throw new Error('no plan');
    const entities = [{ ...planned, claim: { is: 'taken', replaces: null } as const }];
    stage.activities = {
      planEntities: () => Promise.resolve({ ...planOf(request), entities }),
      claimEntities: () => Promise.reject(silent),
      createEntity: () => Promise.reject(new Error('written')),
    };
    const { result, reason, remedy, entities: reports } = await stage.bootstrap(request);
    expect({ result, reason, remedy, reports }).toEqual({
      result: 'busy',
      reason: 'the ledger does not answer',
      remedy: 'end it',
      reports: [],
    });
  });

  test('after the writes leaves them in the report', async () => {
    const request = requestFor([role('one')]);
    const [planned] = planOf(request).entities;
    if (planned === undefined) throw new Error('no plan');
    const entities = [{ ...planned, takes: ['LoginProfile/one'] }];
    stage.activities = {
      ...creating(request),
      planEntities: () => Promise.resolve({ ...planOf(request), entities }),
      claimEntities: ({ take }) => (take.length > 0 ? Promise.resolve({ refused: [] }) : Promise.reject(silent)),
    };
    const report = await stage.bootstrap(request);
    expect(report).toMatchObject({
      result: 'failed',
      reason: 'what was written could not be recorded: the ledger does not answer',
      remedy: 'end it',
    });
    expect(outcomesOf(report)).toEqual({ one: 'created' });
  });
});

test('an argument that is not a request fails the run, and is not tried again', async () => {
  const run = await stage.startBootstrap({} as BootstrapRequest, 'malformed');
  await expect(run.result()).rejects.toMatchObject({ cause: { type: 'InvalidManifest' } });
});
