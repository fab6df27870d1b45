// Measures what it takes to read an account for a capture: calls to AWS, time, and the memory of the worker and of the
// client, for a number of roles with an inline policy and an attachment each. The emulator's part of the time is apart.
import { readAccount } from '../src/client/capture/read-account.js';
import { ACCOUNT } from '../test/support/world.js';
import { forgetPeak, standingOf } from './process.js';
import { Stage } from './stage.js';
import { NAMESPACE, rolesOf } from './workload.js';

const [roles, repeats] = [process.argv[2] ?? '5000', process.argv[3] ?? '3'].map(Number) as [number, number];

const FILTER = { namespace: NAMESPACE, path: null, names: [], tags: {}, owner: null };
const MEGABYTE = 1024 * 1024;

/** Reads the account to its end, and keeps nothing of it. */
async function measure(stage: Stage, kinds: readonly string[]): Promise<void> {
  await stage.restartWorker();
  for (let run = 1; run <= repeats; run += 1) {
    await forgetPeak(stage.workerPid);
    const before = await standingOf(stage.workerPid);
    const startedAt = performance.now();
    const reading = readAccount(stage.temporal, { account: ACCOUNT, partition: 'aws' }, { ...FILTER, kinds }, {});
    let [items, bytes] = [0, 0];
    let next = await reading.next();
    for (; next.done !== true; next = await reading.next()) {
      items += 1;
      bytes += JSON.stringify(next.value).length;
    }
    const after = await standingOf(stage.workerPid);
    console.log({
      kinds: kinds.join(', ') || 'all',
      items,
      megabytes: bytes / MEGABYTE,
      calls: next.value.calls,
      unread: next.value.unread,
      ms: Math.round(performance.now() - startedAt),
      // Of settings that are absent, the emulator's answers are errors.
      emulatorMs: kinds.length === 0 ? null : Math.round(await stage.readsAgainMs()),
      worker: after && {
        cpuMs: after.cpuMs - (before?.cpuMs ?? 0),
        idleMb: Math.round((before?.rssBytes ?? 0) / MEGABYTE),
        peakMb: Math.round(after.peakRssBytes / MEGABYTE),
      },
      clientMb: Math.round(process.memoryUsage().rss / MEGABYTE),
    });
  }
}

async function main(): Promise<void> {
  const stage = await Stage.start();
  try {
    const workload = rolesOf(roles);
    await stage.empty(workload);
    await stage.fill(workload);
    for (const kinds of [['Role'], []]) await measure(stage, kinds);
  } finally {
    await stage.stop();
  }
}

void main();
