import { readdir } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { refuseOthers, RefusedError } from './account.js';
import { clientsOf } from './clients.js';
import { NoCredentialsError } from './credentials.js';
import type { Environment } from './credentials.js';
import { isolateEnvironment, removeTemporary } from './environment.js';
import { OtherAccountError, startGateway } from './gateway.js';
import type { Gateway } from './gateway.js';
import { Ledger, ledgerPath } from './ledger.js';
import { deleteLeftovers, describe, leftIn, listEntities, standingByLedger } from './leftovers.js';
import { namesOfRuns, newRun } from './names.js';
import { HELP, parseOptions, UsageError } from './options.js';
import type { AcceptanceOptions } from './options.js';
import { cleanUp, playAssumptions, playLaws, playRuns, StoppedError } from './play.js';
import type { Play } from './play.js';
import type { Tested } from './probe.js';
import { startPlatform } from './platforms.js';
import { redactor } from './redaction.js';
import { Exit, exitCodeOf, saveReport, summaryOf } from './report.js';
import type { CheckResult } from './report.js';

/** The output of the command. */
export interface Streams {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** Exit codes of runs that a signal has ended. */
const EXIT_CODES: Readonly<Record<string, number>> = { SIGINT: 130, SIGTERM: 143 };

/**
 * Runs the command, and returns its exit code.
 *
 * @param signal - ends a run, which deletes then what it has made
 */
export async function acceptance(
  args: readonly string[],
  environment: Environment,
  streams: Streams,
  signal: AbortSignal = new AbortController().signal,
): Promise<number> {
  try {
    const options = parseOptions(args, environment);
    if (options !== null) return await onPlatform(options, { ...environment }, streams, signal);
    streams.out(HELP);
    return Exit.Held;
  } catch (error) {
    const isOurs = [UsageError, RefusedError, OtherAccountError, NoCredentialsError].some(
      (type) => error instanceof type,
    );
    const text = isOurs ? (error as Error).message : redactor({})(String((error as Error).stack));
    streams.err(`acceptance: ${text}\n`);
    if (error instanceof UsageError) return Exit.Usage;
    return isOurs ? Exit.Refused : Exit.Failed;
  }
}

async function onPlatform(
  options: AcceptanceOptions,
  environment: Environment,
  streams: Streams,
  signal: AbortSignal,
): Promise<number> {
  const own = await isolateEnvironment();
  try {
    const platform = await startPlatform(options, environment);
    try {
      if (options.command === 'run') return await run(options, { platform, own, signal }, streams);
      return await (options.cleaned === null
        ? list(options, platform, own, streams)
        : clean(options, platform, own, options.cleaned, streams));
    } finally {
      await platform.stop();
    }
  } finally {
    await own.restore();
  }
}

type Platform = Awaited<ReturnType<typeof startPlatform>>;
type Own = Awaited<ReturnType<typeof isolateEnvironment>>;

/** Verifies the account before anything else is called, and gives the gateway to what is done there. */
async function withGateway<T>(
  { account, partition, platform }: AcceptanceOptions,
  own: Own,
  gateway: Gateway,
  act: (caller: string) => Promise<T>,
): Promise<T> {
  try {
    own.pointTo(gateway);
    const { arn } = await gateway.verify();
    return await act(arn);
  } catch (error) {
    if (!(error instanceof OtherAccountError)) throw error;
    const { caller } = error;
    throw new RefusedError(
      platform === 'aws'
        ? `${error.message}, not to ${account} (${partition}); nothing is written there`
        : `the emulator answers for account ${caller.account}: use --account ${caller.account}`,
    );
  } finally {
    await gateway.stop();
  }
}

/** Prints what runs in this account have left, by the names and by the ledgers in the output folder. */
async function list(
  options: AcceptanceOptions,
  { upstream }: Platform,
  own: Own,
  { out, err }: Streams,
): Promise<number> {
  const { account, partition, prefix, output } = options;
  const target = { account, partition };
  const scope = namesOfRuns(prefix);
  const gateway = await startGateway(upstream, { ...scope, ...target, accountSettings: false, deletesOnly: true });
  return withGateway(options, own, gateway, async () => {
    const clients = clientsOf({ gateway, target });
    const listing = await listEntities(clients, target);
    const found = new Set(leftIn(listing, scope).map(describe));
    const unread = listing.unread.map((name) => `${name}: could not be listed`);
    for (const ledger of Ledger.inFolder(output, account)) {
      const hidden = await standingByLedger({ clients, target, scope, ledger });
      for (const one of [...leftIn(listing, scope, ledger), ...hidden.found]) found.add(describe(one));
      unread.push(...hidden.unread);
    }
    clients.destroy();
    for (const one of found) out(`${one}\n`);
    for (const one of unread) err(`${one}\n`);
    err(`${found.size === 1 ? '1 entity' : `${String(found.size)} entities`} of acceptance runs\n`);
    return unread.length === 0 ? Exit.Held : Exit.Failed;
  });
}

/** Deletes what one run has left. */
async function clean(
  options: AcceptanceOptions,
  { upstream }: Platform,
  own: Own,
  start: string,
  { out, err }: Streams,
): Promise<number> {
  const { account, partition, output } = options;
  const target = { account, partition };
  const ledger = Ledger.read(output, account, start, { windowMs: options.propagationMs, now: Date.now });
  const accountSettings = ledger?.hasSettings === true;
  const scope = { start, ...target, accountSettings, deletesOnly: true };
  const gateway = await startGateway(upstream, scope, ledger);
  return withGateway(options, own, gateway, async () => {
    if (ledger === undefined) {
      const reason = Ledger.whyMissing(output, start, await foldersHere());
      err(`${reason}: settings of the account that the run has written, and what AWS does not list, may be left\n`);
    }
    const clients = clientsOf({ gateway, target });
    let count = 0;
    const left = await deleteLeftovers({
      ...{ clients, target, scope, ledger, again: options.platform === 'aws', windowMs: options.propagationMs },
      announce: (found) => {
        count = found.length;
        if (count > 0) out(`Deleting ${entities(count)}:\n${found.map((one) => `  ${describe(one)}\n`).join('')}`);
      },
    });
    clients.destroy();
    for (const one of left) err(`left: ${one}\n`);
    if (ledger?.temporary != null) await removeTemporary(ledger.temporary);
    if (left.length > 0) return Exit.Failed;
    out(count === 0 ? 'Nothing to delete.\n' : ledger ? 'All of them are deleted.\n' : 'What is listed is deleted.\n');
    if (ledger === undefined) return Exit.Failed;
    ledger.remove();
    return Exit.Held;
  });
}

/** Returns the folders that a run may have written its ledger to, if it was started here. */
async function foldersHere(): Promise<string[]> {
  const entries = await readdir('.', { withFileTypes: true });
  return ['.', ...entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : []))];
}

interface Stage {
  readonly platform: Platform;
  readonly own: Own;
  readonly signal: AbortSignal;
}

async function run(options: AcceptanceOptions, { platform, own, signal }: Stage, streams: Streams): Promise<number> {
  const { account, partition, accountSettings, output } = options;
  const target = { account, partition };
  const start = newRun(options.prefix);
  const ledger = new Ledger(ledgerPath(output, start), account, start, own.temporary, {
    ...{ windowMs: options.propagationMs, now: Date.now },
  });
  const gateway = await startGateway(platform.upstream, { start, ...target, accountSettings }, ledger);
  return withGateway(options, own, gateway, async (caller) => {
    streams.err('the credentials are of the account that --account names\n');
    const play: Play = {
      ...{ options, gateway, ledger, target, run: start, signal },
      say: (line) => {
        streams.err(`${line}\n`);
      },
      redact: options.unredacted ? (text) => text : redactor({ account, run: start, caller }),
    };
    await refuseOthers(play, caller);
    return playAll(play, streams);
  });
}

/** Plays all parts. Whatever happens, what was made is deleted, and the report is saved. */
async function playAll(play: Play, { out }: Streams): Promise<number> {
  const { options, gateway, run: start, say, signal } = play;
  const startedAt = new Date();
  const [tested, laws, scenarios]: [Tested[], CheckResult[], CheckResult[]] = [[], [], []];
  say(`names of this run begin with ${start}`);
  let ended: string | null = null;
  try {
    if (options.parts.has('assumptions')) await playAssumptions(play, tested);
    if (options.parts.has('laws')) await playLaws(play, laws);
    if (options.parts.has('runs')) await playRuns(play, scenarios);
  } catch (error) {
    ended = error instanceof Error ? error.message : String(error);
    if (!(error instanceof StoppedError)) say(`acceptance: ${play.redact(String((error as Error).stack))}`);
  }
  const refused = [...new Set(gateway.refusals().map(({ refused: reason }) => reason ?? ''))];
  if (ended !== null) say(`${ended}: deleting what the run has made`);
  const left = await finalCleanUp(play);
  const durationMs = Date.now() - startedAt.getTime();
  const { calls } = gateway;
  const results = {
    ...{ run: start, startedAt: startedAt.toISOString(), durationMs, tested, laws, scenarios, calls, left, refused },
    ...{ ended, strangers: gateway.strangers() },
  };
  const paths = await saveReport(options, results, play.redact);
  out(summaryOf(options, results, play.redact));
  say(`written: ${paths.join(', ')}`);
  if (left.length === 0) play.ledger.remove();
  else say(`delete what is left by: npm run acceptance -- --account ID --clean ${start.replace(/-$/, '')}`);
  return EXIT_CODES[String(signal.reason)] ?? exitCodeOf(results);
}

/** Time that a call under way gets when a run ends, in milliseconds. */
const CALLS_END_MS = 30_000;

/** Deletes what is left, once nothing more is made. The account is verified again before that. */
async function finalCleanUp(play: Play): Promise<readonly string[]> {
  try {
    await Promise.race([play.gateway.endCreating(), pause(CALLS_END_MS, undefined, { ref: false })]);
    await play.gateway.verify();
    return await cleanUp(play);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return [`what the run has made could not be deleted: ${reason}`];
  }
}

function entities(count: number): string {
  return count === 1 ? '1 entity' : `${String(count)} entities`;
}
