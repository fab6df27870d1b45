import type { DesiredEntity } from '../../contract/entity.js';
import { counted } from '../../report/text.js';
import type { TemporalConnection } from '../../temporal/connect.js';
import { hasFailed, isWrongAccountReport, needsExplanation } from './entity-run.js';
import { requestOf } from './known-runs.js';
import { findDeclared } from './query.js';
import type { RunRecord } from './run-records.js';

const MAX_EXPLAINED = 20;

/** Returns the entities of a bootstrap run that need an explanation, and what is to be said of the others. */
export async function entitiesToExplain(
  temporal: TemporalConnection,
  run: RunRecord,
): Promise<{ readonly entities: readonly DesiredEntity[]; readonly notes: readonly string[] }> {
  const notes: string[] = [];
  if (run.reference.endedAt === null) notes.push('the run is still open: its outcome is unknown');
  else if (run.report === null) notes.push('the run ended without a report: it was cancelled or terminated');
  const declared = (await requestOf(temporal, run))?.entities ?? [];
  if (run.report === null) return { entities: [], notes };
  if (isWrongAccountReport(run.report)) return { entities: declared.slice(0, MAX_EXPLAINED), notes };
  const { reason, entities, result } = run.report;
  const explainable = entities.filter((entity) => needsExplanation(entity) || hasFailed(entity));
  if (explainable.length > MAX_EXPLAINED) {
    notes.push(
      `${String(explainable.length)} entities had a conflict or failed; the first ${String(MAX_EXPLAINED)} are explained`,
    );
  }
  if (explainable.length === 0) {
    const total = `${counted(entities.length, 'entity', 'entities')}, ${result}`;
    notes.push(`the run met no conflict: ${reason ?? total}`);
  }
  return { entities: explainable.slice(0, MAX_EXPLAINED).map((report) => findDeclared(declared, report)), notes };
}
