import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { ExitCode } from '../contract/failures.js';
import { NAMESPACE, ACCOUNT } from '../contract/request.js';
import { UserFacingError } from '../contract/user-facing-error.js';

/** CI services that there is a recipe for: docs/ci.md holds the same texts. */
export const CI_SERVICES = ['github', 'gitlab', 'jenkins', 'buildkite'] as const;
export type CiService = (typeof CI_SERVICES)[number];

/** Where each service looks for its file, the template of it, and what else shows that a repository uses the service. */
const CI: Readonly<
  Record<CiService, { readonly file: string; readonly template: string; readonly signs: readonly string[] }>
> = {
  github: { file: '.github/workflows/iam.yml', template: 'github.yml', signs: ['.github/workflows'] },
  gitlab: { file: '.gitlab-ci.yml', template: 'gitlab.yml', signs: [] },
  jenkins: { file: 'Jenkinsfile', template: 'Jenkinsfile', signs: [] },
  buildkite: { file: '.buildkite/pipeline.yml', template: 'buildkite.yml', signs: ['.buildkite'] },
};

/** The manifest that the recipes name. */
const MANIFEST = 'iam/bootstrap.yaml';

/** Files as the package brings them: this file is two folders below its root, in the sources and as built. */
const TEMPLATES = resolve(__dirname, '../../templates');

/** What to write for a repository. */
export interface InitOptions {
  /** The root of the repository. */
  readonly directory: string;
  readonly ci: CiService;
  /** Where the service's file goes. Default: where the service looks for it. */
  readonly ciFile?: string | undefined;
  /** The owner that the manifest names: 1 to 63 lower-case letters, digits and hyphens. */
  readonly namespace: string;
  /** Twelve digits each; both may be the same account. */
  readonly accounts: { readonly dev: string; readonly prod: string };
  /** Write over files that are there. Default: false. */
  readonly force?: boolean;
}

/** Reports that `init` cannot write its files. */
export class InitError extends UserFacingError {
  override readonly name = 'InitError';
  override readonly exitCode = ExitCode.Usage;
}

/**
 * Writes a first manifest, and the recipe of a CI service for it: both or neither.
 *
 * @returns the paths of what was written, as they were asked for
 * @throws InitError
 */
export async function init(options: InitOptions): Promise<readonly string[]> {
  const { directory, ci, ciFile = CI[ci].file, force = false } = options;
  const files = [
    { path: MANIFEST, text: await manifestFor(options) },
    { path: ciFile, text: await template(CI[ci].template) },
  ];
  const present = files.filter(({ path }) => existsSync(resolve(directory, path))).map(({ path }) => path);
  if (present.length > 0 && !force) {
    throw new InitError(
      `${present.join(' and ')} ${present.length === 1 ? 'is' : 'are'} there already, and nothing was written`,
      present.includes(ciFile)
        ? 'name another file with --ci-file and take it up by hand; or write over what is there with --force'
        : 'write over what is there with --force',
    );
  }
  for (const { path, text } of files) {
    const place = resolve(directory, path);
    await mkdir(dirname(place), { recursive: true });
    await writeFile(place, text, { flag: force ? 'w' : 'wx' });
  }
  return files.map(({ path }) => path);
}

/** The CI service that a repository uses, by its files, else by where it is pushed to; undefined where none shows. */
export async function findCi(directory: string): Promise<CiService | undefined> {
  const used = CI_SERVICES.find((ci) =>
    [CI[ci].file, ...CI[ci].signs].some((path) => existsSync(join(directory, path))),
  );
  if (used !== undefined) return used;
  const remote = await git(directory, 'config', '--get', 'remote.origin.url');
  const host = /^(?:[a-z+]+:\/\/)?(?:[^@/]*@)?([^:/]+)/.exec(remote ?? '')?.[1] ?? '';
  return (['github', 'gitlab'] as const).find((ci) => host.includes(ci));
}

/** The root of the repository that a folder is in; undefined outside of one. */
export async function repositoryRoot(directory: string): Promise<string | undefined> {
  return git(directory, 'rev-parse', '--show-toplevel');
}

/** A namespace for a repository, after the name of its folder. */
export function namespaceFor(directory: string): string {
  const name = resolve(directory).split(/[\\/]/).at(-1) ?? '';
  const slug = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/^-/, '')
    .slice(0, 63)
    .replace(/-$/, '');
  return slug === '' ? 'platform' : slug;
}

/** The template, which is a manifest itself, with its names replaced by those that are asked for. */
async function manifestFor({ namespace, accounts: { dev, prod } }: InitOptions): Promise<string> {
  if (!NAMESPACE.test(namespace)) {
    throw new InitError(
      `${namespace} is no namespace`,
      'write 1 to 63 lower-case letters, digits and hyphens, beginning with a letter or digit',
    );
  }
  for (const [environment, account] of Object.entries({ dev, prod })) {
    if (!ACCOUNT.test(account)) {
      throw new InitError(`${account} is no account for ${environment}`, 'write the twelve digits of an AWS account');
    }
  }
  const assumed = dev === prod ? '' : `, assumeRole: 'arn:aws:iam::${prod}:role/iam-bootstrap'`;
  return (await template('bootstrap.yaml'))
    .replace(/^namespace: .*$/m, `namespace: '${namespace}'`)
    .replace(/^ {2}dev: .*$/m, `  dev: { account: '${dev}' }`)
    .replace(/^ {2}prod: .*$/m, `  prod: { account: '${prod}'${assumed} }`);
}

function template(name: string): Promise<string> {
  return readFile(join(TEMPLATES, name), 'utf8');
}

/** What git answers; undefined where it does not, or is not there. */
function git(directory: string, ...args: readonly string[]): Promise<string | undefined> {
  return new Promise((done) => {
    execFile('git', args, { cwd: directory }, (error, stdout) => {
      done(error === null && stdout.trim() !== '' ? stdout.trim() : undefined);
    });
  });
}
