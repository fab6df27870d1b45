import { entityId } from '../contract/entity.js';
import type { EntityReport, Outcome, Report } from '../contract/report.js';
import type { Block } from './block.js';
import { type EntityLine, type LineOptions, linesOf } from './entity-lines.js';
import { orphanBlocks } from './orphans.js';
import { joinFirst } from './text.js';
import { isListed, shownAs, SIGNS, wordOf } from './words.js';

/** The choice of blocks and of their lines. */
export interface BlockOptions extends LineOptions {
  /** Also lists unchanged entities that have a reason. Default: false. */
  readonly explained?: boolean;
}

/** Entities that are alike and that are shown one by one. More become one block. */
const MAX_ALIKE = 3;

/** Entities that a line names, where their lines need no review. */
const MAX_NAMES = 5;

/** Outcomes that need every name. */
const PROBLEMS: ReadonlySet<Outcome> = new Set(['failed', 'refused']);

/** The length from which the name of an entity is recognized in its own lines. A shorter one may be any word. */
const MIN_NAME_LENGTH = 4;

/** Stands for the name of each entity in the lines of several. */
const ANY_NAME = 'NAME';

/** Returns the blocks of all entities that a report lists, in its order. */
export function blocksOf(report: Report, options: BlockOptions): readonly Block[] {
  const listed = report.entities.filter((entity) => isListed(entity, options.explained));
  const groups = new Map<string, { readonly entity: EntityReport; readonly block: Block }[]>();
  for (const entity of listed) {
    const block = blockOf(report, entity, options);
    const key = JSON.stringify([entity.kind, block.sign, block.word, block.writes, anyName(entity, block.lines)]);
    const skippedKey = entity.outcome === 'skipped' ? JSON.stringify(['skipped', block.lines]) : key;
    groups.set(skippedKey, [...(groups.get(skippedKey) ?? []), { entity, block }]);
  }
  const blocks = [...groups.values()].flatMap((group) =>
    group.length <= MAX_ALIKE ? group.map(({ block }) => block) : [merged(report, group)],
  );
  return [...blocks, ...orphanBlocks(report)];
}

/** Returns the block of one entity. */
export function blockOf(report: Pick<Report, 'command'>, entity: EntityReport, options: LineOptions): Block {
  const outcome = shownAs(report, entity);
  return {
    outcome,
    sign: SIGNS[outcome],
    id: entityId(entity),
    count: 1,
    word: wordOf(report, entity),
    writes: entity.writes.map(({ operation }) => operation).join(', '),
    lines: linesOf(entity, options),
  };
}

/** Replaces the name of an entity in its own lines, so that entities that differ in the name only are alike. */
function anyName({ name }: EntityReport, lines: readonly EntityLine[]): readonly EntityLine[] {
  if (name.length < MIN_NAME_LENGTH) return lines;
  const pattern = new RegExp(`(?<![\\w-])${name.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}(?![\\w-])`, 'g');
  const replaced = (text: string): string => text.replace(pattern, ANY_NAME);
  return lines.map(({ pair, ...line }) => ({
    ...line,
    text: replaced(line.text),
    ...(pair === undefined ? {} : { pair: [replaced(pair[0]), replaced(pair[1])] as const }),
  }));
}

/** Shortens names that are counted up: `app-000 to app-499`. */
function ranges(names: readonly string[]): readonly string[] {
  const runs: { readonly first: string; last: string; count: number }[] = [];
  for (const name of names) {
    const run = runs.at(-1);
    if (run !== undefined && name === following(run.last)) {
      run.last = name;
      run.count += 1;
    } else runs.push({ first: name, last: name, count: 1 });
  }
  return runs.flatMap(({ first, last, count }) => {
    if (count === 1) return [first];
    return count === 2 ? [first, last] : [`${first} to ${last}`];
  });
}

/** Returns the name with the next number at its end; undefined for a name without one. */
function following(name: string): string | undefined {
  const [, start = '', digits] = /^(.*?)(\d{1,9})$/s.exec(name) ?? [];
  return digits === undefined ? undefined : start + String(Number(digits) + 1).padStart(digits.length, '0');
}

function merged(
  { command }: Report,
  group: readonly { readonly entity: EntityReport; readonly block: Block }[],
): Block {
  const [first] = group;
  if (first === undefined) throw new RangeError('a group has no entities');
  const { entity, block } = first;
  const ids = group.map((one) => entityId(one.entity));
  const count = group.length;
  if (entity.outcome === 'skipped') {
    const why = block.lines.map(({ text }) => text).join('; ');
    return { ...block, id: String(count), count, word: `skipped: ${why} (${joinFirst(ids, MAX_NAMES)})`, lines: [] };
  }
  const isSame = group.every((one) => JSON.stringify(one.block.lines) === JSON.stringify(block.lines));
  const needsReview = command === 'plan' || PROBLEMS.has(entity.outcome);
  const names = needsReview ? ranges(group.map((one) => one.entity.name)).join(', ') : joinFirst(ids, MAX_NAMES);
  return {
    ...block,
    id: `${String(count)} ${entity.kind} entities`,
    count,
    lines: [
      { sign: '', tone: 'text', depth: 0, text: isSame ? names : `${ANY_NAME} is each of: ${names}` },
      ...(isSame ? block.lines : anyName(entity, block.lines)),
    ],
  };
}
