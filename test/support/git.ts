import { execFileSync } from 'node:child_process';

/** Commits everything in a folder, at a time, in a new repository where it has none. Returns the commit. */
export function commitAll(folder: string, seconds: number): string {
  const at = `${String(seconds)} +0000`;
  const git = (...args: readonly string[]): string =>
    execFileSync('git', ['-C', folder, '-c', 'user.name=a', '-c', 'user.email=a@example.com', ...args], {
      env: { PATH: process.env['PATH'], HOME: folder, GIT_COMMITTER_DATE: at, GIT_AUTHOR_DATE: at },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim();
  git('init', '-q');
  git('add', '.');
  git('-c', 'commit.gpgsign=false', 'commit', '-qm', 'a');
  return git('rev-parse', 'HEAD');
}
