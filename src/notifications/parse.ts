import { issuesToProblems } from '../engine/manifest/issues.js';
import type { Problem } from '../engine/manifest/problem.js';
import { parseText } from '../engine/manifest/source.js';
import { toJson } from '../engine/manifest/tree.js';
import { notificationsSchema, type NotificationsFile } from './schema.js';

/** The content of a notifications file, or its problems. */
export type ParsedNotifications =
  | { readonly ok: true; readonly notifications: NotificationsFile }
  | { readonly ok: false; readonly problems: readonly Problem[] };

const REMEDIES = {
  empty: 'begin with version: 1 and channels',
  large: 'shorten it',
  severalDocuments: 'keep one document in the file',
};

/** Parses a notifications file. Anything unknown in it is a problem. */
export function parseNotifications(file: string, text: string): ParsedNotifications {
  const { tree, problems } = parseText(file, text, REMEDIES);
  if (tree === null) return { ok: false, problems };
  const parsed = notificationsSchema.safeParse(toJson(tree));
  if (parsed.success) return { ok: true, notifications: parsed.data };
  const context = {
    tree,
    pathOf: (path: readonly PropertyKey[]) => path,
    owner: 'notifications',
    fields: Object.keys(notificationsSchema.shape),
  };
  return { ok: false, problems: issuesToProblems(parsed.error.issues, context) };
}
