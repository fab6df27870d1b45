import { join } from 'node:path';
import { cliScenes } from '../../support/cli-scenes.js';
import { expectGolden } from '../../support/golden.js';

const FOLDER = join(__dirname, 'golden');

describe.each([60, 80, 120])('on a terminal of %i columns', (columns) => {
  test.each(Object.entries(cliScenes()))('%s', (name, scene) => {
    expectGolden(FOLDER, `${name}-${String(columns)}.txt`, scene(columns));
  });
});
