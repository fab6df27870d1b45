// Measures what it takes to read an account for a capture: calls to AWS, time, and the memory of the worker and of the
// client, for a number of roles with an inline policy and an attachment each. The emulator's part of the time is apart. Plans
// what was captured at the end, which changes nothing.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { captureAccount } from '../src/client/capture/capture-account.js';
import { readAccount } from '../src/client/capture/read-account.js';
import { saveCapture } from '../src/client/capture/save-capture.js';
import { loadRequest } from '../src/client/request.js';
import { plan } from '../src/client/run/start.js';
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

/** Writes the account as manifests, and plans them: nothing may change of what was captured. */
async function planCaptured(stage: Stage): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'iam-bootstrap-capture-'));
  const target = { account: ACCOUNT, partition: 'aws' };
  const startedAt = performance.now();
  const { files, report } = await captureAccount(stage.temporal, { target, namespace: NAMESPACE, kinds: ['Role'] });
  await saveCapture(files, folder);
  const capturedAt = performance.now();
  const pipeline = { provider: 'local', url: null, commit: null, actor: 'bench' } as const;
  const manifests = report.manifests.map((path) => join(folder, path));
  const loaded = await loadRequest(manifests, { variables: {}, pipeline });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems.slice(0, 5)));
  const { entities } = await plan(stage.temporal, loaded.request);
  const decisions: Record<string, number> = {};
  for (const { decision } of entities) decisions[decision] = (decisions[decision] ?? 0) + 1;
  console.log({
    captured: report.captured,
    warnings: report.warnings.length,
    manifests: report.manifests.length,
    megabytes: files.reduce((sum, { text }) => sum + text.length, 0) / MEGABYTE,
    captureMs: Math.round(capturedAt - startedAt),
    planMs: Math.round(performance.now() - capturedAt),
    clientMb: Math.round(process.memoryUsage().rss / MEGABYTE),
    decisions,
    drift: entities.flatMap(({ drift }) => drift).length,
  });
  await rm(folder, { recursive: true });
}

async function main(): Promise<void> {
  const stage = await Stage.start();
  try {
    const workload = rolesOf(roles);
    await stage.empty(workload);
    await stage.fill(workload);
    for (const kinds of [['Role'], []]) await measure(stage, kinds);
    await planCaptured(stage);
  } finally {
    await stage.stop();
  }
}

void main();
