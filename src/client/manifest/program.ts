import { readFileSync } from 'node:fs';
import { createRequire, SourceMap, type SourceMapPayload } from 'node:module';
import { extname } from 'node:path';
import type { createJiti } from 'jiti';
import { thrownField, thrownText } from '../../engine/manifest/problem.js';
import type { ManifestContext, ManifestSource } from '../../engine/manifest/resolve.js';
import { PACKAGE } from '../package.js';

/** An error that a program threw, with its place in the file, in the form that the engine's sources use. */
class ProgramError extends Error {
  readonly line: number;
  readonly column: number;
  readonly sourceLine: string | undefined;

  constructor(
    message: string,
    {
      place = [0, 0],
      sourceLine,
    }: { readonly place?: Place | undefined; readonly sourceLine?: string | undefined } = {},
    cause?: unknown,
  ) {
    super(message, { cause });
    [this.line, this.column] = place;
    this.sourceLine = sourceLine;
  }
}

function firstLine(text: string): string {
  return (text.split('\n').find((line) => line.trim() !== '') ?? text).trim();
}

/** Loads a manifest that is a program. Its default export is a manifest, or a function that returns one. */
export async function loadProgram(file: string, path: string): Promise<ManifestSource> {
  const { createJiti } = await import('jiti');
  const jiti = createJiti(path, {
    fsCache: false,
    moduleCache: false,
    interopDefault: true,
    sourceMaps: true,
    virtualModules: ownPackage(path),
    tsconfigPaths: true,
  });
  let exported: unknown;
  try {
    exported = await jiti.import(path, { default: true });
  } catch (error) {
    const thrown = located(error, path, jiti);
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
        throw located(error, path, jiti);
      }
      if (typeof value === 'object' && value !== null && 'then' in value) {
        throw new ProgramError('the function returns a promise: use await at the top level of the file instead');
      }
      return value;
    },
  };
}

/** Lets a manifest import this package, also where it is not installed, and before any `paths` of a tsconfig.json. */
function ownPackage(path: string): Record<string, unknown> {
  return {
    // Loaded when a manifest imports it.
    get [PACKAGE.name](): unknown {
      const load = createRequire(path);
      try {
        load.resolve(PACKAGE.name);
      } catch {
        return createRequire(__filename)(`../define${extname(__filename)}`) as unknown;
      }
      return load(PACKAGE.name) as unknown;
    },
  };
}

/** Finds the line of the program itself in the error: a module that it imports may have thrown. */
function located(error: unknown, path: string, jiti: Jiti): ProgramError {
  // An error of syntax has its place in the message. The stack's is in what was made of the source.
  const [inMessage, inStack] = ['message', 'stack'].map((field) => placeIn(thrownField(error, field), path));
  // Babel counts columns from 0 in its messages.
  const syntax: Place | undefined = inMessage && [inMessage[0], inMessage[1] + 1];
  const text = firstLine(thrownText(error)).replace(/^(?:Error: )?ParseError: /, '');
  const found = syntax ?? inStack;
  if (found === undefined) return new ProgramError(text, {}, error);
  const source = readFileSync(path, 'utf8');
  const place = syntax ?? placeInSource(found, source, path, jiti);
  return new ProgramError(text, { place, sourceLine: source.split('\n')[place[0] - 1] }, error);
}

type Jiti = ReturnType<typeof createJiti>;

/** Line and column, from 1. */
type Place = readonly [line: number, column: number];

function placeIn(text: unknown, path: string): Place | undefined {
  if (typeof text !== 'string') return undefined;
  const at = text.indexOf(`${path}:`);
  const [, line, column] = at === -1 ? [] : (/^:(\d+)(?::(\d+))?/.exec(text.slice(at + path.length)) ?? []);
  return line === undefined ? undefined : [Number(line), Number(column ?? 1)];
}

/** Returns the place in the source of a place in the code that was made of it. */
function placeInSource([line, column]: Place, source: string, path: string, jiti: Jiti): Place {
  const code = jiti.transform({
    source,
    filename: path,
    ts: /\.[cm]?ts$/.test(path),
    async: true,
    interopDefault: true,
    retainLines: true,
  });
  const map = /sourceMappingURL=data:[^,]*;base64,(\S+)/.exec(code)?.[1];
  if (map === undefined) return [line, column];
  const payload = JSON.parse(Buffer.from(map, 'base64').toString('utf8')) as SourceMapPayload;
  const entry = new SourceMap(payload).findEntry(line - 1, column - 1);
  return 'originalLine' in entry ? [entry.originalLine + 1, entry.originalColumn + 1] : [line, column];
}
