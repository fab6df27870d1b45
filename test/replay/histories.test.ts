import { historyFromJSON } from '@temporalio/common/lib/proto-utils';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { replay } from '../support/replay.js';
import { workflowBundle } from '../support/workflow-bundle.js';
import type { RecordedRun } from '../support/replay.js';

const HISTORIES = join(__dirname, 'histories');

/** One event of a stored history, as far as these tests look. */
interface StoredEvent {
  readonly eventType: string;
  workflowExecutionStartedEventAttributes?: { workflowId: string; workflowType: { name: string } };
  activityTaskScheduledEventAttributes?: { activityType: { name: string } };
  startChildWorkflowExecutionInitiatedEventAttributes?: { workflowId: string };
  timerStartedEventAttributes?: { timerId: string };
}

interface StoredHistory {
  readonly events: StoredEvent[];
}

/** Golden histories, one folder for each version. None is there before the first version is tagged. */
const FILES = (existsSync(HISTORIES) ? readdirSync(HISTORIES, { recursive: true, encoding: 'utf8' }) : [])
  .filter((file) => file.endsWith('.json'))
  .sort();

function read(file: string): StoredHistory {
  return JSON.parse(readFileSync(join(HISTORIES, file), 'utf8')) as StoredHistory;
}

function started(stored: StoredHistory): { workflowId: string; workflowType: { name: string } } {
  const attributes = stored.events[0]?.workflowExecutionStartedEventAttributes;
  if (attributes === undefined) throw new Error('a history starts with the start of its workflow');
  return attributes;
}

/** The workflow looks at its own ID, so it replays under the one that it had. */
function runOf(stored: StoredHistory): RecordedRun {
  return { workflowId: started(stored).workflowId, history: historyFromJSON(stored) };
}

/** The first history in which something can be changed, with that changed. */
function changed(change: (event: StoredEvent) => boolean): RecordedRun {
  for (const file of FILES) {
    const stored = read(file);
    if (stored.events.some(change)) return runOf(stored);
  }
  throw new Error('no history has such an event');
}

let bundle: { readonly code: string };

beforeAll(async () => {
  bundle = await workflowBundle();
});

/** Why runs do not replay, by the title of each. */
async function refusals(
  runs: readonly (readonly [title: string, run: RecordedRun])[],
): Promise<Record<string, string>> {
  const refused: Record<string, string> = {};
  let index = 0;
  for await (const { error } of replay(
    bundle,
    runs.map(([, run]) => run),
  )) {
    const title = runs[index]?.[0] ?? '';
    index += 1;
    if (error !== null) refused[title] = `${error.name}: ${error.message}`;
  }
  expect(index).toBe(runs.length);
  return refused;
}

const testHistories = FILES.length === 0 ? test.skip : test;

testHistories('there are histories of every workflow type, ended in every way', () => {
  const ends = new Set(
    FILES.map((file) => {
      const stored = read(file);
      return `${started(stored).workflowType.name} ${stored.events.at(-1)?.eventType ?? ''}`;
    }),
  );
  expect([...ends].sort()).toEqual([
    'bootstrap EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED',
    'bootstrap EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED',
    'bootstrap EVENT_TYPE_WORKFLOW_EXECUTION_FAILED',
    'ledger EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED',
    'plan EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED',
    'plan EVENT_TYPE_WORKFLOW_EXECUTION_FAILED',
    'reconcileEntity EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED',
    'reconcileEntity EVENT_TYPE_WORKFLOW_EXECUTION_FAILED',
  ]);
});

testHistories('every history of every version replays with the workflows as they are now', async () => {
  expect(await refusals(FILES.map((file) => [file, runOf(read(file))]))).toEqual({});
});

testHistories('a history that the workflows would not have is refused', async () => {
  const runs = [
    [
      'another activity',
      changed(({ activityTaskScheduledEventAttributes: scheduled }) => {
        if (scheduled?.activityType.name !== 'createEntity') return false;
        scheduled.activityType.name = 'deleteEntity';
        return true;
      }),
    ],
    [
      'another child',
      changed(({ startChildWorkflowExecutionInitiatedEventAttributes: child }) => {
        if (child === undefined) return false;
        child.workflowId = 'iam:111111111111:Role:another';
        return true;
      }),
    ],
    [
      'another workflow ID: it would start itself under the right one',
      {
        ...changed(
          ({ activityTaskScheduledEventAttributes }) =>
            activityTaskScheduledEventAttributes?.activityType.name === 'verifyEntities',
        ),
        workflowId: 'other',
      },
    ],
  ] as const;
  const refused = await refusals(runs);
  expect(Object.keys(refused)).toEqual(runs.map(([title]) => title));
  for (const reason of Object.values(refused)) expect(reason).toMatch(/DeterminismViolationError|nondetermini/i);
});
