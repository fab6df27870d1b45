import { startGateway } from './gateway.js';
import type { Gateway } from './gateway.js';
import { deleteLeftovers, describe, leftIn, listEntities, scopedName } from './leftovers.js';
import type { Standing } from './leftovers.js';
import { namesOfRuns, newRun } from './names.js';
import { HELP, parseOptions, UsageError } from './options.js';
import type { AcceptanceOptions } from './options.js';
import { clientsOf, cleanUp, ownNames, playAssumptions, playLaws, playRuns } from './play.js';
import type { Play } from './play.js';
import { startPlatform } from './platforms.js';
import { Exit, exitCodeOf, saveReport, summaryOf } from './report.js';
import { isInScope } from './write-guard.js';

/** Reports an account that a run does not enter. */
class RefusedError extends Error {
  override readonly name = 'RefusedError';
}

/** Entities that are named in a message. */
const MAX_NAMED = 10;

/** Entities that AWS makes in an account by itself. */
const OF_AWS = /^(aws-service-role|aws-reserved|service-role)\/|^OrganizationAccountAccessRole$/;

/** The output of the command. */
export interface Streams {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** Runs the command, and returns its exit code. */
export async function acceptance(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  streams: Streams,
): Promise<number> {
  try {
    const options = parseOptions(args, environment);
    if (options !== null) return await onPlatform(options, streams);
    streams.out(HELP);
    return Exit.Held;
  } catch (error) {
    const isOurs = error instanceof UsageError || error instanceof RefusedError;
    streams.err(`acceptance: ${isOurs ? error.message : String((error as Error).stack)}\n`);
    if (error instanceof UsageError) return Exit.Usage;
    return error instanceof RefusedError ? Exit.Refused : Exit.Failed;
  }
}

async function onPlatform(options: AcceptanceOptions, streams: Streams): Promise<number> {
  // Until the gateway knows its clients, and a clean-up the names of its runs: docs/acceptance.md.
  if (options.platform === 'aws') {
    throw new RefusedError('against AWS, this is not released yet: see "Not on AWS yet" in docs/acceptance.md');
  }
  const platform = await startPlatform(options);
  const run = newRun(options.prefix);
  const scope =
    options.command === 'run' ? ownNames({ run, options }) : namesOfRuns(options.prefix, options.accountSettings);
  const gateway = await startGateway(platform.upstream, scope);
  try {
    await verifyAccount(options, gateway, streams);
    return await (options.command === 'run' ? play(options, gateway, run, streams) : clean(options, gateway, streams));
  } finally {
    await gateway.stop();
    await platform.stop();
  }
}

/** Refuses credentials of another account, by STS, before anything else is called. */
async function verifyAccount(
  { account, partition, platform }: AcceptanceOptions,
  gateway: Gateway,
  { err }: Streams,
): Promise<void> {
  const clients = clientsOf({ gateway, target: { account, partition } });
  const caller = await clients.callerIdentity();
  clients.destroy();
  // An emulator may have one account for all callers.
  if (platform !== 'aws' && caller.account !== account) {
    throw new RefusedError(`the emulator answers for account ${caller.account}: use --account ${caller.account}`);
  }
  if (caller.account === account && caller.partition === partition) {
    err(`account ${account} as ${caller.arn}\n`);
    return;
  }
  throw new RefusedError(
    `the credentials belong to account ${caller.account} (${caller.partition}), not to ${account} (${partition}); nothing was written`,
  );
}

async function clean(options: AcceptanceOptions, gateway: Gateway, { out, err }: Streams): Promise<number> {
  const { account, partition } = options;
  const target = { account, partition };
  const clients = clientsOf({ gateway, target });
  const scope = namesOfRuns(options.prefix, options.accountSettings);
  if (options.command === 'list') {
    const found = leftIn(await listEntities(clients, target), scope);
    for (const one of found) out(`${describe(one)}\n`);
    err(`${entities(found.length)} of acceptance runs\n`);
    return Exit.Held;
  }
  let count = 0;
  const left = await deleteLeftovers(clients, target, scope, {
    announce: (found) => {
      count = found.length;
      out(`Deleting ${entities(count)}:\n${found.map((one) => `  ${describe(one)}\n`).join('')}`);
    },
    again: options.platform === 'aws',
  });
  for (const one of left) err(`could not be deleted: ${describe(one)}\n`);
  if (left.length === 0) out(count === 0 ? 'Nothing to delete.\n' : 'All of them are deleted.\n');
  return left.length === 0 ? Exit.Held : Exit.Failed;
}

async function play(options: AcceptanceOptions, gateway: Gateway, run: string, { out, err }: Streams): Promise<number> {
  const { account, partition, parts } = options;
  const startedAt = new Date();
  const say = (line: string): void => {
    err(`${line}\n`);
  };
  const stage: Play = { options, gateway, target: { account, partition }, run, say };
  await refuseOthers(stage);
  say(`names of this run begin with ${run}`);
  let left: readonly string[] = [];
  try {
    const tested = parts.has('assumptions') ? await playAssumptions(stage) : [];
    const laws = parts.has('laws') ? await playLaws(stage) : [];
    const scenarios = parts.has('runs') ? await playRuns(stage) : [];
    left = await cleanUp(stage);
    const refused = gateway.refusals().map(({ refused: reason }) => reason);
    if (refused.length > 0)
      say(`the gateway refused ${String(refused.length)} writes: ${[...new Set(refused)].join('; ')}`);
    const durationMs = Date.now() - startedAt.getTime();
    const { calls } = gateway;
    const results = { run, startedAt: startedAt.toISOString(), durationMs, tested, laws, scenarios, calls, left };
    out(summaryOf(options, results));
    say(`written: ${(await saveReport(options, results)).join(', ')}`);
    return exitCodeOf(results);
  } catch (error) {
    // What was made is deleted, whatever happened.
    await cleanUp(stage).catch(() => undefined);
    throw error;
  }
}

/** Refuses an account that holds other entities, unless the user allows it. */
async function refuseOthers({ options, gateway, target }: Play): Promise<void> {
  if (options.allowOtherEntities) return;
  const clients = clientsOf({ gateway, target });
  const names = namesOfRuns(options.prefix, false);
  const caller = (await clients.callerIdentity()).arn;
  const { entities: all, unread } = await listEntities(clients, target);
  clients.destroy();
  // An emulator may lack the operation, and AWS lacks none.
  if (options.platform === 'aws' && unread.length > 0) {
    throw new RefusedError(
      `account ${options.account} cannot be listed completely (${unread.join(', ')}), so it may hold other entities: ` +
        'allow the reads of IAM, or use --allow-other-entities',
    );
  }
  const others = all.filter(
    (one) =>
      one.kind.name !== 'AccountAlias' && !isInScope(scopedName(one), names) && !isOfAws(one) && !isCaller(one, caller),
  );
  if (others.length === 0) return;
  const named = others.slice(0, MAX_NAMED).map(describe).join(', ');
  throw new RefusedError(
    `account ${options.account} holds ${entities(others.length)} that no acceptance run made: ${named}` +
      `${others.length > MAX_NAMED ? ', …' : ''}. Use an account for tests, or --allow-other-entities`,
  );
}

function isOfAws({ listed }: Standing): boolean {
  const { path } = listed.spec;
  const folder = typeof path === 'string' ? path : (listed.arn?.replace(/^[^/]*\//, '') ?? '');
  return OF_AWS.test(folder.replace(/^\//, '')) || OF_AWS.test(listed.name);
}

function isCaller({ listed }: Standing, arn: string): boolean {
  return arn.split('/').includes(listed.name);
}

function entities(count: number): string {
  return count === 1 ? '1 entity' : `${String(count)} entities`;
}
