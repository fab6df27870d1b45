import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { ExitCode } from '../contract/failures.js';
import { ACCOUNT, NAMESPACE } from '../contract/request.js';
import { UserFacingError } from '../contract/user-facing-error.js';
import { makeFolder } from '../files/make-folder.js';
import { writeErrorText } from '../files/write-error.js';

/** The CI services with a recipe. docs/ci.md holds the same texts. */
export const CI_SERVICES = ['github', 'gitlab', 'jenkins', 'buildkite'] as const;
/** A CI service with a recipe. */
export type CiService = (typeof CI_SERVICES)[number];

/** The file that each service reads, its template, and other paths that show that a repository uses the service. */
const CI: Readonly<
  Record<CiService, { readonly file: string; readonly template: string; readonly signs: readonly string[] }>
> = {
  github: { file: '.github/workflows/iam.yml', template: 'github.yml', signs: ['.github/workflows'] },
  gitlab: { file: '.gitlab-ci.yml', template: 'gitlab.yml', signs: [] },
  jenkins: { file: 'Jenkinsfile', template: 'Jenkinsfile', signs: [] },
  buildkite: { file: '.buildkite/pipeline.yml', template: 'buildkite.yml', signs: ['.buildkite'] },
};

/** The manifest that `init` writes, and that commands read where no other one is named. */
export const DEFAULT_MANIFEST = 'iam/bootstrap.yaml';

/** The templates of the package: this file is two folders below its root, both in src/ and in dist/. */
const TEMPLATES = resolve(__dirname, '../../templates');

/** Options of writing the first files of a repository. */
export interface InitOptions {
  readonly directory: string;
  readonly ci: CiService;
  readonly ciFile?: string | undefined;
  /** The owner that the manifest names: 1 to 63 lower-case letters, digits and hyphens. */
  readonly namespace: string;
  /** Twelve digits each; both may be the same account. */
  readonly accounts: { readonly dev: string; readonly prod: string };
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
 * @returns the paths of the written files, relative to the directory
 * @throws InitError
 */
export async function init(options: InitOptions): Promise<readonly string[]> {
  const { directory, ci, ciFile = CI[ci].file, force = false } = options;
  const files = [
    { path: DEFAULT_MANIFEST, text: await manifestFor(options) },
    { path: ciFile, text: await template(CI[ci].template) },
  ];
  const present = files.filter(({ path }) => existsSync(resolve(directory, path))).map(({ path }) => path);
  if (present.length > 0 && !force) {
    throw new InitError(
      `${present.join(' and ')} already ${present.length === 1 ? 'exists' : 'exist'}; nothing was written`,
      present.includes(ciFile)
        ? 'name another file with --ci-file and merge it by hand, or overwrite existing files with --force'
        : 'overwrite it with --force',
    );
  }
  for (const { path } of files) await explained(path, () => makeFolder(dirname(resolve(directory, path))));
  for (const { path, text } of files) {
    await explained(path, () => writeFile(resolve(directory, path), text, { flag: force ? 'w' : 'wx' }));
  }
  return files.map(({ path }) => path);
}

async function explained(path: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw new InitError(
      `${path} cannot be written: ${writeErrorText(error)}`,
      'make its folder writable, or name another --ci-file',
    );
  }
}

/** Finds the CI service of a repository by its files, else by its remote. Undefined where neither shows one. */
export async function findCi(directory: string): Promise<CiService | undefined> {
  const used = CI_SERVICES.find((ci) =>
    [CI[ci].file, ...CI[ci].signs].some((path) => existsSync(join(directory, path))),
  );
  if (used !== undefined) return used;
  const remote = await git(directory, 'config', '--get', 'remote.origin.url');
  const host = /^(?:[a-z+]+:\/\/)?(?:[^@/]*@)?([^:/]+)/.exec(remote ?? '')?.[1] ?? '';
  return (['github', 'gitlab'] as const).find((ci) => host.includes(ci));
}

/** Returns the root of the repository that contains a folder. Undefined outside a repository. */
export async function repositoryRoot(directory: string): Promise<string | undefined> {
  return git(directory, 'rev-parse', '--show-toplevel');
}

/** Returns a namespace for a repository, derived from the name of its folder. */
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

/** Returns why a text is no namespace. Undefined where it is one. */
export function namespaceProblem(text: string): InitError | undefined {
  if (NAMESPACE.test(text)) return undefined;
  return new InitError(
    `${text === '' ? 'an empty text' : text} is not a valid namespace`,
    'write 1 to 63 lower-case letters, digits and hyphens, starting with a letter or digit',
  );
}

/** Returns why a text is no account of an environment. Undefined where it is one. */
export function accountProblem(environment: string, text: string): InitError | undefined {
  if (ACCOUNT.test(text)) return undefined;
  return new InitError(
    `${text === '' ? 'an empty text' : text} is not a valid account for ${environment}`,
    'write the twelve digits of an AWS account',
  );
}

/** Returns why a text is no CI service. Undefined where it is one. */
export function ciServiceProblem(text: string): InitError | undefined {
  if (CI_SERVICES.some((name) => name === text)) return undefined;
  return new InitError(`unknown CI service: ${text}`, `choose one of ${CI_SERVICES.join(', ')}`);
}

/** Fills the template, which is itself a valid manifest, with the given names. */
async function manifestFor({ namespace, accounts: { dev, prod } }: InitOptions): Promise<string> {
  for (const problem of [namespaceProblem(namespace), accountProblem('dev', dev), accountProblem('prod', prod)]) {
    if (problem !== undefined) throw problem;
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

/** Runs git and returns its output. Undefined where git fails or is not installed. */
function git(directory: string, ...args: readonly string[]): Promise<string | undefined> {
  return new Promise((done) => {
    execFile('git', args, { cwd: directory }, (error, stdout) => {
      done(error === null && stdout.trim() !== '' ? stdout.trim() : undefined);
    });
  });
}
