import { createHash } from 'node:crypto';
import type { CapturedPage, CaptureRequest } from '../../contract/capture.js';
import { sortedJson } from '../../engine/json.js';
import type { Ledgers } from '../ledger.js';
import type { Account } from '../runtime/accounts.js';
import type { Calls } from '../runtime/activity-context.js';
import type { Captures } from './captures.js';
import { pageAfter, toPages } from './pages.js';
import { readAccount } from './read-account.js';

/**
 * Returns one page of an account. The account is read for the first page that this worker is asked for.
 *
 * @throws WrongAccountError, the error of STS, or one for a kind that this worker does not know
 */
export async function captureAccount(
  account: Account,
  parts: { readonly ledgers: Pick<Ledgers, 'entityClaims'>; readonly captures: Captures },
  { captureId, filter, after }: CaptureRequest,
  calls: Calls,
): Promise<CapturedPage> {
  const { ledgers, captures } = parts;
  const key = createHash('sha256')
    .update(sortedJson([captureId, account.target, filter]))
    .digest('hex');
  const read = captures.get(key) ?? (await toPages(await readAccount(account, ledgers, filter)));
  const page = pageAfter(read, after);
  if (page.next === null) captures.drop(key);
  else captures.keep(key, read);
  return { ...page, calls };
}
