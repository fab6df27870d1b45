import type { Entry } from '../iam/account.js';
import { actionsOfAwsPolicy, isAwsPolicy } from '../iam/state.js';
import type { Played, PlayedRun } from '../play.js';
import { actionsIn, contentAfter, principalsIn } from './desired.js';
import type { Content } from './desired.js';
import {
  declarationOf,
  isChangedByHandSinceLook,
  isHand,
  isLeaving,
  startedRuns,
  wasOwnBefore,
  writes,
  writesOf,
} from './facts.js';
import type { Rule } from './facts.js';

/** Every action of the simulation, for `*`. */
const ACTIONS = ['s3:GetObject', 's3:PutObject', 'iam:PassRole', 'ec2:RunInstances'];

/**
 * Returns what a role or user grants, as pairs: whom it trusts, and what its policies allow within its boundary. A
 * customer managed policy is an action of its own, since its versions belong to another entity.
 */
function grantsOf(entity: Content | undefined): ReadonlySet<string> {
  if (entity === undefined) return new Set();
  const allowed = new Set([
    ...Object.values(entity.inline).flatMap((document) => expanded(actionsIn(document))),
    ...entity.attached.flatMap((arn) => (isAwsPolicy(arn) ? expanded(actionsOfAwsPolicy(arn)) : [arn])),
  ]);
  const { boundary } = entity;
  const within = boundary === null ? null : new Set(expanded(actionsOfAwsPolicy(boundary)));
  const effective = [...allowed].filter((action) => within === null || within.has(action) || action.startsWith('arn:'));
  const principals = entity.trust === '' ? ['itself'] : principalsIn(entity.trust);
  return new Set(principals.flatMap((principal) => effective.map((action) => `${principal} may ${action}`)));
}

function expanded(actions: readonly string[]): readonly string[] {
  return actions.includes('*') ? ACTIONS : actions;
}

/**
 * At no moment of a run does a role or user grant what it granted neither before nor after. Each time that a hand
 * changes the entity, what is there then counts as before, from the first write on whose sender has seen it.
 */
export const neverWider: Rule = (played) =>
  startedRuns(played).flatMap((run) =>
    ['Role/deploy', 'User/robot'].flatMap((key) =>
      undisturbedWrites(played, run, key).flatMap((own) => {
        const [first, last] = [own[0], own.at(-1)];
        if (first === undefined || last === undefined) return [];
        const before = first.before.get(key);
        const allowed = new Set([...grantsOf(before), ...grantsOfEnd(played, run, first, last)]);
        return own.flatMap((entry) => {
          const more = [...grantsOf(entry.after.get(key))].filter((pair) => !allowed.has(pair));
          return more
            .slice(0, 1)
            .map((pair) => `after ${entry.operation}, ${key} lets ${pair}, as neither before nor declared`);
        });
      }),
    ),
  );

/**
 * Returns the writes of a run to an entity, in parts between which a hand changed it. A write whose sender has not seen
 * the hand's change is in none of them.
 */
function undisturbedWrites(played: Played, run: PlayedRun, key: string): readonly (readonly Entry[])[] {
  const byHand = writes(played).filter((entry) => entry.key === key && isHand(entry));
  const parts = new Map<number, Entry[]>();
  for (const entry of writesOf(played, run)) {
    if (entry.key !== key || isChangedByHandSinceLook(played, entry, run)) continue;
    // Nor is one whose sender was misled by a replica that was behind.
    if (typeof entry.by !== 'string' && entry.by.misled.has(key)) continue;
    const part = byHand.filter(({ version }) => version < entry.version).length;
    parts.set(part, [...(parts.get(part) ?? []), entry]);
  }
  return [...parts.values()];
}

/** Returns what the entity grants in the end: as declared, so that a run that stops halfway has no excuse. */
function grantsOfEnd(played: Played, run: PlayedRun, first: Entry, last: Entry): ReadonlySet<string> {
  const { key } = first;
  const declaration = declarationOf(run, key);
  const [before, end] = [first.before.get(key), last.after.get(key)];
  if (declaration === undefined || isLeaving(run, declaration)) return grantsOf(end);
  // A replacement keeps nothing of what was there before.
  const isReplaced = before !== undefined && end !== undefined && before.incarnation !== end.incarnation;
  // The tags of the run's own adoption may be there by now. They do not let it remove what is unmanaged.
  const isOurs = wasOwnBefore(played, run, first);
  return grantsOf(contentAfter(declaration, isReplaced ? undefined : before, run.spec, isOurs));
}
