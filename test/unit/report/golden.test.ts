import { join } from 'node:path';
import { nextLines } from '../../../src/cli/next-command.js';
import { renderReport } from '../../../src/cli/render/report.js';
import { renderSummary } from '../../../src/cli/render/summary.js';
import { wrapped } from '../../../src/cli/terminal.js';
import type { Report } from '../../../src/contract/report.js';
import { progressDetails, reportDetails } from '../../../src/workflows/details.js';
import { expectGolden } from '../../support/golden.js';
import { reportScenes } from '../../support/report-scenes.js';

const FOLDER = join(__dirname, 'golden');

const SCENES = Object.entries(reportScenes());

const OPTIONS = {
  file: ['iam/bootstrap.yaml'],
  environment: 'prod',
  var: {},
  output: 'text',
  keepGoing: false,
  waitTimeout: 0,
} as const;

function textOf(name: string, report: Report): string {
  const command = name === 'destroy' || name === 'release' ? name : 'apply';
  return renderReport(report, { next: report.command === 'plan' ? nextLines(report, command, OPTIONS) : [] });
}

describe.each([60, 80, 120])('on a terminal of %i columns', (columns) => {
  test.each(SCENES)('%s', (name, report) => {
    expectGolden(FOLDER, `${name}-${String(columns)}.txt`, wrapped(textOf(name, report), { isTTY: true, columns }));
  });
});

test.each(SCENES)('the summary of a job: %s', (name, report) => {
  expectGolden(FOLDER, `${name}.md`, renderSummary(report));
});

describe('in the Temporal UI', () => {
  test('a plan that waits for an approval', () => {
    const report = reportScenes()['fresh'];
    if (report === undefined) throw new RangeError('no such scene');
    const pending = {
      plan: `sha256:${'0'.repeat(64)}`,
      openedAt: 'now',
      expiresAt: '2024-01-02T00:00:00.000Z',
      report,
    };
    const progress = { phase: 'awaiting approval', done: 0, total: 6, entities: [], waitingFor: null } as const;
    expectGolden(FOLDER, 'approval-page.md', progressDetails(progress, pending, { count: 0, last: '' }));
  });

  test('a run that was cancelled', () => {
    const report = reportScenes()['cancelled'];
    if (report === undefined) throw new RangeError('no such scene');
    expectGolden(FOLDER, 'cancelled-page.md', reportDetails(report));
  });
});
