import type { Finding } from '../../contract/preflight.js';
import { quoteHcl } from './addresses.js';

/** The first line of a file of blocks. Only such a file is overwritten. */
export const BLOCKS_HEADER = '# Written by iam-bootstrap preflight.';

/** Verdicts whose entity is taken over by an import. */
const IMPORTED: readonly Finding['verdict'][] = ['import', 'overwrite', 'present', 'collision'];

/** Returns the `import` and `moved` blocks for the findings of one plan, as a file for its root module. */
export function blocksOf(findings: readonly Finding[]): string {
  const imports = findings.filter(isImported);
  const moves = findings.filter(({ movedFrom }) => movedFrom !== null);
  const foreign = findings.filter(({ owner, importId }) => owner !== null && importId !== null);
  return [
    `${BLOCKS_HEADER}\n# Put it into the folder of the root module, and look at the next plan before you apply it.`,
    ...imports.map((finding) => `${commentsOf(finding)}\n${importBlock(finding)}`),
    ...moves.map(({ address, movedFrom }) => `moved {\n  from = ${movedFrom ?? ''}\n  to   = ${address}\n}`),
    ...foreign.map(
      (finding) =>
        `# Not imported: it belongs to ${oneLine(finding.owner ?? 'another owner')}.\n${commentedOut(importBlock(finding))}`,
    ),
    '',
  ]
    .join('\n\n')
    .replace(/\n+$/, '\n');
}

/** Reports whether an `import` block takes over what a finding is about. What has an owner is left to it. */
export function isImported({ verdict, importId, owner }: Finding): boolean {
  return importId !== null && owner === null && IMPORTED.includes(verdict);
}

function commentsOf({ reason, notes }: Finding): string {
  return [reason, ...notes].map((line) => `# ${oneLine(line)}`).join('\n');
}

function importBlock({ address, importId }: Finding): string {
  return `import {\n  to = ${address}\n  id = ${quoteHcl(importId ?? '')}\n}`;
}

function commentedOut(block: string): string {
  return block.replace(/^/gm, '# ');
}

/** A comment ends with its line. */
function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/\p{C}/gu, '\ufffd');
}
