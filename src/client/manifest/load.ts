import { basename, dirname, extname, resolve } from 'node:path';
import type {
  ManifestOptions,
  ManifestResult,
  ManifestSource,
  Problem,
  Validation,
} from '../../engine/manifest/resolve.js';
import { resolveManifest, validateManifests } from '../../engine/manifest/resolve.js';
import { loadProgram } from './program.js';
import { assertReadable, fileErrorText, readReferencedFile, readStandardInput, readTextFile } from './read-file.js';

/** The file name that stands for standard input. */
const STANDARD_INPUT = '-';

/** The name of standard input in problems. */
const STANDARD_INPUT_NAME = '(standard input)';

const TEXT_EXTENSIONS: ReadonlySet<string> = new Set(['.yaml', '.yml', '.json']);
const PROGRAM_EXTENSIONS: ReadonlySet<string> = new Set(['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs']);

/** Options of loading manifests. */
export type LoadOptions = Omit<ManifestOptions, 'readFile' | 'manifestName'> & {
  /** The folder of relative paths. Default: the working directory. */
  readonly cwd?: string | undefined;
  /** Returns the text for `-`. Default: reads standard input. */
  readonly standardInput?: (() => Promise<string>) | undefined;
};

/** Files as sources for the engine, with the problems of those that could not be read. */
export interface LoadedSources {
  /** The files that were read. */
  readonly sources: readonly ManifestSource[];
  /** One problem for each other file. */
  readonly problems: readonly Problem[];
}

/** Reads manifests and resolves them into one request for one environment. */
export async function loadManifest(files: readonly string[], options: LoadOptions): Promise<ManifestResult> {
  const { sources, problems } = await loadSources(files, options);
  if (problems.length > 0 && sources.length === 0) return { ok: false, problems, warnings: [] };
  const result = resolveManifest(sources, engineOptions(files, options));
  if (problems.length === 0) return result;
  return { ok: false, problems: [...problems, ...(result.ok ? [] : result.problems)], warnings: result.warnings };
}

/** Reads manifests and checks them for every environment, or for the selected one. */
export async function validateManifestFiles(files: readonly string[], options: LoadOptions): Promise<Validation> {
  const { sources, problems } = await loadSources(files, options);
  if (problems.length > 0 && sources.length === 0) return { ok: false, problems, warnings: [], resolved: [] };
  const result = validateManifests(sources, engineOptions(files, options));
  return { ...result, ok: result.ok && problems.length === 0, problems: [...problems, ...result.problems] };
}

function engineOptions(files: readonly string[], options: LoadOptions): ManifestOptions {
  const cwd = options.cwd ?? process.cwd();
  return {
    kinds: options.kinds,
    environment: options.environment,
    variables: options.variables,
    adopt: options.adopt,
    removeUnmanaged: options.removeUnmanaged,
    keepGoing: options.keepGoing,
    pipeline: options.pipeline,
    readFile: (path, from) =>
      readReferencedFile(path, from === STANDARD_INPUT_NAME ? cwd : dirname(resolve(cwd, from))),
    manifestName: files.map((file) => (file === STANDARD_INPUT ? STANDARD_INPUT_NAME : file)).join(', '),
  };
}

/** Reads files as sources: YAML and JSON as text, programs with a loader that is only imported for them. */
export async function loadSources(
  files: readonly string[],
  options: Pick<LoadOptions, 'cwd' | 'standardInput'> = {},
): Promise<LoadedSources> {
  const sources: ManifestSource[] = [];
  const problems: Problem[] = [];
  for (const file of files) {
    const loaded = await loadSource(file, options);
    if ('message' in loaded) problems.push(loaded);
    else sources.push(loaded);
  }
  return { sources, problems };
}

async function loadSource(
  file: string,
  { cwd = process.cwd(), standardInput = readStandardInput }: Pick<LoadOptions, 'cwd' | 'standardInput'>,
): Promise<ManifestSource | Problem> {
  if (file === STANDARD_INPUT) {
    try {
      return { file: STANDARD_INPUT_NAME, text: await standardInput() };
    } catch (error) {
      const message = `the manifest cannot be read: ${fileErrorText(error)}`;
      return fileProblem(STANDARD_INPUT_NAME, message, 'check the input of the command');
    }
  }
  const path = resolve(cwd, file);
  const extension = extname(file).toLowerCase();
  if (!TEXT_EXTENSIONS.has(extension) && !PROGRAM_EXTENSIONS.has(extension)) {
    return fileProblem(
      file,
      `${basename(file)} has no file type of a manifest`,
      `use a file that ends in ${[...TEXT_EXTENSIONS, ...PROGRAM_EXTENSIONS].join(', ')}`,
    );
  }
  try {
    if (TEXT_EXTENSIONS.has(extension)) return { file, text: readTextFile(path) };
    assertReadable(path);
  } catch (error) {
    return fileProblem(file, `${file} cannot be read: ${fileErrorText(error)}`, 'check the path given with -f');
  }
  return loadProgram(file, path);
}

function fileProblem(file: string, message: string, remedy: string): Problem {
  return { file, line: 0, column: 0, path: '', message, remedy };
}
