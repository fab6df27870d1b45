import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils';
import type { temporal } from '@temporalio/proto';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import type { WorkflowBundleOption } from '@temporalio/worker';
import { loadConfig } from '../../src/config/config.js';
import { MAX_MESSAGE_BYTES } from '../../src/temporal/connect.js';
import { openEncryption } from '../../src/temporal/encryption/open.js';
import { createDataConverter, dataConverter as withoutKeys } from '../../src/temporal/payload-codec.js';
import { LONG_FORM } from './trials.js';
import { workflowBundle } from './workflow-bundle.js';

/** The history of a run, as Temporal returns it. */
export type History = temporal.api.history.v1.IHistory;

/** Maximum of replays per world, 40 ms of processor time each. Of more runs an evenly spread sample is replayed. */
const MAX_REPLAYS = LONG_FORM ? 300 : 30;

/** Histories fetched at a time. */
const FETCHES = 10;

const BUILT = resolve(__dirname, '../../dist/workflow-bundle.js');

/** A run with its history. */
export interface RecordedRun {
  readonly workflowId: string;
  readonly history: History;
}

/** The result of a replay. */
export interface Replay {
  readonly workflowId: string;
  /** Null if the code does what the history records. */
  readonly error: Error | null;
}

/** Replays runs, one after the other. Those of workers with encryption need a data converter that has their keys. */
export async function* replay(
  workflowBundle: WorkflowBundleOption,
  runs: Iterable<RecordedRun> | AsyncIterable<RecordedRun>,
  dataConverter = withoutKeys,
): AsyncGenerator<Replay> {
  quietRuntime();
  const results = Worker.runReplayHistories({ workflowBundle, dataConverter }, runs);
  for await (const { workflowId, error } of results) yield { workflowId, error: error ?? null };
}

/**
 * Replays the runs that a Temporal server has seen with the code that its workers ran. Saves their histories first where
 * `npm run record:histories` has named a folder.
 *
 * @param address - of the server
 * @param environment - of the workers: it has the keys of encrypted payloads
 * @throws an error that names every run that does not replay
 */
export async function replayAll(address: string, environment: Readonly<Record<string, string>>): Promise<void> {
  const dataConverter = createDataConverter(await openEncryption(loadConfig(environment)));
  const channelArgs = { 'grpc.max_receive_message_length': MAX_MESSAGE_BYTES };
  const connection = await Connection.connect({ address, channelArgs });
  try {
    const client = new Client({ connection, dataConverter });
    const runs: RunId[] = [];
    for await (const { workflowId, runId } of client.workflow.list()) runs.push({ workflowId, runId });
    const folder = process.env['RECORD_HISTORIES'];
    if (folder !== undefined) await saveHistories(client, runs, folder);
    const step = Math.max(1, runs.length / MAX_REPLAYS);
    const sample = runs.filter((_run, index) => Math.floor(index / step) !== Math.floor((index - 1) / step));
    const bundle = existsSync(BUILT) ? { codePath: BUILT } : await workflowBundle();
    const broken: string[] = [];
    for await (const { workflowId, error } of replay(bundle, histories(client, sample), dataConverter)) {
      if (error !== null) broken.push(`${workflowId}: ${error.name}: ${error.message}`);
    }
    if (broken.length > 0) throw new Error(`${String(broken.length)} runs do not replay:\n${broken.join('\n')}`);
  } finally {
    await connection.close();
  }
}

interface RunId {
  readonly workflowId: string;
  readonly runId: string;
}

async function saveHistories(client: Client, runs: readonly RunId[], folder: string): Promise<void> {
  const test = basename(expect.getState().testPath ?? '', '.test.ts');
  for await (const { history } of histories(client, runs)) {
    await writeFile(join(folder, `${test}.${randomUUID()}.json`), historyToJSON(history));
  }
}

async function* histories(client: Client, runs: readonly RunId[]): AsyncGenerator<RecordedRun> {
  for (let first = 0; first < runs.length; first += FETCHES) {
    yield* await Promise.all(
      runs.slice(first, first + FETCHES).map(async ({ workflowId, runId }) => ({
        workflowId,
        history: await client.workflow.getHandle(workflowId, runId).fetchHistory(),
      })),
    );
  }
}

/** Silences the logs of replays: their errors say everything. */
function quietRuntime(): void {
  try {
    Runtime.install({
      logger: new DefaultLogger('ERROR', () => undefined),
      telemetryOptions: { logging: { filter: { core: 'ERROR', other: 'ERROR' }, forward: {} } },
      shutdownSignals: [],
    });
  } catch (error) {
    // The process has a runtime already.
    if (!(error instanceof Error) || error.name !== 'IllegalStateError') throw error;
  }
}
