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
  ) {}

  /** Plans in one bootstrap run, and creates the entity in a run that another bootstrap run has started. */
  async create(plannedBy: string, startedBy: string): Promise<string | undefined> {
    const enforcement = new Enforcement({
      source: NO_GUARDRAILS,
      ...(this.proofs === undefined ? {} : { proofs: this.proofs as Proofs }),
      binding: {
        permits: new Permits(['a key of at least thirty-two characters']),
        launch: launchedBy(() => Promise.resolve({ workflowId: LOCK, runId: startedBy })),
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
      intent: startedBy,
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
