import { setTimeout as pause } from 'node:timers/promises';
import { loadFleetRequest } from '../../src/client/fleet-request.js';
import { triggerSchedule } from '../../src/client/schedule/change.js';
import { createSchedule } from '../../src/client/schedule/create.js';
import { describeSchedule, type ScheduleRun } from '../../src/client/schedule/read.js';
import type { ScheduleCommand } from '../../src/contract/schedule.js';
import { role } from './manifests-of.js';
import { temporal, world } from './use-world.js';

const POLL_MS = 100;

/** Waits until something holds. What it waits for is an event of other processes. */
export async function until<T>(read: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await read();
    if (found !== undefined) return found;
    await pause(POLL_MS);
  }
}

/** Creates a schedule for a fleet whose manifest has one role, which has the name of its namespace. */
export async function scheduleFleet(
  namespace: string,
  accounts: object,
  command: ScheduleCommand,
): Promise<Awaited<ReturnType<typeof createSchedule>>> {
  const assumeRole = 'arn:{{partition}}:iam::{{account}}:role/iam-bootstrap';
  const path = await world.manifest(`${namespace}.json`, {
    version: 1,
    namespace,
    fleets: { all: { accounts, assumeRole } },
    entities: [role(`${namespace}-deploy`, { maxSessionDuration: 3600 })],
  });
  const pipeline = { provider: 'local', url: null, commit: null, actor: 'test' };
  const loaded = await loadFleetRequest([path], { variables: {}, pipeline, fleet: 'all', command });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems, null, 2));
  return createSchedule(temporal, { request: loaded.request, command, timing: { every: 3_600_000 } });
}

/** Triggers a schedule, and returns its run once it has ended. */
export async function runOfSchedule(id: string): Promise<ScheduleRun> {
  const started = await triggerSchedule(temporal, id);
  return until(async () => {
    const { runs } = await describeSchedule(temporal, id);
    return runs.find((run) => run.runId === started?.runId && run.state !== 'running');
  });
}
