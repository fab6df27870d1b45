import type { CaptureFilter, CaptureRequest, EntityKey } from './capture.js';
import { proof, requestNamespace, target } from './request-shapes.js';
import { fields, listOf, nullable, oneOf, optional, recordOf, type Shape, text, textUpTo } from './shape.js';

/** Characters of the ID of a capture, at most. */
const MAX_CAPTURE_ID = 100;

/** The argument of the capture workflow. */
export const captureRequest: Shape = fields<CaptureRequest>({
  target,
  captureId: textUpTo(MAX_CAPTURE_ID),
  filter: fields<CaptureFilter>({
    namespace: requestNamespace,
    kinds: listOf(text),
    names: listOf(text),
    path: nullable(text),
    tags: recordOf(nullable(text)),
    owner: nullable(oneOf('unowned', 'ours')),
  }),
  after: nullable(fields<EntityKey>({ kind: text, name: text })),
  proof: optional(proof),
});
