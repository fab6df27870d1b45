import { suggestion } from '../text.js';
import { optionProblem, pathText, quoted, type Problem, type Report } from './problem.js';
import { isVariableName, TEMPLATE_NAMES } from './template.js';
import { positionOf, stringOf, type SourceOffset, type Tree } from './tree.js';

/** A variable with the value that applies in this call. */
export interface Variable {
  readonly value: string;
  readonly at: SourceOffset;
  /** A field of an environment uses it. */
  used: boolean;
}

/** Reads the variables of a manifest. `overrides` are values given with `--var`. */
export function readVariables(
  tree: Tree | undefined,
  overrides: Readonly<Record<string, string>>,
  report: Report,
): ReadonlyMap<string, Variable> {
  const variables = new Map<string, Variable>();
  if (tree?.type !== 'map') return variables;
  for (const [name, { at, value }] of tree.entries) {
    const path = pathText(['variables', name]);
    const nameProblem = variableNameProblem(name);
    if (nameProblem !== undefined) {
      report({ ...positionOf(at), path, ...nameProblem });
      continue;
    }
    const valueProblem = checkValue(name, value);
    if (valueProblem !== undefined) report({ ...positionOf(value.at), path, ...valueProblem });
    // A refused value is replaced by the name, so that its uses are not reported, too.
    const override = Object.hasOwn(overrides, name) ? overrides[name] : undefined;
    const given = override ?? stringOf(value) ?? name;
    variables.set(name, { value: given.includes('{{') ? name : given, at, used: false });
  }
  return variables;
}

type Finding = Pick<Problem, 'message' | 'remedy'>;

/** Returns the problem of a name that templates could not use. */
export function variableNameProblem(name: string): Finding | undefined {
  if ((TEMPLATE_NAMES as readonly string[]).includes(name) || name === 'arn') {
    return { message: `variable ${name} has the name of a built-in value`, remedy: 'rename the variable' };
  }
  if (isVariableName(name)) return undefined;
  return {
    message: `variable name ${quoted(name)} is not allowed`,
    remedy: 'use letters, digits, _ and -, beginning with a letter',
  };
}

function checkValue(name: string, value: Tree): Finding | undefined {
  const text = stringOf(value);
  if (text?.includes('{{') === true) {
    return {
      message: `the value of variable ${name} contains a template, but values are inserted unchanged`,
      remedy: 'write the template where the variable is used',
    };
  }
  if (text !== null) return undefined;
  if (value.type !== 'scalar' || value.value === null) {
    return { message: `variable ${name} must be text`, remedy: 'give it a value in quotes' };
  }
  const written = value.raw ?? String(value.value);
  return { message: `variable ${name} must be text, found ${written}`, remedy: `quote it: "${written}"` };
}

/** Checks the values given with `--var` against the names that the manifests declare. */
export function overrideProblems(overrides: Readonly<Record<string, string>>, declared: readonly string[]): Problem[] {
  return Object.entries(overrides).flatMap(([name, value]) => {
    const option = `--var ${name}`;
    if (!declared.includes(name)) {
      const remedy = suggestion(name, declared, `declare ${name} under variables, with a default`);
      return [optionProblem(option, `no manifest declares a variable ${quoted(name)}`, remedy)];
    }
    return value.includes('{{')
      ? [optionProblem(option, `the value of variable ${name} contains {{`, 'remove the braces from the value')]
      : [];
  });
}
