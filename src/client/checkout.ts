import { execFile } from 'node:child_process';
import { dirname, resolve } from 'node:path';
import type { Pipeline } from '../contract/entity.js';
import type { Revision } from '../contract/revision.js';
import type { Problem } from '../engine/manifest/problem.js';

/** The time by which the clocks of two machines may differ before a commit counts as dated in the future. */
const MAX_CLOCK_SKEW_MS = 10 * 60_000;

/** The origin of manifests: who asks, at which commit, and the revision that orders them. */
export interface Origin {
  readonly pipeline: Pipeline;
  readonly revision?: Revision | undefined;
  /** Reports a missing revision in CI, where a job may rely on it. */
  readonly warning?: Problem;
  /** Reports a revision that must not be used. */
  readonly problem?: Problem;
}

/** Options of {@link originOf}. */
interface OriginOptions {
  readonly given?: number | undefined;
  readonly pipeline: Pipeline;
  readonly cwd?: string | undefined;
}

/**
 * Returns the origin of manifests. The revision is the given one, else in CI the time of the commit that is checked out.
 * Both time and commit come from the checkout: the commit that a CI service names may be another one, such as the merge
 * commit of a pull request.
 */
export async function originOf(
  files: readonly string[],
  { given, pipeline, cwd = process.cwd() }: OriginOptions,
): Promise<Origin> {
  const source = given === undefined ? undefined : ({ value: given, source: 'given' } as const);
  if (pipeline.provider === 'local') return { pipeline, revision: source };
  const [file = '-'] = files;
  const folder = file === '-' ? cwd : dirname(resolve(cwd, file));
  const head = await readHead(folder);
  if ('failure' in head) {
    return { pipeline, revision: source, ...(source === undefined ? { warning: missingRevision(file, head) } : {}) };
  }
  const found = { pipeline: { ...pipeline, commit: head.commit }, revision: source ?? head.revision };
  const isFuture = head.revision.value * 1000 > Date.now() + MAX_CLOCK_SKEW_MS;
  return source === undefined && isFuture ? { ...found, problem: futureCommit(file, head) } : found;
}

interface Head {
  readonly commit: string;
  readonly revision: Revision;
}

/** The reason why git does not name a commit, in its own words, and what to do. */
interface MissingHead {
  readonly failure: string;
  readonly remedy: string;
}

/** Reads the commit that is checked out in a folder. */
function readHead(cwd: string): Promise<Head | MissingHead> {
  const args = ['log', '-1', '--no-show-signature', '--format=%H %ct', 'HEAD'];
  return new Promise((done) => {
    execFile('git', args, { cwd, timeout: 10_000 }, (error, stdout, stderr) => {
      const [, commit = '', seconds] = /^([0-9a-f]{40,64}) (\d{1,12})\s*$/.exec(stdout) ?? [];
      if (error === null && seconds !== undefined) {
        done({ commit, revision: { value: Number(seconds), source: 'commit-time' } });
        return;
      }
      const words = stderr.split('\n').find((line) => line.trim() !== '') ?? error?.message ?? 'git printed no commit';
      done({ failure: words.trim(), remedy: remedyFor(stderr) });
    });
  });
}

/** Git refuses the checkout of another user, as in a container job whose user is not the owner of the workspace. */
function remedyFor(stderr: string): string {
  const command = /git config --global --add safe\.directory .+/.exec(stderr)?.[0];
  return command === undefined
    ? 'check it out with git, or give --revision'
    : `run \`${command.trim()}\` before this command, or give --revision`;
}

function missingRevision(file: string, { failure, remedy }: MissingHead): Problem {
  const message = `no git commit found, so nothing prevents an older manifest from being applied after this one: ${failure}`;
  return { file, line: 0, column: 0, path: '', message, remedy };
}

function futureCommit(file: string, { commit, revision }: Head): Problem {
  const message = `commit ${commit} is dated in the future (${new Date(revision.value * 1000).toISOString()}); once applied, every later commit would count as older until then`;
  const remedy =
    'correct the clock of the machine that made it, then date it anew with `git commit --amend --no-edit`, or give --revision';
  return { file, line: 0, column: 0, path: '', message, remedy };
}
