// Measures what guardrails, proofs of identity and encryption cost: roles are created by workers with one protection
// each, in turns. Prints milliseconds and calls to AWS per role, and processor time against a worker without.
import { loadConfig } from '../src/config/config.js';
import { loadRequest } from '../src/client/request.js';
import { apply } from '../src/client/run/start.js';
import { connectTemporal } from '../src/temporal/connect.js';
import { manifestOf } from '../test/support/manifests-of.js';
import { iamClient } from '../test/support/sandbox.js';
import { type Protection, startSecurity } from '../test/support/security.js';
import { ACCOUNT, startWorld, type World } from '../test/support/world.js';
import { spreadOf } from './figures.js';
import { standingOf } from './process.js';
import { callsText, msText, ratioText, spreadText } from './text.js';
import { rolesOf, SHARED_DOCUMENT, SHARED_POLICY } from './workload.js';

const [roles, repeats] = [process.argv[2] ?? '100', process.argv[3] ?? '5'].map(Number) as [number, number];

const CASES: Readonly<Record<string, readonly Protection[]>> = {
  none: [],
  guardrails: ['guardrails'],
  'guardrails and identity': ['guardrails', 'identity'],
  encryption: ['encryption'],
  all: ['guardrails', 'identity', 'encryption'],
};

/** The cost of one apply. */
interface Sample {
  readonly ms: number;
  /** Of the worker. */
  readonly cpuMs: number;
  readonly calls: Readonly<Record<string, number>>;
}

/** Applies roles in an empty account, by a worker and a client with protections. The queue is also the namespace. */
async function measure(world: World, env: Readonly<Record<string, string>>, queue: string): Promise<Sample> {
  const own = { ...env, IAM_BOOTSTRAP_TASK_QUEUE: queue };
  const worker = await world.startWorker(own);
  const temporal = await connectTemporal(loadConfig({ ...world.env, ...own }));
  try {
    const applied = async (count: number): Promise<void> => {
      const manifest = manifestOf({ namespace: queue, account: ACCOUNT, entities: rolesOf(count).entities });
      const loaded = await loadRequest([await world.manifest('protections.json', manifest)]);
      if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
      const { result, reason } = await apply(temporal, loaded.request);
      if (result !== 'converged') throw new Error(reason ?? result);
    };
    // One-time costs are not measured.
    await applied(1);
    world.proxy.clear();
    const before = await standingOf(worker.pid);
    const startedAt = performance.now();
    await applied(roles);
    const ms = performance.now() - startedAt;
    const after = await standingOf(worker.pid);
    if (before === undefined || after === undefined) throw new Error('this system does not show processor time');
    return { ms, cpuMs: after.cpuMs - before.cpuMs, calls: world.proxy.countBy() };
  } finally {
    await temporal.close();
    await worker.stop();
  }
}

async function main(): Promise<void> {
  const world = await startWorld({ replay: { notBecause: 'the benchmark measures and proves nothing' } });
  const security = await startSecurity(world.directory, ACCOUNT);
  const iam = iamClient(world.sandbox.url);
  const samples = new Map<string, Sample[]>();
  try {
    for (let repeat = 0; repeat < repeats; repeat += 1) {
      for (const [name, protections] of Object.entries(CASES)) {
        await world.sandbox.reset();
        await iam.createPolicy({ PolicyName: SHARED_POLICY, PolicyDocument: SHARED_DOCUMENT });
        const sample = await measure(
          world,
          security.env(protections),
          `bench-${name.replaceAll(' ', '-')}-${String(repeat)}`,
        );
        samples.set(name, [...(samples.get(name) ?? []), sample]);
      }
    }
  } finally {
    await Promise.all([world.stop(), security.stop()]);
  }
  const base = spreadOf((samples.get('none') ?? []).map(({ cpuMs }) => cpuMs)).median;
  for (const [name, taken] of samples) {
    const cpu = spreadOf(taken.map(({ cpuMs }) => cpuMs / roles));
    const time = spreadOf(taken.map(({ ms }) => ms / roles));
    const calls = callsText(taken[0]?.calls ?? {});
    console.log(
      `${name}: worker ${spreadText(cpu, msText)} a role (${ratioText((cpu.median * roles) / base)}), ` +
        `whole ${spreadText(time, msText)} a role; ${calls}`,
    );
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
