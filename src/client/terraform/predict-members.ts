import type { Finding } from '../../contract/preflight.js';
import { findingOf, refusalIfPresent } from './findings.js';
import { importIdOf, type Known, LEAVE_IT, notesOf } from './known-item.js';
import type { Item } from './items.js';

/** Predicts a part of an entity, or a connection between two. */
export function predictMembers(known: Known): Finding {
  const { item, subject, found, type } = known;
  const { present, others, omitted } = membersIn(known);
  const wanted = Object.values(subject.members).flat();
  if (type.ifPresent === 'excludes' && others.length > 0) {
    const more = omitted === 0 ? '' : ` and ${String(omitted)} more`;
    return overwritten(known, removalText(item, `${others.join(', ')}${more}`));
  }
  if (type.kind === 'AccountAlias' && present.length === 0 && others.length > 0) {
    return findingOf(item, {
      verdict: 'overwrite',
      reason: removalText(item, others.join(', ')),
      notes: ['people sign in at the address with the alias', ...notesOf(type)],
    });
  }
  if (present.length < wanted.length)
    return findingOf(item, {
      verdict: 'create',
      reason: present.length === 0 ? 'absent' : `${present.join(', ')} is there already; the rest is absent`,
      notes: [...notesOf(type), ...known.ownerNotes],
    });
  if (type.ifPresent === 'overwrites') {
    return overwritten(known, 'it exists, and the create overwrites it without an error');
  }
  const isRefused = type.ifPresent === 'refused';
  return findingOf(item, {
    verdict: isRefused ? 'import' : 'present',
    error: refusalIfPresent(item),
    arn: found.arn,
    owner: known.owner,
    importId: importIdOf(known),
    reason: isRefused ? 'it exists' : 'it is there already, and the create changes nothing',
    remedy: isRefused ? 'import it, or remove it from the plan' : null,
    notes: known.ownerNotes,
  });
}

/** Returns what a resource removes. Resources that may be imported remove at once; those of one policy or group show the others as a change of the next plan. */
export function removalText({ type }: Pick<Item, 'type'>, others: string): string {
  if (type?.kind === 'AccountAlias') return `an account has one alias, and it replaces ${others}`;
  return type?.importId === undefined
    ? `its create only adds; the next apply removes what it does not list: ${others}`
    : `it removes what it does not list: ${others}`;
}

/** Returns the finding about a create that replaces or removes what is there. */
export function overwritten(known: Known, reason: string): Finding {
  return findingOf(known.item, {
    verdict: 'overwrite',
    reason,
    arn: known.found.arn,
    owner: known.owner,
    importId: importIdOf(known),
    remedy:
      known.type.importId === undefined
        ? 'list them as well, or use a resource that leaves others alone'
        : known.owner === null
          ? 'import it to see the difference in the plan'
          : LEAVE_IT,
    notes: known.ownerNotes,
  });
}

function membersIn({ subject, found }: Known) {
  const sets = Object.keys(subject.members).flatMap((set) => found.members[set] ?? []);
  return {
    present: sets.flatMap(({ present }) => present),
    others: sets.flatMap(({ others }) => others),
    omitted: sets.reduce((sum, { omitted }) => sum + omitted, 0),
  };
}
