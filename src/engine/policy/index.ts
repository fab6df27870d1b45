/**
 * Policy documents: decode them, compare them by meaning, list the differences, check them offline.
 *
 * The rules come from the pages "IAM JSON policy elements" and "Grammar" of the IAM User Guide. Where AWS does not say
 * that two spellings mean the same, they count as different: a needless write is cheap, a missed change is not.
 */
export { decodeDocument } from './decode.js';
export { canonicalDocument, equivalentDocuments } from './canonical.js';
export type { DocumentContext } from './canonical.js';
export { allowsSomething, commonGrants, compareDenials, compareGrants } from './grants.js';
export { danglingPrincipals, documentDrift } from './diff.js';
export { documentSize, validateDocument } from './validate.js';
export type { DocumentType } from './validate.js';
