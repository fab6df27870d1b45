import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import type { temporal } from '@temporalio/proto';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import type { WorkflowBundleOption } from '@temporalio/worker';
import { MAX_MESSAGE_BYTES } from '../../src/temporal/connect.js';
import { dataConverter } from '../../src/temporal/payload-codec.js';
import { workflowBundle } from './workflow-bundle.js';

/** A run's history, as Temporal tells it. */
export type History = temporal.api.history.v1.IHistory;

/** Replays of one world at most; of more runs, as many are taken, evenly spread. */
const MAX_REPLAYS = 300;

/** Histories that are fetched at a time. */
const FETCHES = 10;

const BUILT = resolve(__dirname, '../../dist/workflow-bundle.js');

/** A run with its history. */
export interface RecordedRun {
  readonly workflowId: string;
  readonly history: History;
}

/** What became of a replay. */
export interface Replay {
  readonly workflowId: string;
  /** Null where today's code does what the history says. */
  readonly error: Error | null;
}

/** Replays runs one after the other. */
export async function* replay(
  workflowBundle: WorkflowBundleOption,
  runs: Iterable<RecordedRun> | AsyncIterable<RecordedRun>,
): AsyncGenerator<Replay> {
  quietRuntime();
  const results = Worker.runReplayHistories({ workflowBundle, dataConverter }, runs);
  for await (const { workflowId, error } of results) yield { workflowId, error: error ?? null };
}

/** How much was replayed. */
export interface ReplayCount {
  readonly runs: number;
  readonly replayed: number;
  readonly ms: number;
}

/**
 * Replays the runs that a Temporal server has seen with the code that its workers ran.
 *
 * @throws where one does not do again what its history says, with all that do not
 */
export async function replayAll(address: string): Promise<ReplayCount> {
  const startedAt = Date.now();
  const channelArgs = { 'grpc.max_receive_message_length': MAX_MESSAGE_BYTES };
  const connection = await Connection.connect({ address, channelArgs });
  try {
    const client = new Client({ connection, dataConverter });
    const runs: { workflowId: string; runId: string }[] = [];
    for await (const { workflowId, runId } of client.workflow.list()) runs.push({ workflowId, runId });
    const step = Math.max(1, runs.length / MAX_REPLAYS);
    const taken = runs.filter((_run, index) => Math.floor(index / step) !== Math.floor((index - 1) / step));
    const bundle = existsSync(BUILT) ? { codePath: BUILT } : await workflowBundle();
    const broken: string[] = [];
    for await (const { workflowId, error } of replay(bundle, histories(client, taken))) {
      if (error !== null) broken.push(`${workflowId}: ${error.name}: ${error.message}`);
    }
    if (broken.length > 0) throw new Error(`${String(broken.length)} runs do not replay:\n${broken.join('\n')}`);
    return { runs: runs.length, replayed: taken.length, ms: Date.now() - startedAt };
  } finally {
    await connection.close();
  }
}

async function* histories(
  client: Client,
  runs: readonly { readonly workflowId: string; readonly runId: string }[],
): AsyncGenerator<RecordedRun> {
  for (let first = 0; first < runs.length; first += FETCHES) {
    yield* await Promise.all(
      runs.slice(first, first + FETCHES).map(async ({ workflowId, runId }) => ({
        workflowId,
        history: await client.workflow.getHandle(workflowId, runId).fetchHistory(),
      })),
    );
  }
}

/** What a failed replay has to say is in its error. */
function quietRuntime(): void {
  try {
    Runtime.install({
      logger: new DefaultLogger('ERROR', () => undefined),
      telemetryOptions: { logging: { filter: { core: 'ERROR', other: 'ERROR' }, forward: {} } },
      shutdownSignals: [],
    });
  } catch (error) {
    // This process has one already.
    if (!(error instanceof Error) || error.name !== 'IllegalStateError') throw error;
  }
}
