import { join } from 'node:path';
import { expectGolden } from '../../support/golden.js';
import { reportScenes } from '../../support/report-scenes.js';

// The package of colors reads the environment when it is loaded.
delete process.env['NO_COLOR'];
process.env['FORCE_COLOR'] = '1';

test.each(Object.entries(reportScenes()))('in color: %s', async (name, report) => {
  const { renderReport } = await import('../../../src/cli/render/report.js');
  const { wrapped } = await import('../../../src/cli/terminal.js');
  const text = wrapped(renderReport(report), { isTTY: true, columns: 80 });
  expectGolden(join(__dirname, 'golden'), `${name}-color.txt`, text.replaceAll('\u001b', '\\e'));
});
