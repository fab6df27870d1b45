import { setTimeout as pause } from 'node:timers/promises';
import { DOCUMENTED_QUERIES, OF_SCHEDULES, OPERATIONS_PAGE } from '../support/documented-queries.js';
import { playScenes } from '../support/scenes.js';
import type { Scenes } from '../support/scenes.js';
import { ACCOUNT } from '../support/world.js';
import { temporal, useWorld, world } from '../support/use-world.js';

let scenes: Scenes;

afterAll(() => scenes.end());
useWorld({ worker: false, reset: false });

beforeAll(async () => {
  scenes = await playScenes(world);
});

const documented = DOCUMENTED_QUERIES.filter(([lookingFor]) => !OF_SCHEDULES.includes(lookingFor));

/** The scenes that each query finds. */
const FOUND: Readonly<Record<string, (scenes: Scenes) => readonly string[]>> = {
  'all runs of a namespace': ({ converged, running }) => [converged.runId, running.runId],
  'all runs of an account': ({ converged, running, refused, conflicting, failed, gated }) =>
    [converged, running, refused, conflicting, failed, gated].map(({ runId }) => runId),
  'runs under way': ({ running, gated }) => [running.runId, gated.runId],
  'runs that need a person': ({ refused, conflicting, failed }) =>
    [refused, conflicting, failed].map(({ runId }) => runId),
  'the runs that wrote to an entity': ({ role }) => [role.runId],
  'refusals of the last days': ({ refused, conflicting, conflict }) =>
    [refused, conflicting, conflict].map(({ runId }) => runId),
  'plans that wait for approval': ({ gated }) => [gated.runId],
  'conflicts (a Create met "already exists")': ({ conflicting, conflict }) => [conflicting.runId, conflict.runId],
};

test('tests every documented query, and no other', () => {
  expect(documented.map(([lookingFor]) => lookingFor).sort()).toEqual(Object.keys(FOUND).sort());
  expect(OPERATIONS_PAGE).toContain(ACCOUNT);
});

test.each(documented)('%s: %s', async (lookingFor, query) => {
  const expected = [...(FOUND[lookingFor]?.(scenes) ?? [])].sort();
  const find = async (): Promise<string[]> => {
    const found: string[] = [];
    for await (const { runId } of temporal.client.workflow.list({ query })) found.push(runId);
    return found.sort();
  };
  // Temporal's list of workflows is eventually consistent.
  const deadline = Date.now() + 30_000;
  while ((await find()).join() !== expected.join() && Date.now() < deadline) await pause(100);
  expect(await find()).toEqual(expected);
});
