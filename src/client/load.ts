import { createHash } from 'node:crypto';
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, extname, join, resolve, sep } from 'node:path';
import type { BootstrapRequest } from '../contract/request.js';
import type {
  ManifestContext,
  ManifestOptions,
  ManifestResult,
  ManifestSource,
  Problem,
  Validation,
} from '../engine/manifest/resolve.js';
import { sortedJson } from '../engine/json.js';
import { thrownField, thrownText } from '../engine/manifest/problem.js';
import { resolveManifest, validateManifests } from '../engine/manifest/resolve.js';

/** The file name that means standard input. */
const STANDARD_INPUT = '-';

/** What standard input is called in problems. */
const STANDARD_INPUT_NAME = '(standard input)';

const TEXT = new Set(['.yaml', '.yml', '.json']);
const PROGRAMS = new Set(['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs']);

/** Bytes of a file that are read at all; the engine has a limit of its own in characters. */
const MAX_BYTES = 8_000_000;

/** What loading needs; files are read here. */
export type LoadOptions = Omit<ManifestOptions, 'readFile' | 'manifestName'> & {
  /** Where relative paths start. Default: the working directory. */
  readonly cwd?: string | undefined;
  /** Gives the text for `-`. Default: standard input. */
  readonly standardInput?: (() => Promise<string>) | undefined;
};

/** Files as sources for the engine, and what kept some from being read. */
export interface LoadedSources {
  readonly sources: readonly ManifestSource[];
  readonly problems: readonly Problem[];
}

/** Reads manifests and makes one request of them for one environment. */
export async function loadManifest(files: readonly string[], options: LoadOptions): Promise<ManifestResult> {
  const { sources, problems } = await loadSources(files, options);
  if (problems.length > 0 && sources.length === 0) return { ok: false, problems, warnings: [] };
  const result = resolveManifest(sources, engineOptions(files, options));
  if (problems.length === 0) return result;
  return { ok: false, problems: [...problems, ...(result.ok ? [] : result.problems)], warnings: result.warnings };
}

/** Reads manifests and checks them for every environment, or for the one that is asked for. */
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
    readFile: (path, from) => readReferred(path, from === STANDARD_INPUT_NAME ? cwd : dirname(resolve(cwd, from))),
    manifestName: files.map((file) => (file === STANDARD_INPUT ? STANDARD_INPUT_NAME : file)).join(', '),
  };
}

/** Reads files as sources: YAML and JSON as text, programs through a loader that is only started for them. */
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
      const message = `the manifest cannot be read: ${reason(error)}`;
      return fileProblem(STANDARD_INPUT_NAME, message, 'check what is piped into the command');
    }
  }
  const path = resolve(cwd, file);
  const extension = extname(file).toLowerCase();
  if (!TEXT.has(extension) && !PROGRAMS.has(extension)) {
    return fileProblem(
      file,
      `${basename(file)} is of no type that a manifest can have`,
      `name a file that ends in ${[...TEXT, ...PROGRAMS].join(', ')}`,
    );
  }
  try {
    checkFile(path);
    if (TEXT.has(extension)) return { file, text: decode(await readFile(path)) };
  } catch (error) {
    return fileProblem(file, `${file} cannot be read: ${reason(error)}`, 'check the path given with -f');
  }
  return loadProgram(file, path);
}

async function readStandardInput(): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin) {
    const part = Buffer.from(chunk as Uint8Array);
    bytes += part.length;
    // What is piped in may never end.
    if (bytes > MAX_BYTES) throw new Error(`it has more than ${String(MAX_BYTES)} bytes`);
    chunks.push(part);
  }
  return decode(Buffer.concat(chunks));
}

function fileProblem(file: string, message: string, remedy: string): Problem {
  return { file, line: 0, column: 0, path: '', message, remedy };
}

/** Reads a file that a manifest refers to. Links are followed first, and have to stay below the manifest's folder. */
function readReferred(path: string, folder: string): string {
  const root = realpathSync(folder);
  let real: string;
  try {
    real = realpathSync(join(root, path));
  } catch (error) {
    throw new Error(reason(error), { cause: error });
  }
  if (!real.startsWith(root.endsWith(sep) ? root : root + sep)) {
    throw new Error("it is a link that leaves the manifest's folder");
  }
  try {
    checkFile(real);
    return decode(readFileSync(real));
  } catch (error) {
    throw new Error(reason(error), { cause: error });
  }
}

function checkFile(path: string): void {
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

/** An error of the file system in words, without the path, which may be one of this machine only. */
function reason(error: unknown): string {
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'there is no such file';
    case 'EACCES':
    case 'EPERM':
      return 'permission denied';
    case 'ELOOP':
      return 'its links go round in circles';
    default:
      return typeof code === 'string' ? code : String(message);
  }
}

/** What a program throws, with its line, as the engine's sources carry it. */
class ProgramError extends Error {
  constructor(
    error: unknown,
    readonly line: number,
    readonly column: number,
  ) {
    super(firstLine(thrownText(error)), { cause: error });
  }
}

function firstLine(text: string): string {
  return (text.split('\n').find((line) => line.trim() !== '') ?? text).trim();
}

/** Loads a manifest that is a program. Its default export is a manifest, or a function that makes one. */
async function loadProgram(file: string, path: string): Promise<ManifestSource> {
  let exported: unknown;
  try {
    const { createJiti } = await import('jiti');
    const jiti = createJiti(path, {
      fsCache: false,
      moduleCache: false,
      interopDefault: true,
      alias: ownPackage(path),
    });
    exported = await jiti.import(path, { default: true });
  } catch (error) {
    const thrown = located(error, path);
    return {
      file,
      produce: () => {
        throw thrown;
      },
    };
  }
  if (typeof exported !== 'function') return { file, value: exported };
  const make = exported as (context: ManifestContext) => unknown;
  return {
    file,
    produce: (context) => {
      let value: unknown;
      try {
        value = make(context);
      } catch (error) {
        throw located(error, path);
      }
      if (typeof value === 'object' && value !== null && 'then' in value) {
        throw new ProgramError(
          'the function gives a promise: await what it needs before, at the top of the file',
          0,
          0,
        );
      }
      return value;
    },
  };
}

/** Lets a manifest import this package where it is not installed beside it. */
function ownPackage(path: string): Record<string, string> {
  try {
    createRequire(path).resolve('iam-bootstrap');
    return {};
  } catch {
    return { 'iam-bootstrap': join(__dirname, `define${extname(__filename)}`) };
  }
}

/** Finds the line of the program itself in the stack: what it calls may have thrown. */
function located(error: unknown, path: string): ProgramError {
  const texts = [thrownField(error, 'message'), thrownField(error, 'stack')];
  for (const text of texts) {
    if (typeof text !== 'string') continue;
    const at = text.indexOf(`${path}:`);
    const [, line, column] = at === -1 ? [] : (/^:(\d+)(?::(\d+))?/.exec(text.slice(at + path.length)) ?? []);
    if (line !== undefined) return new ProgramError(error, Number(line), Number(column ?? 1));
  }
  return new ProgramError(error, 0, 0);
}

/** What a digest covers: all that decides what a request does. */
export type DigestedRequest = Pick<
  BootstrapRequest,
  'target' | 'namespace' | 'environment' | 'entities' | 'keepGoing' | 'approval'
>;

/**
 * `sha256:…` over what a request does. Two requests with the same digest ask for the same, wherever in a manifest their
 * entities stand and whoever asks.
 */
export function requestDigest(request: DigestedRequest): string {
  const { target, namespace, environment, entities, keepGoing, approval } = request;
  const content = {
    target,
    namespace,
    environment,
    entities: entities.map((entity) => ({ ...entity, source: undefined })),
    keepGoing,
    // A request with a gate must not join one without; how long each would wait makes no other request of it.
    approval: approval === undefined ? undefined : true,
  };
  return `sha256:${createHash('sha256').update(sortedJson(content)).digest('hex')}`;
}
