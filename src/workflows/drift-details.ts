import type { DriftRecord } from '../contract/drift-record.js';
import { causeText, differenceLines, driftStateText } from '../report/drift-record.js';
import { code, page, plain, table } from '../report/markdown.js';

/** Returns the page of a drift record: what differs, since when and by whom, and what has ended. */
export function driftRecordDetails(record: DriftRecord): string {
  const { drifted, inDrift, ended, lookedAt, lookedBy, failed } = record;
  const rows = drifted.map((entity) => [
    code(`${entity.kind}/${entity.name}`),
    plain(entity.since),
    plain(differenceLines(entity).join('; ')),
    entity.cause === null ? '' : plain(causeText(entity.cause)),
  ]);
  const past = ended.map(({ kind, name, since, endedAt, how }) => [
    code(`${kind}/${name}`),
    plain(since),
    plain(endedAt),
    how,
  ]);
  const looked = lookedAt === null ? [] : [`Looked at ${plain(lookedAt)} by ${code(lookedBy?.workflowId ?? '')}.`];
  const more = inDrift > drifted.length ? [`${String(inDrift - drifted.length)} more in drift`] : [];
  return page([
    `${plain(driftStateText(record))}.`,
    ...looked,
    ...(failed === null ? [] : [`Could not look at ${plain(failed.at)}: ${plain(failed.reason)}`]),
    ...table(['entity', 'in drift since', 'difference', 'probable cause'], rows),
    ...more,
    ...table(['entity', 'was in drift since', 'until', 'ended'], past),
  ]);
}
