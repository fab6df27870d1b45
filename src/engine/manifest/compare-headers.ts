import type { Header } from './header.js';
import type { Problem } from './problem.js';
import { pathText, positionText } from './problem.js';
import type { SourceOffset } from './tree.js';
import { positionOf } from './tree.js';

/** Returns the contradictions that prevent applying several manifests in one call. */
export function headerConflicts(headers: readonly Header[]): Problem[] {
  const [first, ...others] = headers;
  if (first === undefined) return [];
  return others.flatMap((header) => {
    const problems: Problem[] = [];
    const problem = (at: SourceOffset, path: string, message: string, remedy: string): void => {
      problems.push({ ...positionOf(at), path, message, remedy });
    };
    if (header.namespace !== null && first.namespace !== null && header.namespace !== first.namespace) {
      problem(
        header.namespaceAt,
        'namespace',
        `namespace ${header.namespace} differs from ${first.namespace} in ${first.origin.name}`,
        'apply one namespace per call',
      );
    }
    for (const [name, environment] of header.environments) {
      const same = first.environments.get(name);
      if (same === undefined) {
        problem(
          environment.at,
          pathText(['environments', name]),
          `environment ${name} is not declared in ${first.origin.name}`,
          'declare the same environments in every manifest that is applied together',
        );
      } else if (JSON.stringify(same.target) !== JSON.stringify(environment.target)) {
        problem(
          environment.at,
          pathText(['environments', name]),
          `environment ${name} differs from the one at ${positionText(positionOf(same.at))}`,
          'declare the same account, partition and assumeRole in both',
        );
      }
    }
    for (const name of first.environments.keys()) {
      if (header.environments.has(name)) continue;
      problem(
        header.environmentsAt,
        'environments',
        `environment ${name} of ${first.origin.name} is not declared here`,
        'declare the same environments in every manifest that is applied together',
      );
    }
    return problems;
  });
}
