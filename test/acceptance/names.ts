import { randomBytes } from 'node:crypto';
import type { JsonObject, Target } from '../../src/contract/entity.js';
import { without } from './without.js';
import { ACCOUNT } from '../support/kind-fixtures/index.js';
import type { KindFixture } from '../support/kind-fixtures/index.js';
import type { NameScope } from './write-guard.js';

/** The ID of a run, between the prefix and the rest of a name. */
const RUN_ID = /^r[a-z0-9]{7}-/;

/** Returns the start of all names of a new run: `iamb-r4k2m9xz-`. */
export function newRun(prefix: string): string {
  const letters = 'abcdefghijklmnopqrstuvwxyz0123456789';
  const id = [...randomBytes(7)].map((byte) => letters[byte % letters.length] ?? '').join('');
  return `${prefix}r${id}-`;
}

/** Returns the names that any run with this prefix has given. */
export function namesOfRuns(prefix: string, accountSettings: boolean): NameScope {
  return { start: prefix, rest: RUN_ID, accountSettings };
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
    if (typeof value === 'string') return text(value);
    if (Array.isArray(value)) return value.map(move);
    if (typeof value === 'function')
      return (...args: unknown[]) => move((value as (...a: unknown[]) => unknown)(...args));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [text(name), move(member)]));
  };
  return move;
}
