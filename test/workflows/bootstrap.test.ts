import { ApplicationFailure } from '@temporalio/common';
import type { Report } from '../../src/contract/report.js';
import type { BootstrapRequest } from '../../src/contract/request.js';
import {
  creating,
  decide,
  HeldCall,
  outcomesOf,
  planOf,
  reportOf,
  requestFor,
  role,
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
    expect(report.entities[1]).toMatchObject({ drift, reason: 'was created, but AWS still shows a difference' });
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
});

describe('a bootstrap that is cancelled', () => {
  async function cancelDuring(name: 'planEntities' | 'createEntity' | 'verifyEntities'): Promise<Report> {
    const request = chain();
    const call = new HeldCall();
    const activity = stage.activities[name] as (argument: unknown) => Promise<never>;
    const held = async (argument: unknown): Promise<never> => {
      await call.hold();
      return activity(argument);
    };
    stage.activities = { ...stage.activities, [name]: held };
    const run = await stage.startBootstrap(request);
    await call.reached;
    await run.cancel();
    call.release();
    return reportOf(run);
  }

  test('while it plans writes nothing', async () => {
    const report = await cancelDuring('planEntities');
    expect([report.result, outcomesOf(report)]).toEqual(['cancelled', { first: 'skipped', second: 'skipped' }]);
  });

  test('while it reconciles finishes the entity in flight, and starts no other', async () => {
    const report = await cancelDuring('createEntity');
    expect([report.result, outcomesOf(report)]).toEqual(['cancelled', { first: 'created', second: 'skipped' }]);
  });

  test('while it verifies still verifies, and converges', async () => {
    const report = await cancelDuring('verifyEntities');
    expect([report.result, outcomesOf(report)]).toEqual(['converged', { first: 'created', second: 'created' }]);
  });
});

test('an argument that is not a request fails the run, and is not tried again', async () => {
  const run = await stage.startBootstrap({} as BootstrapRequest, 'malformed');
  await expect(run.result()).rejects.toMatchObject({ cause: { type: 'InvalidManifest' } });
});
