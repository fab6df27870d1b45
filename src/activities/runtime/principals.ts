import { awsError, undefinedIfDenied, type AwsError } from '../../aws/errors.js';
import { HIDDEN_WINDOW_MS, PROPAGATION_WINDOW_MS } from '../../aws/propagation.js';
import type { Json } from '../../contract/entity.js';
import { parsePrincipalArn, principalsIn, type PrincipalArn } from '../../engine/policy/index.js';
import type { Write } from '../../kinds/kind.js';
import type { Account } from './accounts.js';

/** Time for which a principal is waited for that cannot be read, because it is in another account or the read is denied. */
const UNREADABLE_WINDOW_MS = 20_000;

/** The time for which a refused principal is waited for, from the start of the activity, and why. */
export interface PrincipalWait {
  readonly windowMs: number;
  /** The reason for the wait, as far as the principal is known. */
  readonly why: string;
}

/**
 * Returns how long IAM may still not know the principals that it has refused. It does not know what was made a moment
 * ago, and gives the same answer for what does not exist. `newPrincipals` are the ARNs of those that the run makes.
 */
export async function waitForPrincipals(
  account: Account,
  write: Pick<Write, 'input'>,
  error: AwsError,
  newPrincipals: readonly string[],
): Promise<PrincipalWait> {
  const named = [...error.message.matchAll(/"(\w+)":"([^"]+)"/g)].map(([, , text = '']) => text);
  // Without a name, any principal of the document may be meant.
  const meant = named.length > 0 ? named : principalsOf(write);
  const waits = await Promise.all(meant.map((text) => waitFor(account, text, newPrincipals)));
  const windows = waits.map(({ windowMs }) => windowMs);
  const windowMs = named.length > 0 ? Math.min(...windows) : Math.max(...windows);
  return (
    waits.find((wait) => wait.windowMs === windowMs) ?? {
      windowMs: 0,
      why: 'it names no principal that can be looked up',
    }
  );
}

/** Returns the principals in the trust policy that a write sends. */
function principalsOf({ input }: Pick<Write, 'input'>): readonly string[] {
  const document = input['AssumeRolePolicyDocument'] ?? input['PolicyDocument'];
  try {
    return principalsIn(JSON.parse(String(document)) as Json);
  } catch {
    return [];
  }
}

async function waitFor(account: Account, text: string, newPrincipals: readonly string[]): Promise<PrincipalWait> {
  if (newPrincipals.includes(text)) {
    return { windowMs: PROPAGATION_WINDOW_MS, why: 'this run makes it, and IAM may not know it yet' };
  }
  const arn = parsePrincipalArn(/^\d{12}$/.test(text) ? `arn:${account.target.partition}:iam::${text}:root` : text);
  if (arn === undefined) {
    const isId = /^A(?:ROA|IDA)[A-Z0-9]+$/.test(text);
    return {
      windowMs: 0,
      why: isId ? 'it is the ID of a role or user that was deleted' : 'there is no such principal',
    };
  }
  if (arn.account !== account.target.account) {
    return {
      windowMs: UNREADABLE_WINDOW_MS,
      why: `it is in account ${arn.account}, where IAM knows no such principal; this run cannot read that account`,
    };
  }
  return waitForOwn(account, text, arn);
}

/** Looks up a principal of the run's own account. */
async function waitForOwn({ clients, target }: Account, text: string, arn: PrincipalArn): Promise<PrincipalWait> {
  const segments = arn.path.split('/');
  const isSession = arn.type === 'assumed-role';
  const name = (isSession ? segments[0] : segments.at(-1)) ?? '';
  const kind = arn.type === 'user' ? 'User' : 'Role';
  const id = `${kind}/${name}`;
  if (!isSession && arn.type !== 'user' && arn.type !== 'role') return { windowMs: 0, why: 'it is no principal' };
  const found = await readPrincipal(clients, kind, name);
  if (found === 'unreadable') {
    return { windowMs: UNREADABLE_WINDOW_MS, why: `IAM knows no such principal, and ${id} cannot be read` };
  }
  if (found === 'absent')
    return { windowMs: HIDDEN_WINDOW_MS, why: `${id} does not exist in account ${target.account}` };
  if (!isSession && found.arn !== text) return { windowMs: 0, why: `${id} exists as ${found.arn}` };
  const now = clients.now();
  const ageMs = now === null ? 0 : now - found.createdAt;
  if (ageMs >= PROPAGATION_WINDOW_MS) return { windowMs: HIDDEN_WINDOW_MS, why: `${id} exists, and IAM refuses it` };
  const age = String(Math.max(0, Math.round(ageMs / 1000)));
  return { windowMs: PROPAGATION_WINDOW_MS, why: `${id} was created ${age} s ago, and IAM may not know it yet` };
}

/** A principal that AWS shows, with the time of its creation in milliseconds since 1970, by AWS's clock. */
interface ShownPrincipal {
  readonly arn: string;
  readonly createdAt: number;
}

async function readPrincipal(
  { reader }: Account['clients'],
  kind: 'Role' | 'User',
  name: string,
): Promise<ShownPrincipal | 'absent' | 'unreadable'> {
  try {
    const shown = await undefinedIfDenied(async () => {
      const reply =
        kind === 'Role'
          ? (await reader.find('GetRole', { RoleName: name }))?.Role
          : (await reader.find('GetUser', { UserName: name }))?.User;
      return reply ?? 'absent';
    });
    if (shown === 'absent' || shown === undefined) return shown ?? 'unreadable';
    return { arn: shown.Arn ?? '', createdAt: shown.CreateDate?.getTime() ?? 0 };
  } catch (error) {
    // A name that IAM cannot have is the name of nobody.
    return awsError(error).code === 'ValidationError' ? 'absent' : 'unreadable';
  }
}
