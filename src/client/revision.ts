import { execFile } from 'node:child_process';
import { dirname, resolve } from 'node:path';
import type { Pipeline } from '../contract/entity.js';
import type { Revision } from '../contract/revision.js';

/** How new manifests are: what was given; in CI the time of the commit that is checked out; else nothing is known. */
export async function revisionOf(
  files: readonly string[],
  {
    given,
    pipeline,
    cwd = process.cwd(),
  }: { given?: number | undefined; pipeline: Pipeline; cwd?: string | undefined },
): Promise<Revision | undefined> {
  if (given !== undefined) return { value: given, source: 'given' };
  if (pipeline.provider === 'local') return undefined;
  const [file = '-'] = files;
  const seconds = await commitTime(file === '-' ? cwd : dirname(resolve(cwd, file)));
  return seconds === undefined ? undefined : { value: seconds, source: 'commit-time' };
}

/** Of the commit that is checked out in a folder, in seconds; undefined where git does not say. */
function commitTime(cwd: string): Promise<number | undefined> {
  return new Promise((done) => {
    execFile(
      'git',
      ['log', '-1', '--no-show-signature', '--format=%ct', 'HEAD'],
      { cwd, timeout: 10_000 },
      (error, stdout) => {
        done(error === null && /^\d{1,12}\s*$/.test(stdout) ? Number(stdout) : undefined);
      },
    );
  });
}
