import type { Json } from '../../contract/entity.js';
import { isObject, jsonFrom, ownValue } from '../json.js';
import { canonicalStatement, statementsOf, type DocumentContext } from './canonical.js';
import { showValue } from './diff.js';

/**
 * Lists the differences of two equivalent documents in Sid and Id, which have no effect on evaluation. The order of
 * statements, and how actions and keys are written, count as the same text: IAM's own tools rewrite them.
 */
export function cosmeticDifferences(desired: unknown, observed: unknown, context: DocumentContext): string[] {
  const [wanted, found] = [jsonFrom(desired), jsonFrom(observed)];
  if (!isObject(wanted) || !isObject(found)) return [];
  const [before, after] = [sidsByStatement(found, context), sidsByStatement(wanted, context)];
  const changes = [...after].map(([statement, sids]) => difference('Sid', before.get(statement) ?? [], sids));
  const ids = [found, wanted].map((document) => namesIn(ownValue(document, 'Id')));
  return [difference('Id', ids[0] ?? [], ids[1] ?? []), ...changes].filter((line) => line !== null);
}

/** Returns the Sids of each distinct statement: a statement may be there twice, under two of them. */
function sidsByStatement(
  document: Parameters<typeof statementsOf>[0],
  context: DocumentContext,
): ReadonlyMap<string, string[]> {
  const sids = new Map<string, string[]>();
  for (const statement of statementsOf(document)) {
    const text = JSON.stringify(canonicalStatement(statement, context));
    const sid = isObject(statement) ? namesIn(ownValue(statement, 'Sid')) : [];
    sids.set(text, [...(sids.get(text) ?? []), ...sid].sort());
  }
  return sids;
}

/** Returns a name as a list; an empty one is none. */
function namesIn(name: Json | undefined): string[] {
  return name === undefined || name === '' ? [] : [showValue(name)];
}

function difference(field: string, before: readonly string[], after: readonly string[]): string | null {
  const show = (names: readonly string[]): string => names.map((name) => `"${name}"`).join(', ') || 'none';
  return show(before) === show(after) ? null : `${field} ${show(before)} -> ${show(after)}`;
}
