import { entityKey } from '../../contract/entity.js';
import { objectOrEmpty } from '../../engine/json.js';
import { pathText, type Problem, SPLIT_MANIFEST } from '../../engine/manifest/problem.js';
import { type ManifestSource, resolveManifest } from '../../engine/manifest/resolve.js';
import { KINDS } from '../../kinds/index.js';
import { NO_CI } from '../request.js';
import type { Draft } from './draft.js';
import type { Refusal, WrittenManifest, WrittenRound, WriteOptions } from './written-manifest.js';

/** The result of reading manifests as `plan` does. */
interface CheckedManifest {
  readonly refusals: readonly Refusal[];
  /** Problems that belong to no entity. */
  readonly problems: readonly Problem[];
  /** The request that `plan` would send. Null where something is refused. */
  readonly request: WrittenManifest['request'];
}

/** Reads manifests as `plan` does. */
export function checkManifest(
  { manifests, files }: WrittenRound,
  { environment, format }: WriteOptions,
): CheckedManifest {
  const texts = new Map(files.map(({ path, text }) => [path, text]));
  const sources = manifests.map(({ file, parts }): ManifestSource => {
    const value = { ...parts.head, entities: parts.entities.map((entity) => entity.value) };
    return format === 'ts' ? { file: file.path, value } : { file: file.path, text: file.text };
  });
  const result = resolveManifest(sources, {
    kinds: KINDS,
    environment,
    variables: {},
    readFile: (path) => texts.get(path) ?? '',
    pipeline: NO_CI,
    manifestName: manifests.map(({ file }) => file.path).join(', '),
  });
  const drafts = manifests.flatMap((one) => one.drafts);
  if (result.ok) {
    const { request } = result;
    return { refusals: misnamed(drafts, request.entities), problems: [], request };
  }
  const refusals: Refusal[] = [];
  const problems: Problem[] = [];
  for (const problem of result.problems) {
    const refusal = refusalOf(problem, manifests);
    if (refusal === undefined) problems.push(problem);
    else refusals.push(refusal);
  }
  return { refusals, problems, request: null };
}

/** Finds entities that the manifest would give another name. */
function misnamed(
  drafts: readonly Draft[],
  declared: readonly { readonly kind: string; readonly name: string }[],
): readonly Refusal[] {
  return drafts.flatMap(({ known: { kind, entity } }, index): Refusal[] => {
    const found = declared[index];
    if (found !== undefined && entityKey(found) === entityKey(entity)) return [];
    const [property = ''] = kind.keyProperties;
    return [
      { kind, entity, property, member: undefined, reason: `its properties give another name than ${entity.name}` },
    ];
  });
}

function refusalOf(problem: Problem, manifests: WrittenRound['manifests']): Refusal | undefined {
  if (problem.remedy === SPLIT_MANIFEST) return undefined;
  const reason = problem.message;
  if (problem.path.startsWith('defaults')) {
    return { entity: undefined, kind: undefined, property: 'defaults', member: undefined, reason, problem };
  }
  const [, index = '', inner = ''] = /^entities\[(\d+)\](.*)$/s.exec(problem.path) ?? [];
  const position = index === '' ? -1 : Number(index);
  // A problem of a file has the name of the file; its path names the entity that refers to it.
  const reference = JSON.stringify(problem.file);
  const owner =
    manifests.find(({ file }) => file.path === problem.file) ??
    manifests.find(({ parts }) => JSON.stringify(parts.entities[position]?.value ?? null).includes(reference));
  const draft = owner?.drafts[position];
  if (draft === undefined) return undefined;
  const { kind, entity } = draft.known;
  const written = /^\.([\w$-]+)/.exec(inner)?.[1] ?? kind.keyProperties[0] ?? '';
  const property = written === kind.shorthand?.property ? kind.shorthand.replaces : written;
  return { kind, entity, property, member: memberOf(draft, property, inner), reason, problem };
}

/** Returns the tag or the inline policy that a path leads to. */
function memberOf({ known: { kind, entity } }: Draft, property: string, inner: string): string | undefined {
  const hasMembers = property === 'tags' || kind.properties[property]?.type === 'documents';
  const members = property === 'tags' ? entity.tags : objectOrEmpty(entity.spec[property]);
  if (!hasMembers) return undefined;
  return Object.keys(members).find((member) => {
    const path = `.${pathText([property, member])}`;
    return inner === path || (inner.startsWith(path) && /^[.[]/.test(inner.slice(path.length)));
  });
}
