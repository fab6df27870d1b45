import { entityId, type DesiredEntity } from '../../../contract/entity.js';
import { COMMON_FIELDS } from '../../../engine/manifest/header.js';
import type { Draft } from '../../../engine/manifest/drafts.js';
import { pathText } from '../../../engine/manifest/problem.js';
import { positionOf } from '../../../engine/manifest/tree.js';
import type { Kind } from '../../../kinds/kind.js';
import type { SourceEdit } from './edit-source.js';
import type { PlannedEdit, PlannedPatch } from './plan-update.js';
import type { SourceFiles } from './source-files.js';
import type { SourceNode } from './source-nodes.js';
import { useOfChange, type Uses } from './uses.js';

/** A declared entity that the account does not have. */
export interface Gone {
  readonly kind: Kind;
  readonly entity: DesiredEntity;
  readonly draft: Draft;
}

/** Common fields without a meaning for an entity that must not be there. */
const MEANINGLESS: ReadonlySet<string> = new Set(['tags', 'renamedFrom', 'replace', 'suppressFindings', 'unmanaged']);

/** Returns the change that declares an entity absent, and leaves of it what names it; a patch where the text cannot take it. */
export function declareAbsent(
  { kind, entity, draft }: Gone,
  uses: Uses,
  files: SourceFiles,
): { readonly edit: PlannedEdit } | { readonly patch: PlannedPatch } {
  const difference = {
    ...positionOf(draft.at),
    entities: [entityId(entity)],
    path: pathText([...draft.path, 'state']),
    action: 'change',
    from: 'present',
    to: 'absent',
  } as const;
  const parts = [{ entity: entityId(entity), part: 'state' }];
  const byHand = (reason: string): { readonly patch: PlannedPatch } => ({
    patch: { patch: { ...difference, reason }, parts },
  });
  const file = files.of(draft.spec);
  const node = files.node(draft.spec);
  const maker = files.makerOf(draft.spec);
  if (maker !== undefined) return byHand(`${maker} makes it`);
  if (file === undefined || node === undefined) return byHand('its place is not known');
  const use = useOfChange(draft, { op: 'add', target: draft.spec, key: 'state', path: ['state'] });
  const reason = uses.reasonToKeep(draft.spec, new Set([use]));
  if (reason !== undefined) return byHand(reason);
  // That it is gone from this account says nothing of the others, even where a change is meant for all of them.
  if (uses.isUsedElsewhere(draft.spec)) return byHand('other environments declare it, too');
  return { edit: { file: files.identify(file.name), edits: editsOf(node, kind), difference, parts } };
}

function editsOf(node: SourceNode, kind: Kind): SourceEdit[] {
  const edits: SourceEdit[] = [];
  let isStated = false;
  for (const member of node.members) {
    const name = member.key?.text ?? '';
    if (name === 'state') {
      isStated = true;
      edits.push({ op: 'replace', node: member.value, value: 'absent' });
    } else if (MEANINGLESS.has(name) || !(COMMON_FIELDS.has(name) || kind.keyProperties.includes(name))) {
      edits.push({ op: 'remove', container: node, member });
    }
  }
  return isStated ? edits : [...edits, { op: 'add', container: node, key: 'state', value: 'absent' }];
}
