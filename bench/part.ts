// Measures a few cases with the Node.js that runs it, and writes them into a file: part.ts FILE ROLES REPEATS. Runs on
// Temporal's own server with IAM_BOOTSTRAP_TEST_SERVER=postgresql. bench/run.ts starts it.
import { writeFile } from 'node:fs/promises';
import { play } from './cases.js';
import { LOOPBACK } from './conditions.js';
import { warm } from './contender.js';
import { seriesOf } from './figures.js';
import type { Sample } from './figures.js';
import type { Part } from './results.js';
import { Stage } from './stage.js';
import { shortStartsOf } from './starts.js';
import { rolesOf } from './workload.js';

async function main(): Promise<void> {
  const [file = '', roles = '50', repeats = '3'] = process.argv.slice(2);
  const stage = await Stage.start();
  try {
    const starts = await shortStartsOf(stage, Number(repeats));
    const samples: Sample[] = [];
    // The server stays: Temporal's own takes half a minute to notice that it was killed.
    const contender = { ...warm(stage), forget: () => Promise.resolve() };
    const round = {
      workload: rolesOf(Number(roles)),
      condition: LOOPBACK,
      cases: ['fresh', 'nothing to do'] as const,
      contenders: [contender],
      repeats: Number(repeats),
    };
    await play(stage, [round], (sample) => {
      samples.push(sample);
      return Promise.resolve();
    });
    const part: Omit<Part, 'name'> = { series: seriesOf(samples), starts };
    await writeFile(file, JSON.stringify(part));
  } finally {
    await stage.stop();
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
