import junit from 'junit-report-builder';
import type { FleetReport } from '../../contract/fleet.js';
import type { Report } from '../../contract/report.js';
import { accountText, summaryText } from '../../report/fleet-words.js';
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

/** Renders the report of a fleet as JUnit XML. Each account is a test case. */
export function renderFleetJunit(report: FleetReport): string {
  const { command, namespace, environment, fleet, accounts } = report;
  const builder = junit.newBuilder();
  const suite = builder
    .testSuite()
    .name(`iam-bootstrap ${command} ${plain(namespace)} (${plain(environment)})`)
    .timestamp(report.startedAt)
    .time(report.durationMs / 1000)
    .property('fleet', plain(fleet))
    .property('run', plain(report.workflow.runId));
  for (const account of accounts) {
    const test = suite
      .testCase()
      .className('account')
      .name(plain(accountText(account)))
      .time(account.durationMs / 1000);
    const { result, reason, remedy } = account;
    const why = [reason, remedy === null ? null : `Remedy: ${remedy}`].flatMap((line) =>
      line === null ? [] : [plain(line)],
    );
    if (result === 'skipped') test.skipped();
    else if (result !== 'converged' && result !== 'pending') test.failure(why.join('\n'), result);
    test.standardOutput([result, summaryText(account)].join(': '));
  }
  return builder.build();
}
