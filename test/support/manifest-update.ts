import type { CapturedEntity, CapturedItem } from '../../src/contract/capture.js';
import {
  entityId,
  entityKey,
  entityKeyOfId,
  type DesiredEntity,
  type Json,
  type JsonObject,
} from '../../src/contract/entity.js';
import { referencesIn, resolveReferences } from '../../src/engine/references.js';
import { resolveManifest, type ManifestOptions } from '../../src/engine/manifest/resolve.js';
import { findKind } from '../../src/kinds/index.js';
import type { UpdateInput } from '../../src/client/capture/update/update-input.js';
import { updateManifest, type ManifestUpdate } from '../../src/client/capture/update/update-manifest.js';
import { manifestOptions } from './manifests.js';

/** Files by name: `m.yaml` is the manifest, `m1.json` would be another one; the others are those that they name. */
export type Files = Readonly<Record<string, string>>;

/** An entity of an account that can be changed. */
export interface Editable extends Omit<CapturedEntity, 'spec' | 'tags'> {
  spec: Record<string, Json>;
  tags: Record<string, string>;
}

/** The manifests among files. */
function sourcesOf(files: Files): { readonly file: string; readonly text: string }[] {
  return Object.entries(files).flatMap(([file, text]) => (/^m\d*\./.test(file) ? [{ file, text }] : []));
}

/** Options that read these files. */
export function optionsFor(files: Files, options: Partial<ManifestOptions> = {}): ManifestOptions {
  const readFile = (path: string): string => {
    const text = files[path.replace(/^\.\//, '')];
    if (text === undefined) throw new Error('there is no such file');
    return text;
  };
  return { ...manifestOptions, readFile, ...options };
}

/** An entity as manifests declare it, with ARNs in the place of references. */
interface Declared extends Pick<DesiredEntity, 'kind' | 'name' | 'state' | 'spec'> {
  readonly arn: string;
}

/** The entities that manifests declare. */
export function declaredIn(files: Files, options: Partial<ManifestOptions> = {}): Declared[] {
  const resolved = resolveManifest(sourcesOf(files), optionsFor(files, options));
  if (!resolved.ok) throw new Error(JSON.stringify(resolved.problems));
  const { entities, target } = resolved.request;
  const arns = new Map(
    entities.map((entity) => [entityKey(entity), findKind(entity.kind)?.arnOf(entity.spec, target) ?? '']),
  );
  return entities.map((entity) => {
    const { kind, name, state, spec } = entity;
    const known = Object.fromEntries(referencesIn(spec).map((id) => [id, arns.get(entityKeyOfId(id)) ?? '']));
    return { kind, name, state, spec: resolveReferences(spec, known), arn: arns.get(entityKey(entity)) ?? '' };
  });
}

/** The account that a manifest has brought to its declared state, by the IDs of the entities. */
export function accountOf(files: Files, options: Partial<ManifestOptions> = {}): Map<string, Editable> {
  return new Map(
    declaredIn(files, options)
      .filter(({ state }) => state === 'present')
      .map(({ kind, name, spec, arn }) => {
        const { tags = {}, ...own } = spec;
        const captured: Editable = {
          kind,
          name,
          arn,
          spec: structuredClone(own),
          tags: { ...(tags as Record<string, string>), 'iam-bootstrap:namespace': 'ci' },
          isOurs: true,
          createdAt: null,
          missing: [],
        };
        return [entityId(captured), captured] as const;
      }),
  );
}

/** An entity of an account, which must have it. */
export function entityIn(account: ReadonlyMap<string, Editable>, id: string): Editable {
  const entity = account.get(id);
  if (entity === undefined) throw new Error(`the account has no ${id}`);
  return entity;
}

/** Updates a manifest from an account. */
export function update(
  files: Files,
  account: ReadonlyMap<string, CapturedItem | Editable>,
  input: Partial<UpdateInput> = {},
): ManifestUpdate {
  const result = updateManifest({
    sources: sourcesOf(files),
    options: optionsFor(files),
    items: [...account.values()] as CapturedItem[],
    unread: [],
    ...input,
  });
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result;
}

/** The files after an update. */
export function filesAfter(files: Files, { files: changed }: Pick<ManifestUpdate, 'files'>): Files {
  return { ...files, ...Object.fromEntries(changed.map(({ file, text }) => [file, text])) };
}

/** A document with one statement. */
export function allow(actions: Json, resources: Json = '*'): JsonObject {
  return { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: actions, Resource: resources }] };
}
