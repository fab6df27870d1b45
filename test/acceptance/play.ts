import { awsError } from '../../src/aws/errors.js';
import { loadConfig } from '../../src/config/config.js';
import type { Target } from '../../src/contract/entity.js';
import { KINDS } from '../../src/kinds/index.js';
import { signingRegion } from '../../src/engine/partitions.js';
import { connectTemporal } from '../../src/temporal/connect.js';
import type { TemporalConnection } from '../../src/temporal/connect.js';
import { KindHarness } from '../kinds/kind-harness.js';
import { KIND_FIXTURES } from '../support/kind-fixtures/index.js';
import { startWorld } from '../support/world.js';
import { ASSUMPTIONS } from './assumptions.js';
import { clientsOf, personOf } from './clients.js';
import type { Gateway } from './gateway.js';
import { LAWS } from './laws.js';
import type { LawCase } from './laws.js';
import { settingsFor } from './environment.js';
import type { Ledger } from './ledger.js';
import { deleteLeftovers } from './leftovers.js';
import { fixtureIn } from './names.js';
import type { AcceptanceOptions } from './options.js';
import { saysNothing, testAssumption } from './probe.js';
import { measurePropagation } from './propagation.js';
import type { Tested } from './probe.js';
import type { CheckResult } from './report.js';
import { SCENARIOS } from './runs.js';
import { eventually } from './until.js';
import { takesAway } from './write-guard.js';

/** What a run plays with. */
export interface Play {
  readonly options: AcceptanceOptions;
  readonly gateway: Gateway;
  readonly ledger: Ledger;
  readonly target: Target;
  /** The start of all names of the run. */
  readonly run: string;
  readonly say: (line: string) => void;
  /** Takes the caller, the account and IDs out of a text. */
  readonly redact: (text: string) => string;
  /** Ends the run. */
  readonly signal: AbortSignal;
}

/** Reports that a user has ended the run. */
export class StoppedError extends Error {
  override readonly name = 'StoppedError';
}

/** Assumptions and laws that are played at a time. */
const AT_A_TIME = 4;

/** Tests every assumption, and deletes what that made. */
export async function playAssumptions(play: Play, tested: Tested[]): Promise<void> {
  const { options, target, run } = play;
  const clients = clientsOf(play);
  const isAws = options.platform === 'aws';
  const { propagationMs } = options;
  const place = { clients, target, start: run, settleMs: isAws ? 3_000 : 0, propagationMs };
  const order = new Map(ASSUMPTIONS.map(({ id }, index) => [id, index]));
  await inLanes(ASSUMPTIONS, async (assumption) => {
    tested.push(await unlessStopped(play.signal, testAssumption(place, assumption)));
  });
  tested.sort((a, b) => (order.get(a.assumption.id) ?? 0) - (order.get(b.assumption.id) ?? 0));
  clients.destroy();
  await cleanUp(play);
}

/** Kinds that an account has once. The others have names of the run. */
const SETTINGS: ReadonlySet<string> = new Set([
  'AccountAlias',
  'AccountPasswordPolicy',
  'SecurityTokenServicePreferences',
]);

/** A kind whose content no two users of an account have: its laws are played one after the other. */
const UNIQUE_CONTENT = 'SigningCertificate';

/** Kinds that are never played, since what they change cannot be undone, or concerns other accounts. */
const NEVER: Readonly<Record<string, string>> = {
  AccountProperties: 'properties of an account cannot be deleted',
  OutboundWebIdentityFederation: 'the issuer of the account would be another one afterwards',
  OrganizationsRootAccess: 'it concerns all accounts of the organization',
};

/** Plays the laws of every kind, and deletes what they made. */
export async function playLaws(play: Play, results: CheckResult[]): Promise<void> {
  const { options, gateway, target, run, say } = play;
  const harness = await KindHarness.start(gateway, target, {
    ...gateway.credentials,
    // A deletion of what is not there is fine, so that it is sent once.
    attempt: (operation, send) => (takesAway(operation) ? send() : eventually(options.propagationMs, send)),
  });
  try {
    for (const [kindIndex, kind] of KINDS.entries()) {
      if (options.kinds.length > 0 && !options.kinds.includes(kind.name)) continue;
      const fixture = KIND_FIXTURES[kind.name];
      if (fixture === undefined) throw new Error(`${kind.name} has no fixture`);
      const lawsOfKind = LAWS.map((law, lawIndex) => {
        const start = `${run}${String(kindIndex)}x${String(lawIndex)}-`;
        const own = fixtureIn(kind.name, fixture, start, target);
        return { law, one: { kind, fixture: own, harness, target, propagationMs: options.propagationMs } };
      }).filter(({ law, one }) => law.appliesTo?.(one) !== false);
      const reason = await reasonToSkip(play, lawsOfKind[0]?.one);
      const isSetting = SETTINGS.has(kind.name);
      const playLaw = async ({ law, one }: (typeof lawsOfKind)[number]): Promise<CheckResult> => {
        if (reason !== null) return { kind: kind.name, name: law.name, outcome: 'skipped', detail: reason };
        const result = await playOne(play, kind.name, law.name, async () => {
          for (const [file, text] of Object.entries(one.fixture.secrets ?? {})) await harness.storeSecret(file, text);
          await harness.sendDirectly(one.fixture.prerequisites);
          try {
            await law.check(one);
          } finally {
            if (isSetting) await restore(one);
            if (kind.name === UNIQUE_CONTENT) await cleanUp(play);
          }
        });
        return result;
      };
      const played = await inLanes(lawsOfKind, playLaw, isSetting || kind.name === UNIQUE_CONTENT ? 1 : AT_A_TIME);
      results.push(...played);
      if (reason === null) await cleanUp(play);
      say(
        `${kind.name}: ${reason ?? `${String(played.filter(({ outcome }) => outcome === 'passed').length)} of ${String(played.length)} laws`}`,
      );
    }
  } finally {
    await harness.removeFiles();
  }
}

/** Plays whole runs: Temporal's dev server and a worker of the built product, with faults between it and the gateway. */
export async function playRuns(play: Play, results: CheckResult[]): Promise<void> {
  const { options, gateway, target, run, say, signal } = play;
  // The world stops its AWS, and the gateway is needed afterwards.
  const aws = { ...gateway, stop: () => Promise.resolve() };
  const world = await startWorld({ aws, replay: { notBecause: 'tests replay the same runs' } });
  let temporal: TemporalConnection | undefined;
  try {
    temporal = await connectTemporal(loadConfig(world.env));
    await world.startWorker({ ...settingsFor(gateway), AWS_REGION: signingRegion(target.partition) });
    results.push(...(await unlessStopped(signal, measurePropagation(personOf(play, 1), run))));
    const person = personOf(play, 3);
    for (const [index, { name, play: act }] of SCENARIOS.entries()) {
      const start = `${run}s${String(index)}-`;
      const { propagationMs, trailMs } = options;
      const stage = { world, temporal, gateway, person, target, start, propagationMs, trailMs };
      const result = await playOne(play, '', name, () => act(stage));
      world.proxy.clearRules();
      results.push(result);
      say(`${name}: ${result.outcome}`);
    }
  } finally {
    await temporal?.close();
    await world.stop();
  }
  await cleanUp(play);
}

/** Deletes all that the run has made until now. Returns what is left, in words. */
export async function cleanUp({ options, gateway, target, run, ledger }: Play): Promise<readonly string[]> {
  // It ends with the run, and lacks operations that a deletion needs.
  if (options.platform === 'moto') return [];
  const clients = clientsOf({ gateway, target });
  try {
    return await deleteLeftovers({
      ...{ clients, target, ledger, scope: { start: run } },
      ...{ again: options.platform === 'aws', windowMs: options.propagationMs },
    });
  } finally {
    clients.destroy();
  }
}

async function playOne(
  { redact, signal }: Play,
  kind: string,
  name: string,
  check: () => Promise<unknown>,
): Promise<CheckResult> {
  try {
    const measured = await unlessStopped(signal, check());
    return { kind, name, outcome: 'passed', detail: typeof measured === 'string' ? redact(measured) : null };
  } catch (error) {
    if (error instanceof StoppedError) throw error;
    const aws = awsError(error);
    const text = error instanceof Error ? error.message : String(error);
    const detail =
      aws.httpStatus === null ? text : `${aws.operation ?? ''} ${String(aws.httpStatus)} ${aws.code}: ${text}`;
    // Redacted before it is cut: half of an ID would not be recognised.
    const shown = redact(detail.trim()).slice(0, 2_000);
    return { kind, name, outcome: saysNothing(aws) ? 'not observable' : 'failed', detail: shown };
  }
}

/** Returns what is done, or throws once a user has ended the run. What is under way then goes on without it. */
async function unlessStopped<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  let stop: (() => void) | undefined;
  const stopped = new Promise<never>((_resolve, reject) => {
    stop = () => {
      reject(new StoppedError(`ended by ${String(signal.reason)}`));
    };
    signal.addEventListener('abort', stop);
    if (signal.aborted) stop();
  });
  try {
    return await Promise.race([work, stopped]);
  } finally {
    if (stop !== undefined) signal.removeEventListener('abort', stop);
  }
}

async function reasonToSkip({ options }: Play, one: LawCase | undefined): Promise<string | null> {
  if (one === undefined) return 'no law applies';
  const { kind, fixture, harness } = one;
  const never = NEVER[kind.name];
  if (never !== undefined) return never;
  if (!SETTINGS.has(kind.name)) return null;
  if (!options.accountSettings) return 'the account has it once: --account-settings plays it';
  const key = Object.fromEntries(Object.entries(fixture.full).filter(([name]) => kind.keyProperties.includes(name)));
  const isTaken = await harness.read(kind, fixture.alwaysPresent === undefined ? key : {}).then(
    (observed) => observed !== undefined,
    () => true,
  );
  return isTaken ? 'the account has one of its own' : null;
}

/** Deletes a setting of the account, which had none. */
async function restore({ kind, fixture, harness }: LawCase): Promise<void> {
  const observed = await harness.read(kind, fixture.full);
  if (observed !== undefined) await harness.send(kind, await harness.deletionWrites(kind, observed));
}

async function inLanes<T, R>(items: readonly T[], act: (item: T) => Promise<R>, lanes = AT_A_TIME): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) results[index] = await act(items[index] as T);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return results;
}
