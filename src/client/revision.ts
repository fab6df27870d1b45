import { execFile } from 'node:child_process';
import { dirname, resolve } from 'node:path';
import type { Pipeline } from '../contract/entity.js';
import type { Revision } from '../contract/revision.js';

/** Returns the revision of manifests: the given one, else in CI the time of the commit that is checked out. */
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

/** Returns the time of the commit that is checked out in a folder, in seconds. Undefined outside a repository. */
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
