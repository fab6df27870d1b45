import type { DecisionAction, EntityReport } from '../contract/report.js';
import { type Change, changeOf, type ChangeLine, labelled, labelOf, splitLine, statementIn } from './drift.js';
import { counted } from './text.js';
import { conflictText, noteLines } from './words.js';

/** The meaning of a line, which decides its color. A `change` is colored by its sign. */
export type Tone = 'change' | 'path' | 'kept' | 'warning' | 'note' | 'text' | 'remedy';

/** A line below the name of an entity. */
export interface EntityLine extends ChangeLine {
  readonly tone: Tone;
  /** 1 below a path, else 0. */
  readonly depth: 0 | 1;
}

/** The choice of lines. */
export interface LineOptions {
  /** Lists all that a created entity has. The plan does; a report of a run need not repeat it. */
  readonly grants: boolean;
}

/** Lines of one property above which they are joined to one. */
const MAX_UNMANAGED_LINES = 10;

/**
 * Returns the lines of an entity: first what a reviewer must see, then what it gets and loses, then what the run found,
 * why, and what to do.
 */
export function linesOf(entity: EntityReport, options: LineOptions): readonly EntityLine[] {
  const { outcome, warnings, unmanaged, omittedLines, conflicts, reason, remedy } = entity;
  const text = (tone: Tone, line: string, sign: ChangeLine['sign'] = ''): EntityLine => ({
    sign,
    text: line,
    tone,
    depth: 0,
  });
  const why = [
    ...(reason === null ? [] : [text('text', reason)]),
    ...(remedy === null ? [] : [text('remedy', `remedy: ${remedy}`)]),
  ];
  if (outcome === 'skipped') return why;
  return [
    ...warnings.map((line) => text('warning', `warning: ${labelled(line)}`, '!')),
    ...joined(unmanaged).map((line) => text('kept', `unmanaged, kept: ${line}`, '!')),
    ...changeLines(changesOf(entity, options)),
    ...(omittedLines === undefined ? [] : [text('text', `and ${counted(omittedLines, 'more line')}`)]),
    ...noteLines(entity).map((line) => text('note', line)),
    ...conflicts.map((conflict) => text('note', conflictText(conflict))),
    ...why,
  ];
}

/** Labels unmanaged content. Many lines of one property become one. */
function joined(unmanaged: readonly string[]): readonly string[] {
  const byPath = new Map<string, string[]>();
  for (const line of unmanaged) {
    const { path, text } = splitLine(line);
    byPath.set(path, [...(byPath.get(path) ?? []), text]);
  }
  return [...byPath].flatMap(([path, texts]) => {
    if (texts.length <= MAX_UNMANAGED_LINES || path === '') {
      return texts.map((text) => labelled(path === '' ? text : `${path}: ${text}`));
    }
    return [`${String(texts.length)} of ${labelOf(path)}: ${texts.join(', ')}`];
  });
}

const MAKES_ANEW: ReadonlySet<DecisionAction> = new Set(['create', 'replace']);

function changesOf({ decision, drift, grants }: EntityReport, options: LineOptions): readonly Change[] {
  if (MAKES_ANEW.has(decision)) return [...drift.map(changeOf), ...(options.grants ? grants.map(changeOfGrant) : [])];
  return drift.flatMap((one, index) => {
    // A document that is new to the entity is shown by its statements.
    const isNew = options.grants && one.observed === null && one.desired === '(a document)';
    const statements = isNew ? grants.filter((line) => splitLine(line).path === one.path) : [];
    if (statements.length > 0) return statements.map(changeOfGrant);
    return [changeOf(one), ...(options.grants ? wholeStatement(one.path, drift[index + 1]?.path, grants) : [])];
  });
}

/** Returns the names of the properties that an entity gains, loses or changes, each once: `trust policy`. */
export function changedProperties({
  decision,
  drift,
  grants,
}: Pick<EntityReport, 'decision' | 'drift' | 'grants'>): readonly string[] {
  const gained = MAKES_ANEW.has(decision) ? grants.map((line) => splitLine(line).path) : [];
  const labels = [...drift.map(({ path }) => path), ...gained].map((path) => labelOf(path).split(' › ')[0] ?? '');
  return [...new Set(labels)].filter((label) => label !== '');
}

/** Returns the statement that a change is inside of, as it becomes, after the last change of it. */
function wholeStatement(path: string, nextPath: string | undefined, grants: readonly string[]): readonly Change[] {
  const inside = statementIn(path);
  if (inside === undefined || statementIn(nextPath ?? '')?.statement === inside.statement) return [];
  const texts = grants.map(splitLine).flatMap(({ path: of, text }) => (of === inside.document ? [text] : []));
  const { sid } = inside;
  const [text, ...others] = sid === undefined ? texts : texts.filter((one) => one.endsWith(`(Sid ${sid})`));
  if (text === undefined || others.length > 0) return [];
  return [{ path: labelOf(path), lines: [{ sign: '', text: `becomes: ${text}` }] }];
}

/** A value as JSON. Statements and members of lists are not quoted. */
const VALUE = /^(?:".*"|-?\d[\d.]*|true|false|null|[[{].*)$/s;

function changeOfGrant(line: string): Change {
  const { path, text } = splitLine(line);
  const label = labelOf(path);
  if (VALUE.test(text)) return { path: null, lines: [{ sign: '+', text: `${label} = ${text}` }] };
  return { path: label, lines: [{ sign: '+', text }] };
}

const ORDER: readonly ChangeLine['sign'][] = ['-', '+', '~', '!', ''];

/** Puts the changes below their paths, each path once and what goes first. */
function changeLines(changes: readonly Change[]): readonly EntityLine[] {
  const groups: { readonly path: string | null; lines: readonly ChangeLine[] }[] = [];
  for (const { path, lines } of changes) {
    const last = groups.at(-1);
    if (path !== null && last?.path === path) last.lines = [...last.lines, ...lines];
    else groups.push({ path, lines });
  }
  return groups.flatMap(({ path, lines }) => {
    if (path === null) return lines.map((line): EntityLine => ({ ...line, tone: 'change', depth: 0 }));
    const sorted = [...lines].sort((a, b) => ORDER.indexOf(a.sign) - ORDER.indexOf(b.sign));
    return [
      { sign: '', text: path, tone: 'path', depth: 0 } as const,
      ...sorted.map((line): EntityLine => ({ ...line, tone: line.sign === '' ? 'text' : 'change', depth: 1 })),
    ];
  });
}
