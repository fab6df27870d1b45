import type { Operation } from '../../../src/aws/operations.js';
import type { Json, JsonObject } from '../../../src/contract/entity.js';
import type { Observed, Write } from '../../../src/kinds/kind.js';

/** The sandbox's account. */
export const ACCOUNT = '111111111111';

/** What the laws do to one property, and what they expect then. */
export interface PropertyFixture {
  /** What the manifest might declare next, in place of what the full spec has. */
  readonly changed: Json;
  /** AWS cannot change it: the other fields are of no use then. */
  readonly immutable?: true;
  /** ExternalActor changes it by hand, in an entity of the full spec; a function where AWS has chosen the ID. */
  readonly manualWrites?: readonly Write[] | ((observed: Observed) => readonly Write[]);
  /** Where the drift of that shows, each of them. */
  readonly paths?: readonly string[];
  /** AWS does not show it, so that nobody sees it drift: the other fields are of no use then. */
  readonly writeOnly?: true;
  /** It depends on IDs or dates of AWS, and has tests of its own: the other fields are of no use then. */
  readonly hasOwnTests?: true;
  /** It asks for a write and is kept with the secret, so that nobody changes it by hand. */
  readonly isRequest?: true;
  /** The operations that update the property, after either change. */
  readonly operations?: readonly Operation[];
}

/** What the laws need to know of a kind. */
export interface KindFixture {
  /** Makes what the specs refer to. */
  readonly prerequisites: readonly Write[];
  /** Nothing but what IAM asks for. */
  readonly minimal: JsonObject;
  /** Every property, and more than one member wherever IAM allows it. */
  readonly full: JsonObject;
  /** The full spec written in another way that means the same. */
  readonly equivalent: JsonObject;
  /** The minimal spec with the name in another case; none where case tells two apart, or there is no name. */
  readonly otherCase?: JsonObject;
  /** Another entity of the kind; none where an account has one. */
  readonly sibling?: JsonObject;
  /** AWS does not say when it was made. */
  readonly hasNoCreationDate?: true;
  /** A second Create succeeds, and sets the same again. */
  readonly acceptsSecondCreate?: true;
  /**
   * Every account has it. `by default`: a spec without its properties, as of one that is to be absent, reads as absent
   * where AWS's default is there. `for good`: it cannot be deleted, and the deletion says so.
   */
  readonly alwaysPresent?: 'by default' | 'for good';
  /** AWS chooses the ARN: it is known when the entity is there. */
  readonly hasAwsAssignedArn?: true;
  /** Secrets that are stored before the laws begin, by the file of their location. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Every property but name and tags. */
  readonly properties: Readonly<Record<string, PropertyFixture>>;
  /** ExternalActor adds to an entity of the full spec what it does not declare; none where nothing can be added. */
  readonly unmanaged?: {
    readonly byHand: readonly Write[];
    readonly lines: readonly string[];
    /** What removes it again. */
    readonly operations: readonly Operation[];
  };
  /** Gives an entity of the full spec what stands in the way of its deletion. */
  readonly deletionBlockers: readonly Write[];
  /** Things that hold on to an entity of the full spec without being part of it. */
  readonly dependents?: { readonly byHand: readonly Write[]; readonly names: readonly string[] };
  /** Specs that the schema must refuse, by what is wrong with them. */
  readonly invalid: Readonly<Record<string, JsonObject>>;
}

export function write(operation: Operation, input: Readonly<Record<string, unknown>>): Write {
  return { operation, input };
}

export function document(...statements: JsonObject[]): JsonObject {
  return { Version: '2012-10-17', Statement: statements };
}
