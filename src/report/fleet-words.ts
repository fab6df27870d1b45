import type { AccountReport, FleetReport } from '../contract/fleet.js';
import { resultsOf } from './fleet.js';
import { counted } from './text.js';

/** Returns the counts of a summary in words: `3 created, 1 failed`. Unchanged entities count only where nothing else does. */
export function summaryText({ summary }: Pick<AccountReport, 'summary'>): string {
  const counts = Object.entries(summary).filter(([name, count]) => count > 0 && name !== 'conflicts');
  const changed = counts.filter(([name]) => name !== 'unchanged');
  return (changed.length === 0 ? counts : changed).map(([name, count]) => `${String(count)} ${name}`).join(', ');
}

/** Returns the accounts of a fleet by result: `12 accounts: 10 converged, 2 failed`. */
export function accountsText({ accounts }: Pick<FleetReport, 'accounts'>): string {
  const counts = Object.entries(resultsOf(accounts)).map(([result, count]) => `${String(count)} ${result}`);
  return `${counted(accounts.length, 'account')}${counts.length === 0 ? '' : `: ${counts.join(', ')}`}`;
}

/** Returns the number of calls to AWS. */
export function totalCalls({ calls }: Pick<FleetReport, 'calls'>): number {
  return Object.values(calls).reduce((sum, count) => sum + count, 0);
}

/** Returns an account with its name: `111111111111 (production)`. */
export function accountText({ account, name }: { readonly account: string; readonly name: string | null }): string {
  return name === null ? account : `${account} (${name})`;
}
