import type { LookedUp } from '../../contract/look-up.js';
import type { Finding } from '../../contract/preflight.js';
import { findingOf, refusalOf } from './findings.js';
import { importIdOf, importNotes, type Known, LEAVE_IT } from './known-item.js';

/**
 * Predicts an entity that the account has already.
 *
 * @param known - the entity
 * @param ownMark - the mark of Terraform that it has, and the plan sets as well
 */
export function predictEntity(known: Known, ownMark: string | null): Finding {
  const { item, found } = known;
  const differences = differencesOf(known);
  if (found.owner !== null) {
    return findingOf(item, {
      verdict: 'foreign',
      error: refusalOf(item),
      arn: found.arn,
      owner: found.owner,
      importId: importIdOf(known),
      reason: `it exists and belongs to ${found.owner}`,
      remedy: 'give it another name, or take it over from its owner first: two owners would undo each other’s changes',
      notes: differences.length === 0 ? [] : [`it has ${differences.join(' and ')}`],
    });
  }
  return item.isRename || differences.length > 0 ? taken(known, differences) : existing(known, ownMark);
}

/** Returns what the account writes otherwise than the plan. */
function differencesOf({ subject, found: { name, path } }: Known): readonly string[] {
  const isOtherCase = name !== null && name !== subject.name && name.toLowerCase() === subject.name.toLowerCase();
  const isOtherPath = subject.path !== undefined && path !== null && path !== subject.path;
  return [...(isOtherCase ? [`the name ${name}`] : []), ...(isOtherPath ? [`the path ${path}`] : [])];
}

function taken(known: Known, differences: readonly string[]): Finding {
  const { item, type, found } = known;
  const base = { verdict: 'collision', error: refusalOf(item), arn: found.arn } as const;
  const text = differences.join(' and ');
  if (item.isRename) {
    return findingOf(item, {
      ...base,
      reason: `the plan renames another one to it in place, and the account has it already${text === '' ? '' : `, with ${text}`}`,
      remedy: 'give it another name, or delete or rename the one that is there first',
    });
  }
  const importId = importIdOf(known);
  const isMovable = type.movedBy !== undefined;
  return findingOf(item, {
    ...base,
    importId: isMovable ? importId : null,
    reason: `the name is taken: the account has it with ${text}, which does not make two names different`,
    remedy: isMovable
      ? 'import it: the plan then changes name and path in place; or give the resource another name'
      : `write it as the account has it and import it with ${importId ?? 'its ID'}, or give it another name: an import as it is would replace it`,
    notes: importNotes(type),
  });
}

function existing(known: Known, ownMark: string | null): Finding {
  const { item, type, found, owner, ownerNotes } = known;
  return findingOf(item, {
    verdict: 'import',
    error: refusalOf(item),
    arn: found.arn,
    owner,
    importId: importIdOf(known),
    reason: `it exists${createdText(found)}, and shows no ${ownMark === null ? '' : 'other '}owner`,
    remedy: owner === null ? 'import it, or give it another name' : LEAVE_IT,
    notes: [
      ...(ownMark === null ? [] : [`it belongs to ${ownMark}, as this plan writes: another state may have it`]),
      ...importNotes(type),
      ...ownerNotes,
    ],
  });
}

function createdText({ createdAt }: LookedUp): string {
  return createdAt === null ? '' : `, created ${createdAt.slice(0, 10)}`;
}
