import { createAwsClients } from '../../src/aws/clients.js';
import type { AwsClients } from '../../src/aws/clients.js';
import { awsError, isUnsupported } from '../../src/aws/errors.js';
import { loadConfig } from '../../src/config/config.js';
import type { Target } from '../../src/contract/entity.js';
import { KINDS } from '../../src/kinds/index.js';
import { signingRegion } from '../../src/engine/partitions.js';
import { connectTemporal } from '../../src/temporal/connect.js';
import { KindHarness } from '../kinds/kind-harness.js';
import { KIND_FIXTURES } from '../support/kind-fixtures/index.js';
import { iamClient } from '../support/sandbox.js';
import { startWorld } from '../support/world.js';
import { ASSUMPTIONS } from './assumptions.js';
import type { Gateway } from './gateway.js';
import { LAWS } from './laws.js';
import type { LawCase } from './laws.js';
import { deleteLeftovers } from './leftovers.js';
import { fixtureIn } from './names.js';
import type { AcceptanceOptions } from './options.js';
import { testAssumption } from './probe.js';
import { measurePropagation } from './propagation.js';
import type { Tested } from './probe.js';
import type { CheckResult } from './report.js';
import { SCENARIOS } from './runs.js';

/** What a run plays with. */
export interface Play {
  readonly options: AcceptanceOptions;
  readonly gateway: Gateway;
  readonly target: Target;
  /** The start of all names of the run. */
  readonly run: string;
  readonly say: (line: string) => void;
}

/** Assumptions and laws that are played at a time. */
const AT_A_TIME = 4;

/** Returns clients whose calls go through the gateway, which signs them. */
export function clientsOf({ gateway, target }: Pick<Play, 'gateway' | 'target'>): AwsClients {
  process.env['AWS_ACCESS_KEY_ID'] = 'AKIAACCEPTANCE';
  process.env['AWS_SECRET_ACCESS_KEY'] = 'unused';
  return createAwsClients(target, { iamEndpoint: gateway.url, stsEndpoint: gateway.url });
}

/** Tests every assumption, and deletes what that made. */
export async function playAssumptions(play: Play): Promise<Tested[]> {
  const { options, target, run } = play;
  const clients = clientsOf(play);
  const isAws = options.platform === 'aws';
  const place = { clients, target, start: run, settleMs: isAws ? 3_000 : 0, propagationMs: options.propagationMs / 4 };
  const tested = await inLanes(ASSUMPTIONS, async (assumption) => testAssumption(place, assumption));
  clients.destroy();
  await cleanUp(play);
  return tested;
}

/** The names of a run, for its own cleaning. */
export function ownNames({ run, options }: Pick<Play, 'run' | 'options'>) {
  return { start: run, accountSettings: options.accountSettings };
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
export async function playLaws(play: Play): Promise<CheckResult[]> {
  const { options, gateway, target, run, say } = play;
  const harness = await KindHarness.start(gateway, target);
  const results: CheckResult[] = [];
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
        const result = await playOne(kind.name, law.name, async () => {
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
  return results;
}

/** Plays whole runs: Temporal's dev server and a worker of the built product, with faults between it and the gateway. */
export async function playRuns(play: Play): Promise<CheckResult[]> {
  const { options, gateway, target, run, say } = play;
  const results: CheckResult[] = [];
  // The world stops its AWS, and the gateway is needed afterwards.
  const aws = { ...gateway, stop: () => Promise.resolve() };
  const world = await startWorld({ aws, replay: { notBecause: 'tests replay the same runs' } });
  const temporal = await connectTemporal(loadConfig(world.env));
  try {
    await world.startWorker({ AWS_REGION: signingRegion(target.partition) });
    const person = iamClient(gateway.url);
    results.push(...(await measurePropagation(person, run)));
    for (const [index, { name, play: act }] of SCENARIOS.entries()) {
      const start = `${run}s${String(index)}-`;
      const { propagationMs, trailMs } = options;
      const stage = { world, temporal, gateway, person, target, start, propagationMs, trailMs };
      const result = await playOne('', name, () => act(stage));
      world.proxy.clearRules();
      results.push(result);
      say(`${name}: ${result.outcome}`);
    }
  } finally {
    await temporal.close();
    await world.stop();
    await cleanUp(play);
  }
  return results;
}

/** Deletes all that the run has made until now. */
export async function cleanUp(play: Play): Promise<readonly string[]> {
  // It ends with the run, and lacks operations that a deletion needs.
  if (play.options.platform === 'moto') return [];
  const clients = clientsOf(play);
  const left = await deleteLeftovers(clients, play.target, ownNames(play), { again: play.options.platform === 'aws' });
  clients.destroy();
  return left.map(({ kind, listed }) => `${kind.name}/${listed.name}`);
}

async function playOne(kind: string, name: string, check: () => Promise<unknown>): Promise<CheckResult> {
  try {
    const measured = await check();
    return { kind, name, outcome: 'passed', detail: typeof measured === 'string' ? measured : null };
  } catch (error) {
    const aws = awsError(error);
    const isUnknown = isUnsupported(aws) || (aws.httpStatus ?? 0) >= 500 || aws.code === 'ForeignReply';
    const text = error instanceof Error ? error.message : String(error);
    const detail =
      aws.httpStatus === null ? text : `${aws.operation ?? ''} ${String(aws.httpStatus)} ${aws.code}: ${text}`;
    return { kind, name, outcome: isUnknown ? 'not known here' : 'failed', detail: detail.trim().slice(0, 2_000) };
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
