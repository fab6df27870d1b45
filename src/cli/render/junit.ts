import junit from 'junit-report-builder';
import type { Report } from '../../contract/report.js';
import { linesOf } from '../../report/entity-lines.js';
import { wordOf } from '../../report/words.js';
import { plain } from '../terminal.js';

/** Renders a plan or a report as JUnit XML, which CI services show as tests. Each entity is a test case. */
export function renderJunit(report: Report): string {
  const { command, namespace, environment, account, entities, reason, remedy } = report;
  const builder = junit.newBuilder();
  const suite = builder
    .testSuite()
    .name(`iam-bootstrap ${command} ${plain(namespace)} (${plain(environment)})`)
    .timestamp(report.startedAt)
    .time(report.durationMs / 1000)
    .property('account', account)
    .property('run', plain(report.workflow.url ?? report.workflow.runId));
  for (const entity of entities) {
    const test = suite
      .testCase()
      .className(entity.kind)
      .name(plain(`${entity.kind}/${entity.name}`));
    const why = [entity.reason, entity.remedy === null ? null : `Remedy: ${entity.remedy}`].flatMap((line) =>
      line === null ? [] : [plain(line)],
    );
    if (entity.source !== undefined) test.file(plain(entity.source.file));
    if (entity.outcome === 'refused' || entity.outcome === 'failed' || entity.outcome === 'cancelled') {
      test.failure(why.join('\n'), entity.outcome);
    } else if (entity.outcome === 'skipped') test.skipped();
    const lines = linesOf(entity, { grants: true }).map(
      ({ sign, depth, text }) => `${'  '.repeat(depth)}${sign === '' ? '' : `${sign} `}${plain(text)}`,
    );
    // The builder escapes the first end of a CDATA section only.
    test.standardOutput([plain(wordOf(report, entity)), ...lines].join('\n').replaceAll(']]>', ']] >'));
  }
  if (reason !== null) {
    const lines = remedy === null ? [reason] : [reason, `Remedy: ${remedy}`];
    suite.testCase().className('run').name('the run').error(lines.map(plain).join('\n'));
  }
  return builder.build();
}
