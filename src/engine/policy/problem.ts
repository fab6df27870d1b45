import type { Json } from '../../contract/entity.js';
import { showValue } from './diff.js';

/** One thing that IAM would refuse, or that never matches. `path` is empty for the document itself. */
export interface DocumentProblem {
  readonly path: string;
  readonly message: string;
  readonly remedy: string;
}

/** Records a problem of a document. */
export type Refuse = (path: string, message: string, remedy: string) => void;

/** Returns a value as the messages of problems show it. */
export function quote(value: Json): string {
  return typeof value === 'string' ? `"${showValue(value)}"` : showValue(value);
}

/** Reports whether a text has a reference, whose value is not known yet. */
export function hasReference(value: Json): boolean {
  return typeof value === 'string' && /\{\{[^]*\}\}/.test(value);
}
