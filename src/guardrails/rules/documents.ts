import type { Json, JsonObject } from '../../contract/entity.js';
import { isList, isObject, ownValue } from '../../engine/json.js';
import { asList } from '../../contract/json.js';

/** The fields that IAM has. A document with others cannot be judged. */
const DOCUMENT_FIELDS = ['Version', 'Id', 'Statement'];
const STATEMENT_FIELDS = [
  'Sid',
  'Effect',
  'Action',
  'NotAction',
  'Resource',
  'NotResource',
  'Principal',
  'NotPrincipal',
  'Condition',
];

/** A document that cannot be judged. The message says why. */
export class UnreadableDocumentError extends Error {
  override readonly name = 'UnreadableDocumentError';
}

/**
 * Returns the statements of a document that may allow something: all that are not exactly denials.
 *
 * @throws UnreadableDocumentError
 */
export function allowingStatements(document: Json): readonly JsonObject[] {
  if (!isObject(document)) throw new UnreadableDocumentError('it is not an object');
  assertFields(document, DOCUMENT_FIELDS);
  const statements = ownValue(document, 'Statement');
  if (statements === undefined) throw new UnreadableDocumentError('it has no Statement');
  return asList(statements).flatMap((statement): JsonObject[] => {
    if (!isObject(statement)) throw new UnreadableDocumentError('a statement is not an object');
    assertFields(statement, STATEMENT_FIELDS);
    return ownValue(statement, 'Effect') === 'Deny' ? [] : [statement];
  });
}

/**
 * Returns the texts of a field, a single one as a list; undefined where the statement does not have the field.
 *
 * @throws UnreadableDocumentError
 */
export function textsOf(statement: JsonObject, field: string): readonly string[] | undefined {
  const value = ownValue(statement, field);
  if (value === undefined) return undefined;
  const members: readonly Json[] = isList(value) ? value : [value];
  return members.map((member) => {
    if (typeof member === 'string') return member;
    throw new UnreadableDocumentError(`${field} is not a list of texts`);
  });
}

function assertFields(object: JsonObject, known: readonly string[]): void {
  const other = Object.keys(object).find((field) => !known.includes(field));
  if (other !== undefined) throw new UnreadableDocumentError(`IAM has no field ${JSON.stringify(other)}`);
}
