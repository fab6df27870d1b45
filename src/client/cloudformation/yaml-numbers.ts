import type { Finding } from '../../engine/manifest/source.js';
import type { Tree } from '../../engine/manifest/tree.js';
import type { Scope } from './calls.js';

/*
 * CloudFormation reads YAML 1.1, where more is a number than in YAML 1.2, and where some numbers have another value.
 */

const NUMBER = /^[-+]?(?:\d[\d_]*(?:\.[\d_]*)?(?:e[-+]?\d+)?|\.\d+|0x[\da-f_]+|0b[01_]+|[1-9][\d_]*(?::[0-5]?\d)+)$/i;
const NULL = /^(?:~|null|Null|NULL)$/;

/** Numbers of another base, with a zero before them, with underscores or with an exponent: the text of each is another one. */
const MISREAD = /^[-+]?(?:0[\d_]+|0x[\da-f_]+|0b[01_]+|\d+_[\d_]*|[1-9][\d_]*(?::[0-5]?\d)+|\d+(?:\.\d*)?e[-+]?\d+)$/i;

/** Reports whether text without quotes is a number or nothing. */
export function isNumberOrNull(written: string): boolean {
  return NUMBER.test(written) || NULL.test(written);
}

/** Returns the problem of a value without quotes that CloudFormation takes for another number than the one that is written. */
export function misreadFinding(tree: Tree | undefined): Finding | undefined {
  const raw = tree?.type === 'scalar' ? tree.raw : null;
  if (raw === null || !MISREAD.test(raw)) return undefined;
  const message = `${raw} without quotes is another number to CloudFormation: an account would lose its leading zeros`;
  return { message, remedy: `put it in quotes: '${raw}'` };
}

/** Reports whether a value is one of {@link misreadFinding}, and refuses it. */
export function isMisread(tree: Tree, path: readonly PropertyKey[], scope: Pick<Scope, 'refuse'>): boolean {
  const finding = misreadFinding(tree);
  if (finding !== undefined) scope.refuse(tree.at, path, finding.message, finding.remedy);
  return finding !== undefined;
}
