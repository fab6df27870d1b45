import { setTimeout as pause } from 'node:timers/promises';
import { awsError, isUnsupported } from '../../src/aws/errors.js';
import { takeCompleteSnapshot } from '../../src/aws/inventory.js';
import type { CompleteSnapshot } from '../../src/aws/inventory.js';
import type { AwsClients } from '../../src/aws/clients.js';
import type { JsonObject, Target } from '../../src/contract/entity.js';
import { strings } from '../../src/engine/json.js';
import { orderByEffect } from '../../src/engine/write-order.js';
import { findKind } from '../../src/kinds/index.js';
import type { Kind, ListedEntity, Observed } from '../../src/kinds/kind.js';
import { passwordPolicyText } from './ledger.js';
import type { Ledger, MadeEntity } from './ledger.js';
import { isInScope } from './write-guard.js';
import type { NameScope } from './write-guard.js';

/** An entity of the account, or a setting that is not AWS's default. */
export interface Standing {
  readonly kind: Kind;
  readonly listed: ListedEntity;
  /** The value of a setting of the account. */
  readonly value?: string;
}

/** The entities of an account, and the kinds that could not be listed. */
export interface Listing {
  readonly entities: readonly Standing[];
  readonly unread: readonly string[];
}

/** What stands after a deletion, in words. Empty where everything is known to be gone. */
type Left = readonly string[];

/** Kinds whose entities have names, in the order in which they can be deleted. Credentials go with their user. */
const NAMED = [
  ...['InstanceProfile', 'Role', 'ServiceLinkedRole', 'Group', 'VirtualMFADevice', 'User', 'Policy'],
  ...['OpenIDConnectProvider', 'SAMLProvider', 'ServerCertificate'],
];

/** Settings that an account has once, with the text of their value. */
const SETTINGS: Readonly<Record<string, (state: JsonObject) => string>> = {
  AccountAlias: ({ accountAliases }) => strings(accountAliases).join(),
  AccountPasswordPolicy: (state) =>
    passwordPolicyText(
      Object.fromEntries(
        Object.entries(state).map(([name, value]) => [name.charAt(0).toUpperCase() + name.slice(1), value]),
      ) as Record<string, string | number | boolean | null>,
    ),
  SecurityTokenServicePreferences: (state) => strings([state['globalEndpointTokenVersion'] ?? '']).join(),
};

/** Times for which a deletion is tried again: what AWS deletes still stands in some of its reads for a while. */
const MAX_PASSES = 6;
const BETWEEN_PASSES_MS = 3_000;

/** The rest between two looks for what was created and does not show yet, in milliseconds. */
const BETWEEN_LOOKS_MS = 10_000;

const CLOCK = { now: Date.now, sleep: (ms: number) => pause(ms) };

/** Lists the entities of an account that have names, and its settings. */
export async function listEntities({ reader }: AwsClients, target: Target): Promise<Listing> {
  const types = new Set(['Role', 'User', 'Group', 'LocalManagedPolicy'] as const);
  const snapshot = takeCompleteSnapshot({ reader, types, sleep: (ms) => pause(ms) });
  const entities: Standing[] = [];
  const unread: string[] = [];
  for (const name of [...NAMED, ...Object.keys(SETTINGS)]) {
    try {
      entities.push(...(await standingOf(kindOf(name), snapshot, target)));
    } catch (error) {
      const aws = awsError(error);
      // What an emulator does not know, it does not hold. AWS knows all of them.
      if (!isUnsupported(aws) && aws.httpStatus !== 501) unread.push(name);
    }
  }
  return { entities, unread };
}

async function standingOf(kind: Kind, snapshot: CompleteSnapshot, target: Target): Promise<Standing[]> {
  const textOf = SETTINGS[kind.name];
  if (textOf === undefined) return (await kind.listAll(snapshot, target)).map((listed) => ({ kind, listed }));
  const observed = await kind.read(snapshot.reader, { name: 'account', spec: {} }, target);
  if (observed === undefined) return [];
  return [{ kind, listed: { name: observed.name, spec: {} }, value: textOf(observed.state) }];
}

function kindOf(name: string): Kind {
  const kind = findKind(name);
  if (kind === undefined) throw new Error(`there is no kind ${name}`);
  return kind;
}

/** Reports whether runs with these names have made an entity. A setting is theirs where they have written its value. */
export function isMadeBy(one: Standing, scope: NameScope, ledger?: Ledger): boolean {
  const { kind, listed, value } = one;
  if (kind.name === 'AccountAlias') return isInScope(value ?? '', scope);
  if (kind.name === 'AccountPasswordPolicy' || kind.name === 'SecurityTokenServicePreferences') {
    return ledger?.hasWritten(kind.name, value ?? '') === true;
  }
  const { customSuffix = '' } = listed.spec;
  if (kind.name === 'ServiceLinkedRole') return isInScope(typeof customSuffix === 'string' ? customSuffix : '', scope);
  return isInScope(listed.name.slice(listed.name.lastIndexOf('/') + 1), scope);
}

/** Returns the entities that runs with these names have left. */
export function leftIn(listing: Listing, scope: NameScope, ledger?: Ledger): Standing[] {
  return listing.entities.filter((one) => isMadeBy(one, scope, ledger));
}

/** Returns `Role/name` for people. */
export function describe({ kind, listed, value }: Standing): string {
  if (value === undefined) return `${kind.name}/${listed.name}`;
  return kind.name === 'AccountPasswordPolicy' ? kind.name : `${kind.name}/${value}`;
}

/** What a deletion needs. */
interface Deletion {
  readonly clients: AwsClients;
  readonly target: Target;
  readonly scope: NameScope;
  readonly ledger?: Ledger | undefined;
  /** Gets the list of what is deleted, before that. */
  readonly announce?: (found: readonly Standing[]) => void;
  /** Waits between passes. Default: true. */
  readonly again?: boolean;
  /** How long AWS may not show what was created, in milliseconds. Default: 0. */
  readonly windowMs?: number;
  readonly clock?: { readonly now: () => number; readonly sleep: (ms: number) => Promise<unknown> };
}

/**
 * Deletes all that runs with these names have made, by the lists of the account and by the ledger. What was created and
 * does not show is looked for until its window ends. Returns what is left, and what may be: what no read has shown, and
 * what could not be listed.
 */
export async function deleteLeftovers(deletion: Deletion): Promise<Left> {
  const { clients, target, scope, ledger, announce, again = true, windowMs = 0, clock = CLOCK } = deletion;
  let deletions = 0;
  for (let pass = 1; ; pass += 1) {
    const lookedAt = clock.now();
    const listing = await listEntities(clients, target);
    const listed = leftIn(listing, scope, ledger);
    // AWS may not list yet what was made last.
    const hidden = listed.length > 0 ? { found: [], unread: [] } : await standingByLedger(deletion);
    const found = [...listed, ...hidden.found];
    const unread = [...listing.unread.map((name) => `${name}: could not be listed`), ...hidden.unread];
    if (pass === 1) announce?.(found);
    if (found.length === 0) {
      const hiding = (ledger?.outstanding() ?? []).filter(({ kind }) => SETTINGS[kind] === undefined);
      const restMs = Math.max(0, ...hiding.map(({ at }) => at + windowMs - lookedAt));
      if (restMs > 0) {
        await clock.sleep(Math.min(restMs, BETWEEN_LOOKS_MS));
        continue;
      }
      const certain = hiding.filter(({ isCertain, isDeleting }) => isCertain && !isDeleting);
      return [...certain.map((made) => `${describeMade(made)}: may be left, though no read shows it`), ...unread];
    }
    deletions += 1;
    if (deletions > MAX_PASSES) return [...found.map(describe), ...unread];
    if (deletions > 1 && again) await clock.sleep(BETWEEN_PASSES_MS);
    for (const one of found) await deleteOne(clients, target, one);
  }
}

/** Reads what the run may have made and has not deleted, one by one. */
export async function standingByLedger({ clients, target, ledger }: Deletion) {
  const found: Standing[] = [];
  const unread: string[] = [];
  for (const made of ledger?.outstanding() ?? []) {
    const kind = kindOf(made.kind);
    if (SETTINGS[made.kind] !== undefined) continue;
    const listed = { name: kind.nameOf(made.spec), spec: made.spec };
    try {
      const observed = await kind.read(clients.reader, listed, target);
      if (observed !== undefined) found.push({ kind, listed: { ...listed, arn: observed.arn } });
      else if (kind.name === 'ServiceLinkedRole' && made.isDeleting) ledger?.confirmDeleted(made);
    } catch (error) {
      if (!isUnsupported(awsError(error))) unread.push(`${describeMade(made)}: could not be read`);
    }
  }
  return { found, unread };
}

/** Returns `Role/name` for people. */
function describeMade({ kind, name }: MadeEntity): string {
  return `${kind}/${name}`;
}

async function deleteOne(clients: AwsClients, target: Target, { kind, listed }: Standing): Promise<void> {
  const { reader } = clients;
  try {
    const observed = await kind.read(reader, listed, target);
    if (observed === undefined) return;
    for (const write of await writesOf(kind, clients, observed)) {
      const { output } = await clients.write(write.operation, write.input);
      await write.waitUntilApplied?.(reader, output);
    }
  } catch (error) {
    // The next pass sees what is left.
    const aws = awsError(error);
    if (aws.httpStatus === null && !aws.unclear && aws.code !== 'DeleteConflict') throw error;
  }
}

async function writesOf(kind: Kind, { reader }: AwsClients, observed: Observed) {
  const dependents = (await kind.listDependents?.(reader, observed)) ?? [];
  const detach = dependents.flatMap((dependent) => dependent.detach ?? []);
  return [...detach, ...orderByEffect(await kind.delete(reader, observed))];
}
