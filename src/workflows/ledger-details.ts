import type { DeclaringManifest } from '../contract/declarations.js';
import type { EntityClaim } from '../contract/entity-claims.js';
import type { AppliedRevision } from '../contract/revision.js';
import { code, page, plain, table } from '../report/markdown.js';
import { revisionText } from '../report/text.js';

/** Manifests that the page of a namespace's ledger lists. */
const MAX_ROWS = 50;

/** Returns the page of a ledger: the last revision of each source, and the number of entities of each manifest. */
export function ledgerDetails(
  applied: readonly AppliedRevision[],
  declarations: readonly DeclaringManifest[] = [],
): string {
  const rows = applied.map((revision) => [
    code(revision.environment),
    code(revisionText(revision, revision.commit)),
    code(revision.url ?? 'unknown'),
    plain(revision.at),
  ]);
  const counts = new Map<string, number>();
  for (const { manifest, environment } of declarations) {
    const name = `${manifest} (${environment})`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const manifests = [...counts].map(([name, count]) => [code(name), String(count)]);
  return page([
    ...(rows.length === 0
      ? ['No revision was applied yet.']
      : table(['environment', 'last revision', 'by', 'at'], rows)),
    ...table(['manifest', 'entities'], manifests, MAX_ROWS),
  ]);
}

/** Entity claims that the page of an account's ledger lists. */
const MAX_CLAIMS_SHOWN = 100;

/** Returns the page of an account's ledger: the namespaces that declare entities without tags. */
export function accountLedgerDetails(claims: readonly EntityClaim[]): string {
  if (claims.length === 0) return page(['No entity is claimed.']);
  const rows = claims.slice(-MAX_CLAIMS_SHOWN).map(({ id, namespace, at }) => [code(id), code(namespace), plain(at)]);
  const omitted = claims.length - rows.length;
  return page([
    ...table(['entity', 'declared by', 'since'], rows),
    ...(omitted > 0 ? [`${String(omitted)} earlier claims`] : []),
  ]);
}
