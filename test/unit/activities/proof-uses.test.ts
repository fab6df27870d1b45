import { WorkflowExecutionAlreadyStartedError, type Client } from '@temporalio/client';
import { ProofUses } from '../../../src/activities/proof-uses.js';
import { Permits } from '../../../src/activities/runtime/permits.js';

const PERMITS = new Permits(['a key of at least thirty-two characters']);
const OTHER_PERMITS = new Permits(['another key of thirty-two characters, or more']);

type Memo = Readonly<Record<string, unknown>>;

/** A Temporal that starts one workflow of each ID for a worker, and any number for others: the last one is shown. */
class Temporal {
  readonly memos = new Map<string, Memo>();

  get client(): Client {
    const workflow = {
      start: (type: string, { workflowId, memo }: { readonly workflowId: string; readonly memo: Memo }) => {
        if (this.memos.has(workflowId)) throw new WorkflowExecutionAlreadyStartedError('started', workflowId, type);
        this.memos.set(workflowId, memo);
        return Promise.resolve();
      },
      getHandle: (workflowId: string) => ({ describe: () => Promise.resolve({ memo: this.memos.get(workflowId) }) }),
    };
    const withDeadline = <T>(_deadline: number, call: () => Promise<T>): Promise<T> => call();
    return { workflow, withDeadline } as unknown as Client;
  }

  /** Lets a client replace what is shown of all memories. */
  replace(memo: Memo): void {
    for (const workflowId of this.memos.keys()) this.memos.set(workflowId, memo);
  }
}

let temporal: Temporal;
let uses: ProofUses;

beforeEach(() => {
  temporal = new Temporal();
  uses = new ProofUses(temporal.client, 'queue');
});

test('a proof is used for one run, as often as its activity is tried, and for no other', async () => {
  await expect(uses.use('proof', 'run-1', PERMITS)).resolves.toBe(true);
  await expect(uses.use('proof', 'run-1', PERMITS)).resolves.toBe(true);
  await expect(uses.use('proof', 'run-2', PERMITS)).resolves.toBe(false);
  await expect(uses.use('another', 'run-2', PERMITS)).resolves.toBe(true);
});

test.each<[string, Memo]>([
  ['unsigned', { runId: 'run-2' }],
  ['signed for another run', { runId: 'run-2', permit: PERMITS.permitUse('proof', 'run-1') }],
  ['signed for another proof', { runId: 'run-2', permit: PERMITS.permitUse('another', 'run-2') }],
  ['signed with another key', { runId: 'run-2', permit: OTHER_PERMITS.permitUse('proof', 'run-2') }],
])('a memory that a client has made is none: %s', async (_what, memo) => {
  await uses.use('proof', 'run-1', PERMITS);
  temporal.replace(memo);
  await expect(uses.use('proof', 'run-2', PERMITS)).resolves.toBe(false);
});
