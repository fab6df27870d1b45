import { progressOf } from '../../../src/client/runs.js';
import type { FleetProgress } from '../../../src/contract/fleet-progress.js';
import type { Progress } from '../../../src/contract/progress.js';
import type { TemporalConnection } from '../../../src/temporal/connect.js';

const RUN = { workflowId: 'w', runId: 'r' };

/** A connection to a server whose run answers a query. */
function answering(answer: Progress | FleetProgress): TemporalConnection {
  const handle = { query: () => Promise.resolve(answer), describe: () => Promise.resolve({ raw: {} }) };
  const client = {
    withDeadline: (_: number, call: () => unknown) => call(),
    workflow: { getHandle: () => handle },
  };
  return { client } as unknown as TemporalConnection;
}

test('the progress of a run is that of its entities', async () => {
  const progress: Progress = { phase: 'planning', done: 0, total: 1, entities: [], waitingFor: null };
  expect(await progressOf(answering(progress), RUN)).toEqual(progress);
});

test('a run of a fleet has none, as it answers by its accounts', async () => {
  const progress: FleetProgress = {
    phase: 'applying',
    wave: 1,
    waves: 1,
    done: 0,
    total: 1,
    results: {},
    accounts: [],
  };
  expect(await progressOf(answering(progress), RUN)).toBeNull();
});
