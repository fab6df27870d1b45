import { createHash, randomBytes } from 'node:crypto';
import type { JsonObject, Target } from '../../src/contract/entity.js';
import { harmless } from './documents.js';
import { without } from './without.js';
import { ACCOUNT } from '../support/kind-fixtures/index.js';
import type { KindFixture } from '../support/kind-fixtures/index.js';
import type { NameScope } from './write-guard.js';

const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789';
const RANDOM = 6;
const CHECK = 3;
/** The ID of a run, between the prefix and the rest of a name. Its last letters are a checksum of the others. */
const RUN_ID = new RegExp(`^r([a-z0-9]{${String(RANDOM)}})([a-z0-9]{${String(CHECK)}})-`);

/** Returns the start of all names of a new run: `iamb-r4k2m9xc0d-`. */
export function newRun(prefix: string): string {
  const id = [...randomBytes(RANDOM)].map((byte) => LETTERS[byte % LETTERS.length] ?? '').join('');
  return `${prefix}r${id}${checksumOf(prefix, id)}-`;
}

/** Returns the start of the names of a run by its ID, with or without the prefix; null where it is no ID of a run. */
export function runOf(prefix: string, text: string): string | null {
  const folded = text.toLowerCase().replace(/-$/, '');
  const start = `${folded.startsWith(prefix) ? folded : `${prefix}${folded}`}-`;
  return isOfRun(prefix, start.slice(prefix.length)) && start.split('-').length === 3 ? start : null;
}

/** Returns the names that any run with this prefix has given. A word that looks like the ID of a run has no checksum. */
export function namesOfRuns(prefix: string): NameScope {
  return { start: prefix, rest: (rest) => isOfRun(prefix, rest) };
}

function isOfRun(prefix: string, rest: string): boolean {
  const [, id = '', check] = RUN_ID.exec(rest) ?? [];
  return check === checksumOf(prefix, id);
}

function checksumOf(prefix: string, id: string): string {
  const digest = createHash('sha256').update(`iam-bootstrap acceptance ${prefix}${id}`).digest();
  return [...digest.subarray(0, CHECK)].map((byte) => LETTERS[byte % LETTERS.length] ?? '').join('');
}

/** A password that no text of the project shows, for the moments that a user has one. */
const PASSWORD = `${randomBytes(18).toString('base64url')}aA1!`;

/** A thumbprint, so that AWS does not ask the issuer for its certificate: it does not exist. */
const THUMBPRINTS = { thumbprintList: ['a'.repeat(40)] };

/** Returns a fixture in an account, with names that begin with `start`. */
export function fixtureIn(kindName: string, fixture: KindFixture, start: string, target: Target): KindFixture {
  const moved = moveTo(start, target)(fixture) as KindFixture;
  const isDevice = ({ operation }: { readonly operation: string }): boolean => operation.includes('MFADevice');
  // The codes of the fixture are no codes of the device.
  if (kindName === 'User')
    return { ...moved, deletionBlockers: moved.deletionBlockers.filter((one) => !isDevice(one)) };
  if (kindName === 'AccountPasswordPolicy') return withoutExpiry(moved);
  // Without a suffix, the role would be that of the whole account.
  if (kindName === 'ServiceLinkedRole') return without(moved, 'sibling');
  if (kindName !== 'OpenIDConnectProvider') return moved;
  const complete = (spec: JsonObject): JsonObject => ({ ...THUMBPRINTS, ...spec });
  return {
    ...moved,
    minimal: complete(moved.minimal),
    ...(moved.otherCase && { otherCase: complete(moved.otherCase) }),
    ...(moved.sibling && { sibling: complete(moved.sibling) }),
  };
}

/** Properties of a password policy by which passwords expire: a user of the account could be locked out. */
const EXPIRY = /^(maxPasswordAge|hardExpiry)$/i;

function withoutExpiry(value: KindFixture): KindFixture {
  const drop = (part: unknown): unknown => {
    if (Array.isArray(part)) return part.map(drop);
    if (typeof part !== 'object' || part === null) return part;
    const kept = Object.entries(part).filter(([name]) => !EXPIRY.test(name));
    return Object.fromEntries(kept.map(([name, member]) => [name, drop(member)]));
  };
  return drop(value) as KindFixture;
}

/** Returns a function that moves the names, ARNs and secret locations in a value, and those that its functions return. */
export function moveTo(start: string, { account, partition }: Target): (value: unknown) => unknown {
  const text = (value: string): string => {
    // Certificates, keys and metadata name nothing of the account.
    if (value.includes('-----BEGIN') || value.trimStart().startsWith('<') || value.startsWith('ssh-')) return value;
    if (value === 'Not-a-secret-7!') return PASSWORD;
    return value
      .replaceAll(ACCOUNT, account)
      .replaceAll('arn:aws:', `arn:${partition}:`)
      .replace(/(?<![A-Za-z0-9])law(?![A-Za-z0-9])/g, `${start}law`)
      .replace(/(?<![A-Za-z0-9])LAW(?![A-Za-z0-9])/g, `${start}law`.toUpperCase())
      .replace(/^(users: )?(ann|ben|bob|cid)$/i, `$1${start}$2`);
  };
  const move = (value: unknown): unknown => {
    if (typeof value === 'string') return isDocument(value) ? JSON.stringify(move(JSON.parse(value))) : text(value);
    if (Array.isArray(value)) return value.map(move);
    if (typeof value === 'function')
      return (...args: unknown[]) => move((value as (...a: unknown[]) => unknown)(...args));
    if (typeof value !== 'object' || value === null) return value;
    const moved = Object.entries(value).map(([name, member]) => [text(name), move(member)]);
    return harmless(Object.fromEntries(moved) as JsonObject, partition);
  };
  return move;
}

function isDocument(text: string): boolean {
  return text.startsWith('{') && text.includes('"Statement"');
}
