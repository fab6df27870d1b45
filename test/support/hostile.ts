import { join } from 'node:path';
import ts from 'typescript';
import type { Json } from '../../src/contract/entity.js';

/**
 * Values of the contract's types with a given text in every field that can hold one. The types are read from the sources,
 * so that no field is forgotten.
 */
export class ContractValues {
  readonly #checker: ts.TypeChecker;
  readonly #program: ts.Program;
  readonly #folder = join(__dirname, '../../src/contract');

  constructor(files: readonly string[]) {
    this.#program = ts.createProgram(
      files.map((file) => join(this.#folder, file)),
      { strict: true, target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.Node16, types: [] },
    );
    this.#checker = this.#program.getTypeChecker();
  }

  /**
   * Returns a value of an exported type.
   *
   * @param fixed - values of fields by name, in place of the text
   */
  valueOf<T>(file: string, name: string, text: string, fixed: Readonly<Record<string, Json>> = {}): T {
    const source = this.#program.getSourceFile(join(this.#folder, file));
    const module = source === undefined ? undefined : this.#checker.getSymbolAtLocation(source);
    const symbol = this.#checker.getExportsOfModule(module ?? failed(file)).find((one) => one.name === name);
    return this.#valueOf(this.#checker.getDeclaredTypeOfSymbol(symbol ?? failed(name)), text, fixed) as T;
  }

  #valueOf(type: ts.Type, text: string, fixed: Readonly<Record<string, Json>>): unknown {
    if (type.isUnion()) {
      const { types } = type;
      // The richest member: text before null, an object before a choice of words.
      const members = types.filter(({ flags }) => (flags & (ts.TypeFlags.Null | ts.TypeFlags.Undefined)) === 0);
      const preferred = members.find(({ flags }) => (flags & ts.TypeFlags.String) !== 0) ?? members.at(-1);
      return this.#valueOf(preferred ?? failed('an empty union'), text, fixed);
    }
    if (type.isLiteral()) return type.value;
    if ((type.flags & ts.TypeFlags.String) !== 0) return text;
    if ((type.flags & ts.TypeFlags.Number) !== 0) return 1;
    if ((type.flags & ts.TypeFlags.BooleanLike) !== 0) return true;
    const [member] = this.#checker.isArrayType(type) ? this.#checker.getTypeArguments(type as ts.TypeReference) : [];
    if (member !== undefined) return [this.#valueOf(member, text, fixed)];
    const index = this.#checker.getIndexInfosOfType(type)[0];
    // JSON within JSON ends here.
    if (index !== undefined)
      return {
        [text]: this.#checker.typeToString(index.type) === 'Json' ? text : this.#valueOf(index.type, text, fixed),
      };
    return Object.fromEntries(
      type
        .getProperties()
        .map((property) => [
          property.name,
          fixed[property.name] ?? this.#valueOf(this.#checker.getTypeOfSymbol(property), text, fixed),
        ]),
    );
  }
}

function failed(what: string): never {
  throw new RangeError(`no type: ${what}`);
}
