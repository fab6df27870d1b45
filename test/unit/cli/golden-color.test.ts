import { join } from 'node:path';
import { expectGolden } from '../../support/golden.js';

// The package of colors reads the environment when it is loaded.
delete process.env['NO_COLOR'];
process.env['FORCE_COLOR'] = '1';
process.env['FORCE_HYPERLINK'] = '1';

test('in color, with links', async () => {
  const { cliScenes } = await import('../../support/cli-scenes.js');
  for (const [name, scene] of Object.entries(cliScenes())) {
    const text = scene(80).replaceAll('\u001b', '\\e').replaceAll('\u0007', '\\a');
    expectGolden(join(__dirname, 'golden'), `${name}-color.txt`, text);
  }
});
