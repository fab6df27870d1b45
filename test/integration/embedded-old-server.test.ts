import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '../../src/config/config.js';
import { buildCliWithGo, goBuildDirectory } from '../../src/embedded/cli-sources.js';
import { manifestOf, role } from '../support/manifests-of.js';
import { ACCOUNT, startWorld } from '../support/world.js';

/** A smoke test on the oldest server that embedded mode can start: Temporal CLI v1.5.1 (Server 1.29.1), built with Go. */

const { cacheDirectory, environment } = loadConfig();
const options = { cacheDirectory, environment, announce: (line: string) => process.stderr.write(`${line}\n`) };

/** The build takes 5 minutes, so it starts only where IAM_BOOTSTRAP_OLD_SERVER=1 asks for it. */
const canRun =
  existsSync(join(goBuildDirectory(options), 'temporal')) ||
  (environment['IAM_BOOTSTRAP_OLD_SERVER'] === '1' &&
    spawnSync('/bin/sh', ['-c', 'command -v "$0"', 'go']).status === 0);

const title = 'a run creates, and after a crash of the server the next run finds no change';
const skipReason = 'Temporal CLI v1.5.1 is not in the cache; with Go, IAM_BOOTSTRAP_OLD_SERVER=1 builds it';

(canRun ? test : test.skip)(
  canRun ? title : `${title} (skipped: ${skipReason})`,
  async () => {
    process.env['IAM_BOOTSTRAP_TEMPORAL_CLI'] = await buildCliWithGo(options);
    const world = await startWorld({ databaseFile: true });
    try {
      await world.startWorker();
      const entities = [role('old-server')];
      const path = await world.manifest('m.json', manifestOf({ namespace: 'old', account: ACCOUNT, entities }));
      const apply = () => world.cli(['apply', '-f', path, '-o', 'json']);
      expect((await apply()).report()).toMatchObject({ result: 'converged', summary: { created: 1 } });
      await world.crashTemporal();
      await world.resumeTemporal();
      expect((await apply()).report()).toMatchObject({ result: 'converged', summary: { unchanged: 1 } });
    } finally {
      await world.stop();
    }
  },
  1_200_000,
);
