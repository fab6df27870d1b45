import { descentFrom, type StartAttributes } from '../../../../src/activities/runtime/descent.js';
import { Enforcement } from '../../../../src/activities/runtime/enforcement.js';
import { NO_GUARDRAILS } from '../../../../src/activities/runtime/guardrails-file.js';
import { launchedBy } from '../../../../src/activities/runtime/launches.js';
import { Permits } from '../../../../src/activities/runtime/permits.js';
import type { Proofs } from '../../../../src/activities/runtime/proofs.js';
import { bootstrapWorkflowId } from '../../../../src/contract/workflow-ids.js';
import { desired } from '../../../support/desired.js';
import { reconcileRequest, ROLE, runAttempt } from '../../../support/activity.js';
import { FakeAccount } from '../../../support/fake-account.js';
import { requestOf } from '../../../support/planned.js';

const ENTITY = desired('Role', 'deploy', ROLE.spec);
const REQUEST = { ...requestOf([]), entities: [ENTITY] };
const LOCK = bootstrapWorkflowId(REQUEST.target.account, REQUEST.namespace);

/** Returns a run ID. */
const run = (last: number): string => `00000000-0000-4000-8000-${String(last).padStart(12, '0')}`;

const [FIRST, SECOND, THIRD, FOREIGN] = [run(1), run(2), run(3), run(4)];

/** A Temporal in which a run may follow another one by a reset. */
class Runs {
  readonly account = new FakeAccount();
  constructor(
    private readonly resets: Readonly<Record<string, string>>,
    private readonly proofs?: Pick<Proofs, 'prove' | 'isRequired'>,
    private readonly starts: Readonly<Record<string, StartAttributes>> = {},
  ) {}

  /** Plans in one bootstrap run, and creates the entity in a run that another bootstrap run has started. */
  async create(plannedBy: string, startedBy: string, intent = startedBy): Promise<string | undefined> {
    const enforcement = new Enforcement({
      source: NO_GUARDRAILS,
      ...(this.proofs === undefined ? {} : { proofs: this.proofs as Proofs }),
      binding: {
        permits: new Permits(['a key of at least thirty-two characters']),
        launch: launchedBy({
          parentOf: () => Promise.resolve({ workflowId: LOCK, runId: startedBy }),
          descentFrom: (earlierRunId, { workflowId, runId }) =>
            descentFrom(earlierRunId, { workflowId, runId }, (one) => Promise.resolve(this.starts[one.runId])),
        }),
        originOf: ({ runId }) => Promise.resolve({ startedAt: 0, firstRunId: this.resets[runId] ?? runId }),
      },
    });
    const info = { workflowExecution: { workflowId: LOCK, runId: plannedBy } };
    const { result } = await runAttempt(this.account, 'planEntities', REQUEST, { enforcement, info });
    const [planned] = result?.entities ?? [];
    const { permit = '', lines = [] } = planned ?? {};
    const request = reconcileRequest(ENTITY, {
      environment: REQUEST.environment,
      planned: { action: 'create', lines },
      intent,
      permit,
    });
    const { failure } = await runAttempt(this.account, 'createEntity', request, { enforcement });
    return failure?.message;
  }
}

test.each([
  ['the run that has planned it', FIRST, FIRST],
  ['a run that goes on after a reset', FIRST, SECOND],
  ['a run that was reset twice, and planned in between', SECOND, THIRD],
  ['a run that planned again after a reset', THIRD, THIRD],
])('%s writes', async (_what, plannedBy, startedBy) => {
  const runs = new Runs({ [SECOND]: FIRST, [THIRD]: FIRST });
  expect(await runs.create(plannedBy, startedBy)).toBeUndefined();
  expect(runs.account.writes).toEqual(['CreateRole']);
});

test('another run of the namespace writes nothing by a copy of the permit', async () => {
  const runs = new Runs({ [SECOND]: FIRST });
  expect(await runs.create(FIRST, FOREIGN)).toContain('no plan of this worker');
  expect(await runs.create(SECOND, FOREIGN)).toContain('no plan of this worker');
  expect(runs.account.writes).toEqual([]);
});

test('a run that goes on after a reset writes nothing where the guardrails demand proofs: they were for the first run', async () => {
  const proofs = { prove: () => Promise.resolve({}), isRequired: () => true };
  const runs = new Runs({ [SECOND]: FIRST }, proofs);
  expect(await runs.create(FIRST, SECOND)).toContain('its bootstrap run was reset');
  expect(runs.account.writes).toEqual([]);
  expect(await runs.create(FIRST, FIRST)).toBeUndefined();
  expect(runs.account.writes).toEqual(['CreateRole']);
});

describe('a run that continues as new', () => {
  const started = (runId: string, continued: string, original = runId): StartAttributes => ({
    originalExecutionRunId: original,
    continuedExecutionRunId: continued,
    firstExecutionRunId: FIRST,
  });
  const CHAIN = { [FIRST]: started(FIRST, ''), [SECOND]: started(SECOND, FIRST), [THIRD]: started(THIRD, SECOND) };
  const proofs = { prove: () => Promise.resolve({}), isRequired: () => true };

  test('writes what the first run of its chain has planned', async () => {
    const runs = new Runs({ [SECOND]: FIRST, [THIRD]: FIRST }, proofs, CHAIN);
    expect(await runs.create(FIRST, THIRD, FIRST)).toBeUndefined();
    expect(runs.account.writes).toEqual(['CreateRole']);
  });

  test('writes on when Temporal has deleted the runs before it', async () => {
    const runs = new Runs({ [THIRD]: FIRST }, proofs, { [THIRD]: started(THIRD, SECOND) });
    expect(await runs.create(FIRST, THIRD, FIRST)).toBeUndefined();
  });

  test('writes nothing by the plan of a run that it does not go on from', async () => {
    const runs = new Runs({ [THIRD]: FIRST }, undefined, { [THIRD]: started(THIRD, '') });
    expect(await runs.create(FIRST, THIRD, FIRST)).toContain('is written by entity runs of its bootstrap run');
    const others = new Runs({}, undefined, { [THIRD]: started(THIRD, SECOND) });
    expect(await others.create(FOREIGN, THIRD, FOREIGN)).toContain('is written by entity runs of its bootstrap run');
  });

  test('writes after a reset, unless the guardrails demand proofs', async () => {
    const reset = { ...CHAIN, [THIRD]: started(THIRD, FIRST, SECOND) };
    expect(await new Runs({ [THIRD]: FIRST }, undefined, reset).create(FIRST, THIRD, FIRST)).toBeUndefined();
    const proven = new Runs({ [THIRD]: FIRST }, proofs, reset);
    expect(await proven.create(FIRST, THIRD, FIRST)).toContain('its bootstrap run was reset');
    expect(proven.account.writes).toEqual([]);
  });
});
