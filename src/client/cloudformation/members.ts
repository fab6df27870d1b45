import { quoted, type Problem, type Report } from '../../engine/manifest/problem.js';
import {
  mapTree,
  problemAt,
  stringOf,
  type MapEntry,
  type MapTree,
  type SourceOffset,
  type Tree,
} from '../../engine/manifest/tree.js';
import { nearest, suggestion } from '../../engine/text.js';

/** The remedy for what AWS runs before it makes a stack. */
export const PROCESSED =
  'convert the processed template: `aws cloudformation get-template --stack-name NAME --template-stage Processed`';

/** The call of a macro, which may add to what it is in. */
export const MACRO = 'Fn::Transform';

/** Reports members that CloudFormation would refuse: another spelling of a known one would have no effect. */
export function checkMembers(
  { entries }: MapTree,
  what: string,
  path: readonly PropertyKey[],
  known: readonly string[],
  report: Report,
): void {
  for (const [name, { at }] of withoutMacro(entries, path, report)) {
    if (known.includes(name)) continue;
    report(problemAt(at, [...path, name], `${what} ${quoted(name)}`, suggestion(name, known, 'remove it')));
  }
}

/**
 * Returns a map whose misspelled members have the names that were meant: {@link checkMembers} reports them, and no other
 * problem follows from them.
 */
export function withMeantNames(map: MapTree, known: readonly string[]): MapTree {
  const { at, entries } = map;
  const meant = new Map(entries);
  for (const [name, entry] of entries) {
    if (known.includes(name) || name === MACRO) continue;
    const other = nearest(name, known);
    if (other === undefined || meant.has(other)) continue;
    meant.delete(name);
    meant.set(other, entry);
  }
  return mapTree(at, meant);
}

/** Returns the problem of a macro, which only AWS can run. */
export function transformProblem(tree: Tree, at: SourceOffset, path: readonly PropertyKey[]): Problem {
  const name = stringOf(tree) ?? (tree.type === 'map' ? stringOf(tree.entries.get('Name')?.value) : null);
  const message = `the transform ${name ?? ''} cannot be applied: AWS runs it when a stack is made`;
  return problemAt(at, path, message, PROCESSED);
}

/** Returns what a section has without a macro. Reports the macro. */
export function withoutMacro(
  entries: ReadonlyMap<string, MapEntry>,
  path: readonly PropertyKey[],
  report: Report,
): ReadonlyMap<string, MapEntry> {
  const macro = entries.get(MACRO);
  if (macro === undefined) return entries;
  report(transformProblem(macro.value, macro.at, [...path, MACRO]));
  return new Map([...entries].filter(([name]) => name !== MACRO));
}
