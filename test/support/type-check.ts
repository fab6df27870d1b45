import { join } from 'node:path';
import ts from 'typescript';

/** The folder of the package. */
export const ROOT = join(__dirname, '../..');

/** The strictest options of the compiler. */
export const OPTIONS: ts.CompilerOptions = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noEmit: true,
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
};

/** Returns the message of a diagnostic. */
export const textOf = ({ messageText }: ts.Diagnostic): string => ts.flattenDiagnosticMessageText(messageText, '\n');

/** Returns what `tsc` says, in its strictest form, of each of some programs that import the package. */
export function errorsOf(sources: readonly string[]): string[][] {
  const files = new Map(sources.map((source, index) => [join(__dirname, `program-${String(index)}.ts`), source]));
  const options = {
    ...OPTIONS,
    types: [],
    paths: { '@iam-bootstrap/iam-bootstrap': [join(ROOT, 'src/client/define.ts')] },
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (name) => files.has(name) || fileExists(name);
  host.getSourceFile = (name, version) => {
    const source = files.get(name);
    return source === undefined ? getSourceFile(name, version) : ts.createSourceFile(name, source, version);
  };
  const program = ts.createProgram([...files.keys()], options, host);
  return [...files.keys()].map((name) => {
    const file = program.getSourceFile(name);
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map(textOf);
  });
}
