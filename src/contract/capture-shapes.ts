import type { CaptureFilter, CaptureRequest, EntityKey } from './capture.js';
import { proof, requestNamespace, target } from './request-shapes.js';
import { fields, listOf, nullable, oneOf, optional, recordOf, type Shape, textUpTo } from './shape.js';

/** Characters of the ID of a capture, at most. */
const MAX_CAPTURE_ID = 100;

/** Kinds and names that a filter has, at most. Each name is compared with each entity. */
export const MAX_PATTERNS = 100;
/** Characters of each of them, at most. */
export const MAX_PATTERN = 256;

/** Tags that a filter has, at most: as many as an entity has. */
export const MAX_TAGS = 50;
/** Characters of the value of a tag, at most: AWS's limit. */
export const MAX_TAG_VALUE = 256;

/** Characters of a path, at most: AWS's limit. */
export const MAX_PATH = 512;

/** Characters of the name of an entity, at most, which may be an ARN. */
const MAX_NAME = 2_048;

/** The argument of the capture workflow. */
export const captureRequest: Shape = fields<CaptureRequest>({
  target,
  captureId: textUpTo(MAX_CAPTURE_ID),
  filter: fields<CaptureFilter>({
    namespace: requestNamespace,
    kinds: listOf(textUpTo(MAX_PATTERN), MAX_PATTERNS),
    names: listOf(textUpTo(MAX_PATTERN), MAX_PATTERNS),
    path: nullable(textUpTo(MAX_PATH)),
    tags: recordOf(nullable(textUpTo(MAX_TAG_VALUE)), MAX_TAGS),
    owner: nullable(oneOf('unowned', 'ours')),
  }),
  after: nullable(fields<EntityKey>({ kind: textUpTo(MAX_PATTERN), name: textUpTo(MAX_NAME) })),
  proof: optional(proof),
});
