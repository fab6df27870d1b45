/**
 * Policy documents: decode them, compare them by meaning, list the differences, check them offline.
 *
 * The rules come from the pages "IAM JSON policy elements" and "Grammar" of the IAM User Guide. Where AWS does not say
 * that two spellings mean the same, they count as different: a needless write is cheap, a missed change is not.
 */
export { accessWarnings } from './access-warnings.js';
export type { AccountContext } from './access-warnings.js';
export { administratorPolicyText, widestAllowances } from './administrator.js';
export { decodeDocument } from './decode.js';
export { canonicalDocument, equivalentDocuments, foldCase } from './canonical.js';
export type { DocumentContext } from './canonical.js';
export { allowsSomething, commonGrants, compareDenials, compareGrants } from './grants.js';
export { sizeOf, stageDocuments } from './stages.js';
export type { DocumentChange, DocumentStep } from './stages.js';
export { cosmeticDifferences } from './cosmetic.js';
export { danglingPrincipals, documentDrift } from './diff.js';
export { parsePrincipalArn, partitionFlaw, principalsIn } from './principals.js';
export type { PrincipalArn } from './principals.js';
export { sharedIssuer } from './shared-issuers.js';
export type { SharedIssuer } from './shared-issuers.js';
export { namesOwner, trustWarnings } from './trust-warnings.js';
export type { DocumentWarning } from './trust-warnings.js';
export { documentSize, validateDocument } from './validate.js';
export type { DocumentType } from './validate.js';
