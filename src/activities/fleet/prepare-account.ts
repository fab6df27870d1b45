import { createHash } from 'node:crypto';
import type { FleetAccount, FleetRequest } from '../../contract/fleet.js';
import type { BootstrapRequest } from '../../contract/request.js';
import { accountScheduleId } from '../../contract/workflow-ids.js';
import { openBundle } from '../../engine/manifest/bundle.js';
import { positionText, type Problem } from '../../engine/manifest/problem.js';
import { resolveManifest } from '../../engine/manifest/resolve.js';
import { requestDigest } from '../../engine/request-digest.js';
import { requestSizeProblem } from '../../engine/request-size.js';
import { KINDS } from '../../kinds/index.js';
import { sentBytes } from '../../temporal/sent-bytes.js';
import { failure } from '../runtime/failures.js';

/** Problems of a manifest that a failure lists. */
const MAX_LISTED = 10;

/**
 * Returns the request for one account of a fleet: its manifests, rendered for the account. Its key follows from the key of
 * the fleet's request and the account, so that a repeat makes the same request.
 *
 * @throws ApplicationFailure with the problems of the manifests in this account
 */
export async function prepareAccount(request: FleetRequest, account: FleetAccount): Promise<BootstrapRequest> {
  const { sources, ...bundle } = openBundle(request.manifest);
  const { pipeline, keepGoing, revision, allowOlder, timeoutMs } = request;
  const result = resolveManifest(sources, {
    ...bundle,
    kinds: KINDS,
    fleet: { name: request.fleet, account },
    pipeline,
    keepGoing,
  });
  if (!result.ok) throw failure('InvalidManifest', problemsText(account.id, result.problems), {});
  const tooLarge = await requestSizeProblem(result, sentBytes);
  if (tooLarge !== null) throw failure('InvalidManifest', problemsText(account.id, [tooLarge]), {});
  const rendered = {
    ...result.request,
    ...(revision === undefined ? {} : { revision }),
    ...(allowOlder === true ? { allowOlder } : {}),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  };
  return { ...rendered, digest: requestDigest(rendered), key: keyOf(request, account) };
}

function keyOf({ command, key }: FleetRequest, account: FleetAccount): string {
  // By its key the ledger knows that a schedule asks.
  if (command === 'detect' || command === 'enforce') return accountScheduleId(key, account.id);
  const identity = JSON.stringify([key, account.id]);
  return `fleet-${createHash('sha256').update(identity).digest('hex').slice(0, 32)}`;
}

function problemsText(account: string, problems: readonly Problem[]): string {
  const lines = problems
    .slice(0, MAX_LISTED)
    .map((problem) => `${positionText(problem)} ${problem.message}; ${problem.remedy}`);
  const rest = problems.length - lines.length;
  const more = rest > 0 ? [`and ${String(rest)} more`] : [];
  return [`the manifest is not valid in account ${account}: ${lines.join('\n')}`, ...more].join('\n');
}
