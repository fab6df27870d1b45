import { historyFromJSON } from '@temporalio/common/lib/proto-utils';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { version } from '../../package.json';
import { readHistory, shapeOf, startOf } from '../support/history-shape.js';
import type { StoredEvent, StoredHistory } from '../support/history-shape.js';
import { replay } from '../support/replay.js';
import type { RecordedRun } from '../support/replay.js';
import { workflowBundle } from '../support/workflow-bundle.js';

const HISTORIES = join(__dirname, 'histories');

/** Golden histories, in a folder per version. Before the first release there are none. */
const FILES = (existsSync(HISTORIES) ? readdirSync(HISTORIES, { recursive: true, encoding: 'utf8' }) : [])
  .filter((file) => file.endsWith('.json.gz'))
  .sort();

function read(file: string): Promise<StoredHistory> {
  return readHistory(readFileSync(join(HISTORIES, file)));
}

/** The workflow depends on its own ID, so it replays under the recorded one. */
function runOf(stored: StoredHistory): RecordedRun {
  return { workflowId: startOf(stored).workflowId, history: historyFromJSON(stored) };
}

/** Returns the first history that can be changed, with the change. */
async function changed(change: (event: StoredEvent) => boolean): Promise<RecordedRun> {
  for (const file of FILES) {
    const stored = await read(file);
    if (stored.events.some(change)) return runOf(stored);
  }
  throw new Error('No history has such an event.');
}

let bundle: { readonly code: string };

beforeAll(async () => {
  bundle = await workflowBundle();
});

/** Returns the error of each run that does not replay, by title. */
async function errorsOf(
  runs: readonly (readonly [title: string, run: RecordedRun])[],
): Promise<Record<string, string>> {
  const errors: Record<string, string> = {};
  const recorded = runs.map(([, run]) => run);
  let index = 0;
  for await (const { error } of replay(bundle, recorded)) {
    const title = runs[index]?.[0] ?? '';
    index += 1;
    if (error !== null) errors[title] = `${error.name}: ${error.message}`;
  }
  expect(index).toBe(runs.length);
  return errors;
}

const testHistories = FILES.length === 0 ? test.skip : test;

/** Scenes that the histories have to show, each by a part of a history's shape. */
const SCENES: Readonly<Record<string, RegExp>> = {
  created: /^reconcileEntity: "outcome":"created"/,
  adopted: /^reconcileEntity: "outcome":"adopted"/,
  updated: /^reconcileEntity: "outcome":"updated"/,
  deleted: /^reconcileEntity: "outcome":"deleted"/,
  replaced: /^reconcileEntity: "outcome":"replaced"/,
  released: /^reconcileEntity: "outcome":"released"/,
  'refused at plan': /^bootstrap: "outcome":"refused"/,
  'refused at write': /^reconcileEntity: "outcome":"refused"/,
  'conflict adopted': /^reconcileEntity: "resolvedAs":"adopted"/,
  'reply lost': /^reconcileEntity: "confirmedBy":"intent-tag"/,
  throttled: /^reconcileEntity: "attempts":[2-9]/,
  'approval approved': /^bootstrap: "verdict":"approved"/,
  'approval rejected': /^bootstrap: "verdict":"rejected"/,
  'approval expired': /^bootstrap: "verdict":"expired"/,
  'approval by signal': /^bootstrap: WORKFLOW_EXECUTION_SIGNALED approve/,
  'cancelled while reconciling': /^bootstrap: .*CHILD_WORKFLOW.* > WORKFLOW_EXECUTION_CANCEL_REQUESTED/,
  'cancelled while waiting': /^bootstrap: TIMER_STARTED.* > WORKFLOW_EXECUTION_CANCEL_REQUESTED/,
  'secret stored': /^reconcileEntity: "kind":"AccessKey"/,
  'dependents skipped': /^bootstrap: "outcome":"skipped"/,
  'keep going': /^bootstrap: "keepGoing":true/,
  scheduled: /^bootstrap: another workflow ID/,
  'older revision refused': /^bootstrap: is older than/,
  'ledger kept': /^ledger: /,
  'entity lock waited for': /^bootstrap: START_CHILD_WORKFLOW_EXECUTION_FAILED reconcileEntity > /,
  'verify not converged': /^bootstrap: "result":"failed"/,
  explained: /^explain: /,
  planned: /^plan: .*planEntities/,
  'fleet whose wave was approved': /^fleet: "verdict":"approved"/,
  'fleet continued as new': /^fleet: WORKFLOW_EXECUTION_CONTINUED_AS_NEW/,
  'fleet that finds a run again': /^fleet: .*findAccountRun/,
  'fleet cancelled': /^fleet: .*WORKFLOW_EXECUTION_CANCELED/,
  'fleet with accounts that failed': /^fleet: .*CHILD_WORKFLOW_EXECUTION_FAILED/,
};

testHistories('the histories of the present version show every scene', async () => {
  const present = FILES.filter((file) => file.startsWith(`${version}/`));
  const shapes = await Promise.all(present.map(async (file) => [...(await shapeOf(await read(file)))]));
  const shape = shapes.flat();
  const missing = Object.entries(SCENES).filter(([, pattern]) => !shape.some((part) => pattern.test(part)));
  expect(missing.map(([scene]) => scene)).toEqual([]);
});

testHistories('every history replays with the workflow code of the sources', async () => {
  const runs = FILES.map(async (file) => [file, runOf(await read(file))] as const);
  expect(await errorsOf(await Promise.all(runs))).toEqual({});
});

testHistories('a history that the workflow code would not produce is refused', async () => {
  const runs = [
    [
      'another activity',
      await changed(({ activityTaskScheduledEventAttributes: scheduled }) => {
        if (scheduled?.activityType.name !== 'createEntity') return false;
        scheduled.activityType.name = 'deleteEntity';
        return true;
      }),
    ],
    [
      'another child',
      await changed(({ startChildWorkflowExecutionInitiatedEventAttributes: child }) => {
        if (child === undefined) return false;
        child.workflowId = 'iam:111111111111:Role:another';
        return true;
      }),
    ],
    [
      'another workflow ID, which would start the run under the right one',
      {
        ...(await changed(
          ({ activityTaskScheduledEventAttributes: scheduled }) => scheduled?.activityType.name === 'verifyEntities',
        )),
        workflowId: 'other',
      },
    ],
  ] as const;
  const errors = await errorsOf(runs);
  expect(Object.keys(errors)).toEqual(runs.map(([title]) => title));
  for (const error of Object.values(errors)) expect(error).toMatch(/DeterminismViolationError|nondetermini/i);
});
