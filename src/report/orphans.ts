import { entityId } from '../contract/entity.js';
import type { Orphan, OtherManifest, Report } from '../contract/report.js';
import type { Block } from './block.js';
import type { EntityLine } from './entity-lines.js';
import { counted } from './text.js';

/** Orphans that are named. More are counted. */
const MAX_NAMED = 50;

const REMEDY =
  'remedy: declare it again, or with state: absent to delete it, or state: released to leave it to others; for all at once, --orphans remove or --orphans release';

/** Returns the blocks of what the namespace owns and the manifest does not declare any more, and of other manifests. */
export function orphanBlocks({ orphans = [], otherManifests = [] }: Report): readonly Block[] {
  return [
    ...(orphans.length === 0 ? [] : [orphanBlock(orphans)]),
    ...(otherManifests.length === 0 ? [] : [otherBlock(otherManifests)]),
  ];
}

function orphanBlock(orphans: readonly Orphan[]): Block {
  const id = counted(orphans.length, 'orphan');
  const lines = [...namesOf(orphans), { sign: '', tone: 'remedy', text: REMEDY, depth: 0 } as const];
  return {
    outcome: 'pending',
    sign: '!',
    id,
    count: orphans.length,
    word: 'no longer declared, kept',
    writes: '',
    lines,
  };
}

function otherBlock(others: readonly OtherManifest[]): Block {
  const lines = others.map(({ manifest, environment, entities }): EntityLine => {
    const text = `${counted(entities, 'entity', 'entities')} last declared by ${manifest} (${environment})`;
    return { sign: '', tone: 'text', text, depth: 0 };
  });
  const id = counted(others.length, 'other manifest');
  return { outcome: 'unchanged', sign: '=', id, count: others.length, word: 'of this namespace', writes: '', lines };
}

function namesOf(orphans: readonly Orphan[]): readonly EntityLine[] {
  const named = orphans.slice(0, MAX_NAMED).map((orphan) => `${entityId(orphan)}: ${orphan.reason}`);
  const more = orphans.length - named.length;
  return [...named, ...(more === 0 ? [] : [`and ${String(more)} more`])].map((text) => ({
    sign: '!',
    tone: 'kept',
    text,
    depth: 0,
  }));
}
