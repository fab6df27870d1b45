import { createRequire } from 'node:module';
import { extname, join } from 'node:path';
import { thrownField, thrownText } from '../../engine/manifest/problem.js';
import type { ManifestContext, ManifestSource } from '../../engine/manifest/resolve.js';

/** An error that a program threw, with its position, in the form that the engine's sources use. */
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

/** Loads a manifest that is a program. Its default export is a manifest, or a function that returns one. */
export async function loadProgram(file: string, path: string): Promise<ManifestSource> {
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
        throw new ProgramError('the function returns a promise: use await at the top level of the file instead', 0, 0);
      }
      return value;
    },
  };
}

/** Returns an alias by which a manifest can import this package where it is not installed. */
function ownPackage(path: string): Record<string, string> {
  try {
    createRequire(path).resolve('iam-bootstrap');
    return {};
  } catch {
    return { 'iam-bootstrap': join(__dirname, `../define${extname(__filename)}`) };
  }
}

/** Finds the line of the program itself in the stack: a module that it imports may have thrown. */
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
