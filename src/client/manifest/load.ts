import { readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, extname, join, resolve, sep } from 'node:path';
import { resolveManifest } from '../../engine/manifest/resolve.js';
import { optionProblem, sortProblems } from '../../engine/manifest/problem.js';
import type { ManifestOptions, ManifestResult, ManifestSource, Problem } from '../../engine/manifest/resolve.js';
import { validateManifests, type Validation } from '../../engine/manifest/validate.js';
import type { TemplateOptions } from '../cloudformation/template-options.js';
import {
  readTemplateSource,
  unusedTemplateOptions,
  variablesOfTemplates,
  type TemplateSource,
} from '../cloudformation/source.js';
import { loadProgram } from './program.js';

const STANDARD_INPUT = '-';

/** The name of standard input in problems and reports. */
export const STANDARD_INPUT_NAME = '(standard input)';

const TEXT_EXTENSIONS: ReadonlySet<string> = new Set(['.yaml', '.yml', '.json', '.template']);
const PROGRAM_EXTENSIONS: ReadonlySet<string> = new Set(['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs']);

/** Options of loading manifests. */
export type LoadOptions = Omit<ManifestOptions, 'readFile' | 'manifestName'> & {
  readonly cwd?: string | undefined;
  readonly standardInput?: (() => Promise<string>) | undefined;
  /** The stack of CloudFormation templates among the files. Default: no template is taken. */
  readonly template?: TemplateOptions | undefined;
};

/** The options of reading files. */
type SourceOptions = Pick<LoadOptions, 'cwd' | 'standardInput' | 'template' | 'environment'> & {
  readonly variables?: LoadOptions['variables'] | undefined;
};

/** Files as sources for the engine, with the problems of those that could not be read. */
export interface LoadedSources {
  readonly sources: readonly ManifestSource[];
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

/** Reads manifests and resolves them into one request for one environment. */
export async function loadManifest(files: readonly string[], options: LoadOptions): Promise<ManifestResult> {
  const { sources, problems, warnings: found } = await loadSources(files, options);
  if (problems.length > 0 && isUseless(sources)) return { ok: false, problems, warnings: [] };
  const result = resolveManifest(sources, engineOptions(files, options, sources));
  const warnings = [...found, ...result.warnings];
  if (problems.length === 0) return { ...result, warnings };
  const all = [...problems, ...(result.ok ? [] : result.problems)];
  return { ok: false, problems: sortProblems(all, namesOf(files)), warnings };
}

/** Reads manifests, with the options by which the engine resolves them. */
export async function openManifests(
  files: readonly string[],
  options: LoadOptions,
): Promise<LoadedSources & { readonly options: ManifestOptions }> {
  const loaded = await loadSources(files, options);
  return { ...loaded, options: engineOptions(files, options, loaded.sources) };
}

/** Reads manifests and checks them for every environment, or for the selected one. */
export async function validateManifestFiles(files: readonly string[], options: LoadOptions): Promise<Validation> {
  const { sources, problems, warnings } = await loadSources(files, options);
  if (problems.length > 0 && isUseless(sources)) return { ok: false, problems, warnings: [], resolved: [], fleets: [] };
  const result = validateManifests(sources, engineOptions(files, options, sources));
  return {
    ...result,
    ok: result.ok && problems.length === 0,
    problems: sortProblems([...problems, ...result.problems], namesOf(files)),
    warnings: [...warnings, ...result.warnings],
  };
}

/** Reports whether nothing more can be found: other files may refer to what a template with problems declares. */
export function isUseless(sources: readonly ManifestSource[]): boolean {
  return sources.length === 0 || sources.some((source) => 'tree' in source && source.tree === null);
}

function engineOptions(
  files: readonly string[],
  options: LoadOptions,
  sources: readonly ManifestSource[],
): ManifestOptions {
  const cwd = options.cwd ?? process.cwd();
  return {
    kinds: options.kinds,
    environment: options.environment,
    // Those of templates alone are refused where the templates are read.
    variables: areTemplates(sources) ? {} : options.variables,
    adopt: options.adopt,
    deleteTrusted: options.deleteTrusted,
    removeUnmanaged: options.removeUnmanaged,
    orphans: options.orphans,
    keepGoing: options.keepGoing,
    pipeline: options.pipeline,
    readFile: (path, from) =>
      readReferencedFile(path, from === STANDARD_INPUT_NAME ? cwd : dirname(resolve(cwd, from))),
    manifestName: manifestName(files),
  };
}

/** Returns the name of manifests in reports. */
export function manifestName(files: readonly string[]): string {
  return namesOf(files).join(', ');
}

function namesOf(files: readonly string[]): string[] {
  return files.map((file) => (file === STANDARD_INPUT ? STANDARD_INPUT_NAME : file));
}

/** Reports whether all sources are templates: only these are read before the engine gets them. */
function areTemplates(sources: readonly ManifestSource[]): boolean {
  return sources.length > 0 && sources.every((source) => 'tree' in source);
}

/** Reads files as sources: YAML, JSON and templates as text, programs with a loader that is only imported for them. */
export async function loadSources(files: readonly string[], options: SourceOptions = {}): Promise<LoadedSources> {
  const { template, environment, variables = {} } = options;
  const sources: ManifestSource[] = [];
  const templates: TemplateSource[] = [];
  const { distinct, problems } = distinctFiles(files, options);
  for (const file of distinct) {
    const loaded = await loadSource(file, options);
    if ('message' in loaded) {
      problems.push(loaded);
      continue;
    }
    const read = 'text' in loaded ? readTemplateSource(loaded.file, loaded.text, template, environment) : undefined;
    if (read !== undefined) templates.push(read);
    sources.push(read?.source ?? loaded);
  }
  problems.push(...templates.flatMap((one) => one.problems));
  // A file that could not be read may be a template.
  if (sources.length === distinct.length) {
    problems.push(...unusedTemplateOptions(templates, template));
    if (areTemplates(sources)) problems.push(...variablesOfTemplates(variables));
  }
  return {
    sources,
    problems: sortProblems(problems, namesOf(files)),
    warnings: templates.flatMap(({ warnings }) => warnings),
  };
}

/** Returns each file once, with the problems of those that are named again. */
function distinctFiles(
  files: readonly string[],
  { cwd = process.cwd() }: SourceOptions,
): { readonly distinct: readonly string[]; readonly problems: Problem[] } {
  const byPath = new Map<string, string>();
  const problems: Problem[] = [];
  for (const file of files) {
    const path = file === STANDARD_INPUT ? file : resolve(cwd, file);
    const first = byPath.get(path);
    if (first === undefined) byPath.set(path, file);
    else {
      const same = first === file ? '' : `, also as ${first}`;
      problems.push(optionProblem(`-f ${file}`, `the file is given more than once${same}`, 'name it once'));
    }
  }
  return { distinct: [...byPath.values()], problems };
}

async function loadSource(
  file: string,
  { cwd = process.cwd(), standardInput = readStandardInput }: SourceOptions,
): Promise<ManifestSource | Problem> {
  if (file === STANDARD_INPUT) {
    try {
      return { file: STANDARD_INPUT_NAME, text: await standardInput() };
    } catch (error) {
      const message = `cannot be read: ${fileErrorText(error)}`;
      return fileProblem(STANDARD_INPUT_NAME, message, 'check the input of the command');
    }
  }
  const path = resolve(cwd, file);
  const extension = extname(file).toLowerCase();
  if (!TEXT_EXTENSIONS.has(extension) && !PROGRAM_EXTENSIONS.has(extension)) {
    return fileProblem(
      file,
      'unknown file type',
      `use a file that ends in ${[...TEXT_EXTENSIONS, ...PROGRAM_EXTENSIONS].join(', ')}`,
    );
  }
  try {
    if (TEXT_EXTENSIONS.has(extension)) return { file, text: readTextFile(path) };
    assertReadable(path);
  } catch (error) {
    return fileProblem(file, `cannot be read: ${fileErrorText(error)}`, 'check the path given with -f');
  }
  return loadProgram(file, path);
}

function fileProblem(file: string, message: string, remedy: string): Problem {
  return { file, line: 0, column: 0, path: '', message, remedy };
}

/** The largest file that is read. The engine has a limit of its own, in characters. */
const MAX_BYTES = 8_000_000;

/** Reads standard input as text. */
export async function readStandardInput(): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin) {
    const part = Buffer.from(chunk as Uint8Array);
    bytes += part.length;
    // A pipe may never end.
    if (bytes > MAX_BYTES) throw new Error(`it has more than ${String(MAX_BYTES)} bytes`);
    chunks.push(part);
  }
  return decode(Buffer.concat(chunks));
}

/** Reads a file that a manifest refers to. A link must stay inside the manifest's folder. */
export function readReferencedFile(path: string, folder: string): string {
  const root = realpathSync(folder);
  let real: string;
  try {
    real = realpathSync(join(root, path));
  } catch (error) {
    throw new Error(fileErrorText(error), { cause: error });
  }
  if (!real.startsWith(root.endsWith(sep) ? root : root + sep)) {
    throw new Error("it is a link that leaves the manifest's folder");
  }
  try {
    return readTextFile(real);
  } catch (error) {
    throw new Error(fileErrorText(error), { cause: error });
  }
}

/** Reads a regular file as text. */
export function readTextFile(path: string): string {
  assertReadable(path);
  return decode(readFileSync(path));
}

/** @throws Error where a path is not a regular file of a permitted size */
export function assertReadable(path: string): void {
  const stat = statSync(path);
  if (stat.isDirectory()) throw new Error('it is a folder');
  // A pipe or a device may never end.
  if (!stat.isFile()) throw new Error('it is not a regular file');
  if (stat.size > MAX_BYTES) throw new Error(`it has ${String(stat.size)} bytes, more than ${String(MAX_BYTES)}`);
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new Error('it is not UTF-8 text', { cause: error });
  }
}

/** Describes an error of the file system without its path, which may make sense on this machine only. */
export function fileErrorText(error: unknown): string {
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'there is no such file';
    case 'EACCES':
    case 'EPERM':
      return 'permission denied';
    case 'ELOOP':
      return 'its links form a loop';
    default:
      return typeof code === 'string' ? code : String(message);
  }
}
