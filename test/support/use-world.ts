import type { IAM, Tag } from '@aws-sdk/client-iam';
import { loadConfig } from '../../src/config/config.js';
import type { JsonObject } from '../../src/contract/entity.js';
import type { Report } from '../../src/contract/report.js';
import { connectTemporal } from '../../src/temporal/connect.js';
import type { TemporalConnection } from '../../src/temporal/connect.js';
import { manifestOf, trusting } from './manifests-of.js';
import { Runs } from './runs.js';
import { iamClient } from './sandbox.js';
import { ACCOUNT, startWorld } from './world.js';
import type { CommandResult, WorkerProcess, World, WorldOptions } from './world.js';

/** The processes of the test file. */
export let world: World;
/** A connection to its Temporal server. */
export let temporal: TemporalConnection;
/** Runs of the client library. */
export let runs: Runs;
/** Its worker. */
export let worker: WorkerProcess;
/** Another caller of AWS, which does not use the proxy. */
export let iam: IAM;

/** Options of {@link useWorld}. */
export interface UseWorldOptions extends WorldOptions {
  /** Starts a worker. Default: true. */
  readonly worker?: boolean;
  /** Empties the account and forgets the calls before each test, or forgets the calls only. Default: true. */
  readonly reset?: boolean | 'calls';
}

/**
 * Starts a world for the test file, and removes all faults before each test. `afterAll` hooks that need the world are
 * registered before this call.
 */
export function useWorld({ worker: startsWorker = true, reset = true, ...options }: UseWorldOptions = {}): void {
  beforeAll(async () => {
    world = await startWorld(options);
    iam = iamClient(world.sandbox.url);
    temporal = await connectTemporal(loadConfig(world.env));
    runs = new Runs(world, temporal);
    if (startsWorker) worker = await world.startWorker();
  });
  beforeEach(async () => {
    world.proxy.clearRules();
    if (reset === true) await world.sandbox.reset();
    if (reset !== false) world.proxy.clear();
  });
  afterAll(async () => {
    await temporal.close();
    await world.stop();
  });
}

/** Starts a Temporal server that has lost every run and every lock. What is known afterwards, AWS reports. */
export async function loseTemporal(): Promise<void> {
  await worker.kill();
  await world.crashTemporal();
  await world.resumeTemporal();
  await temporal.close();
  temporal = await connectTemporal(loadConfig(world.env));
  runs = new Runs(world, temporal);
  worker = await world.startWorker();
  world.proxy.clear();
}

/** Creates a role as another caller does. */
export async function createRole(RoleName: string, tags: Readonly<Record<string, string>> = {}): Promise<void> {
  const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
  await iam.createRole({ RoleName, AssumeRolePolicyDocument: JSON.stringify(trusting()), Tags });
}

/** Returns the tags of a role. */
export async function tagsOfRole(RoleName: string): Promise<Record<string, string>> {
  return tagRecord((await iam.listRoleTags({ RoleName })).Tags);
}

/** Returns tags as a record. */
export function tagRecord(tags: readonly Tag[] = []): Record<string, string> {
  return Object.fromEntries(tags.map(({ Key = '', Value = '' }) => [Key, Value]));
}

/** Runs a command with a manifest of these entities. */
export async function runCommand(
  command: string,
  entities: readonly JsonObject[],
  options: readonly string[] = [],
  namespace = 'ci',
): Promise<CommandResult> {
  const path = await world.manifest(`${namespace}.json`, manifestOf({ namespace, account: ACCOUNT, entities }));
  return world.cli([command, '-f', path, ...options]);
}

/** Runs a command with a manifest of the namespace, as `runCommand` does, and returns its report. */
export async function runForReport(
  command: 'plan' | 'apply',
  namespace: string,
  entities: readonly JsonObject[],
  ...options: readonly string[]
): Promise<Report> {
  const result = await runCommand(command, entities, ['--output', 'json', ...options], namespace);
  if (result.stdout === '') throw new Error(`exit ${String(result.code)}: ${result.stderr}`);
  return result.report();
}
