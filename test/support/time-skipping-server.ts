import { execFile, spawnSync } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { loadConfig } from '../../src/config/config.js';
import { makeOnce } from '../../src/embedded/lock.js';
import { findTemporalCli } from '../../src/embedded/temporal-cli.js';

const VERSION = '1.32.0';

/** Characters of each reason why no time-skipping server could be had. */
const MAX_REASON_LENGTH = 100;

/** Limit of the download, in milliseconds: enough for 33 MB over a slow line. */
const DOWNLOAD_MS = 240_000;

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>iam-bootstrap</groupId>
  <artifactId>test-server</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>io.temporal</groupId>
      <artifactId>temporal-test-server</artifactId>
      <version>${VERSION}</version>
    </dependency>
  </dependencies>
</project>
`;

const run = promisify(execFile);

/** Reports whether Java and Maven, which run the time-skipping server, are installed. */
export function hasJavaAndMaven(): boolean {
  return ['java', 'mvn'].every((program) => spawnSync(program, ['-version']).status === 0);
}

/** Times that tests wait for, in milliseconds: days where time is skipped, seconds where it passes. */
export interface Durations {
  readonly approvalMs: number;
  readonly lockHeldMs: number;
  /** Time without progress after which a run ends. */
  readonly timeoutMs: number;
}

/** A Temporal server for workflow tests. */
export interface TestServer {
  readonly environment: TestWorkflowEnvironment;
  readonly durations: Durations;
}

/**
 * Starts Temporal's time-skipping test server: from Maven Central where Java and Maven are installed, else by the SDK's
 * own download. Where neither works, the dev server runs the same tests with short durations.
 */
export async function startTestServer(): Promise<TestServer> {
  const durations = { approvalMs: 3 * 24 * 3_600_000, lockHeldMs: 3_600_000, timeoutMs: 3_600_000 };
  const reasons: string[] = [];
  for (const executable of [mavenServer, () => undefined]) {
    try {
      const path = await executable();
      const server = path === undefined ? {} : { executable: { type: 'existing-path' as const, path } };
      return { environment: await TestWorkflowEnvironment.createTimeSkipping({ server }), durations };
    } catch (error) {
      reasons.push(String(error).slice(0, MAX_REASON_LENGTH));
    }
  }
  process.stderr.write(`no time-skipping server, so these tests run in real time: ${reasons.join('; ')}\n`);
  const { cacheDirectory, environment, temporalCli } = loadConfig();
  const { path } = await findTemporalCli({ cacheDirectory, environment, path: temporalCli });
  const server = { executable: { type: 'existing-path' as const, path } };
  return {
    environment: await TestWorkflowEnvironment.createLocal({ server }),
    durations: { approvalMs: 3_000, lockHeldMs: 8_000, timeoutMs: 4_000 },
  };
}

/** Returns the launcher of the server of Maven Central. What was downloaded stays in the cache folder. */
async function mavenServer(): Promise<string> {
  const { cacheDirectory } = loadConfig();
  const folder = join(cacheDirectory, 'temporal-test-server', VERSION);
  await run('java', ['-version']);
  await mkdir(dirname(folder), { recursive: true });
  await makeOnce(
    folder,
    async (temporary) => {
      await mkdir(temporary);
      await writeFile(join(temporary, 'pom.xml'), POM);
      const goal = ['-q', '-B', 'dependency:copy-dependencies', '-DoutputDirectory=lib'];
      await run('mvn', goal, { cwd: temporary, timeout: DOWNLOAD_MS });
      const launcher = join(temporary, 'test-server');
      const java = `exec java -XX:TieredStopAtLevel=1 -cp "${folder}/lib/*" io.temporal.testserver.TestServer "$@" 2>/dev/null`;
      await writeFile(launcher, `#!/bin/sh\n${java}\n`);
      await chmod(launcher, 0o755);
    },
    { purpose: 'downloading the time-skipping server' },
  );
  return join(folder, 'test-server');
}
