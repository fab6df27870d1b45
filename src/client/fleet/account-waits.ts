import type { AccountProgress, FleetProgress } from '../../contract/fleet-progress.js';
import { bootstrapWorkflowId } from '../../contract/workflow-ids.js';
import type { TemporalConnection } from '../../temporal/connect.js';
import { describePipeline } from '../../report/run-description.js';
import { approveCommand } from '../describe.js';
import { type LockHolder, lockHolderOf } from '../runs.js';

/** Accounts that are looked up at a time: each takes a call. Those that are under way for the longest come first. */
const MAX_LOOKUPS = 20;

/** The time after which an account that runs is looked up. Most are done sooner. */
const MIN_AGE_MS = 3_000;

/** Tells of accounts under way what they wait for: an approval, or the run that holds the namespace. A run cannot look at another one itself. */
export async function withAccountWaits(
  temporal: TemporalConnection,
  namespace: string,
  progress: FleetProgress,
): Promise<FleetProgress> {
  // A plan takes no lock and needs no approval.
  if (progress.phase !== 'applying') return progress;
  const lookedUp = progress.accounts.filter(isLookedUp).slice(0, MAX_LOOKUPS);
  if (lookedUp.length === 0) return progress;
  const found = new Map<AccountProgress, LockHolder>();
  await Promise.all(
    lookedUp.map(async (account) => {
      const holder = await lockHolderOf(temporal, bootstrapWorkflowId(account.account, namespace)).catch(() => null);
      if (holder !== null) found.set(account, holder);
    }),
  );
  return {
    ...progress,
    accounts: progress.accounts.map((account) => {
      const holder = found.get(account);
      return holder === undefined ? account : withWait(account, namespace, holder);
    }),
  };
}

function isLookedUp({ state, since }: AccountProgress): boolean {
  if (state !== 'running') return state === 'waiting';
  return since !== undefined && Date.now() - Date.parse(since) >= MIN_AGE_MS;
}

/** Returns an account with what it waits for, by the run that has its namespace: its own one, or another. */
function withWait(account: AccountProgress, namespace: string, { memo, startedAt }: LockHolder): AccountProgress {
  const { awaitingApproval: plan } = memo;
  if (account.state === 'waiting') {
    const more = plan === undefined ? '' : ', awaiting approval';
    return { ...account, reason: `held by ${describePipeline(memo.pipeline)}, since ${startedAt}${more}` };
  }
  if (plan === undefined) return account;
  const command = approveCommand({ account: account.account, namespace }, plan);
  return { ...account, state: 'awaiting approval', reason: `to approve (or reject): ${command}` };
}
