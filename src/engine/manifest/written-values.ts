import { pathIn, type Draft } from './drafts.js';
import type { Problem } from './problem.js';
import { problemAt, type ScalarTree, type Tree } from './tree.js';

/**
 * Finds values of a draft that would be sent in another form than they are written, such as the number 012345678901.
 * IAM compares texts, and documents take numbers and texts alike, so that their schema cannot tell.
 */
export function respelledValues(draft: Draft): Problem[] {
  const problems: Problem[] = [];
  const visit = (tree: Tree, path: readonly PropertyKey[]): void => {
    if (tree.type === 'list') {
      tree.items.forEach((item, index) => {
        visit(item, [...path, index]);
      });
    } else if (tree.type === 'map') {
      for (const [key, { value }] of tree.entries) visit(value, [...path, key]);
    } else {
      const finding = respelled(tree, path);
      if (finding !== undefined) problems.push(problemAt(tree.at, pathIn(draft, path), ...finding));
    }
  };
  visit(draft.spec, draft.path);
  return problems;
}

type Finding = [message: string, remedy: string];

function respelled(tree: ScalarTree, path: readonly PropertyKey[]): Finding | undefined {
  const condition = path.indexOf('Condition');
  const operator = condition === -1 ? '' : String(path[condition + 1] ?? '');
  if (typeof tree.value === 'boolean') return respelledBoolean(tree.value, tree.raw, operator);
  return typeof tree.value === 'number' ? respelledNumber(tree.value, tree, operator) : undefined;
}

/** `True` of YAML is a boolean, which is no other to IAM where a boolean is meant. */
function respelledBoolean(value: boolean, raw: string | null, operator: string): Finding | undefined {
  const sent = String(value);
  if (raw === null || raw === sent || operator === '' || /Bool|Null/.test(operator)) return undefined;
  return [`${raw} is a boolean here, which IAM gets as ${sent}`, `quote it: "${raw}"`];
}

function respelledNumber(value: number, { raw, at }: ScalarTree, operator: string): Finding | undefined {
  const sent = String(value);
  if (raw !== null && raw !== sent) {
    return [`${raw} is a number here, which IAM gets as ${sent}`, `quote it: "${raw}", or write ${sent}`];
  }
  // A program has read the number already: 0777 is 511, and 1.10 is 1.1.
  const isProgram = raw === null && at.origin.lines === null;
  const isText = operator !== '' && !/Numeric|Date/.test(operator);
  const isRounded = Number.isInteger(value) && !Number.isSafeInteger(value);
  if (!isRounded && !(isProgram && isText)) return undefined;
  return [`${sent} is a number, which may not be what the program says`, 'put it in quotes'];
}
