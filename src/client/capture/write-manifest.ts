import type { CapturedEntity } from '../../contract/capture.js';
import type { Json, JsonObject, Target } from '../../contract/entity.js';
import { SPLIT_MANIFEST } from '../../engine/manifest/problem.js';
import { findKind } from '../../kinds/index.js';
import { ReferenceWriter } from '../manifest/reference-writer.js';
import { ACCOUNT_TOKEN, PARTITION_TOKEN } from '../manifest/template-text.js';
import { checkManifest } from './check-manifest.js';
import { Contents, type WrittenEntity } from './contents.js';
import { type Draft, draftOf, type KnownEntity, isUnwritable, referableIds } from './draft.js';
import { foldDefaults, type FoldedEntity } from './fold-defaults.js';
import { CAPTURE_MANIFEST, formatManifest } from './format.js';
import { Omissions } from './omissions.js';
import { compareInManifest } from './sections.js';
import type { Refusal, WriteOptions, WrittenManifest, WrittenRound } from './written-manifest.js';

/** Rounds of leaving out what is refused. Each takes at least one property or entity. */
const MAX_ROUNDS = 20;

/** The longest text of one manifest, in characters: below the limit of what is read again. */
const MAX_MANIFEST_LENGTH = 1_500_000;

/**
 * Writes entities of an account as a manifest that plans no change but their adoption. What a manifest cannot declare is
 * left out with the reason: the manifest is read again as `plan` reads it. Equal entities give equal files.
 */
export function writeManifest(entities: readonly CapturedEntity[], options: WriteOptions): WrittenManifest {
  const omissions = new Omissions();
  const known = knownEntities(entities, omissions);
  for (const one of known) leaveOutUnwritable(one, omissions);
  for (let round = 1; ; round += 1) {
    const written = writeRound(known, options, omissions);
    const { refusals, ...checked } = checkManifest(written, options);
    // Beyond a limit of the whole, what is refused is an accident of where it was passed.
    if (checked.problems.some(({ remedy }) => remedy === SPLIT_MANIFEST))
      return resultOf(written, omissions, checked, []);
    const isProgress = omissions.addAll(refusals);
    if (isProgress && round < MAX_ROUNDS) continue;
    return resultOf(written, omissions, checked, refusals);
  }
}

function knownEntities(entities: readonly CapturedEntity[], omissions: Omissions): readonly KnownEntity[] {
  return entities.flatMap((entity) => {
    const kind = findKind(entity.kind);
    if (kind !== undefined) return [{ kind, entity }];
    omissions.leaveOut(entity, `this version knows no kind ${entity.kind}`);
    return [];
  });
}

function writeRound(all: readonly KnownEntity[], options: WriteOptions, omissions: Omissions): WrittenRound {
  const known = all
    .filter(({ entity }) => !omissions.isLeftOut(entity))
    .sort((a, b) => compareInManifest(sortKeyOf(a), sortKeyOf(b)))
    .map((one, index) => ({ ...one, id: `e${String(index)}` }));
  const context = {
    ...options,
    ids: referableIds(known, options.target),
    isLeftOut: ({ entity }: KnownEntity, property: string, member?: string): boolean =>
      omissions.has(entity, property, member),
  };
  const drafts = known.map((one) => draftOf(one, one.id, context));
  const written = withReferences(drafts, options.target);
  const { defaults, entities } = foldDefaults(
    written.map(({ entity }) => entity),
    ({ draft }) => written[Number(draft.id.slice(1))]?.tags ?? {},
    omissions.keepsDefaults,
  );
  const contents = new Contents(entities, options.target.account);
  const placed = entities.map((entity) => ({ ...entity, spec: contents.place(entity) }));
  const { account, partition, assumeRole } = options.target;
  const head = {
    version: 1,
    namespace: options.namespace,
    environments: {
      [options.environment]: {
        account,
        ...(partition === 'aws' ? {} : { partition }),
        ...(assumeRole === undefined ? {} : { assumeRole }),
      },
    },
    ...(Object.keys(defaults).length === 0 ? {} : { defaults }),
  };
  const manifests = manifestsOf(placed, head, options, omissions);
  return { manifests, files: contents.files };
}

/** Leaves out what cannot be written at all, so that reading it again would not tell where it is. */
function leaveOutUnwritable({ kind, entity }: KnownEntity, omissions: Omissions): void {
  const values = { ...entity.spec, tags: entity.tags };
  for (const [property, value] of Object.entries(values)) {
    if (!isUnwritable(value)) continue;
    const hasMembers = property === 'tags' || kind.properties[property]?.type === 'documents';
    for (const [member, content] of hasMembers ? Object.entries(value) : [[undefined, value] as const]) {
      const part = member === undefined ? value : { [member]: content as Json };
      if (!isUnwritable(part)) continue;
      const reason = `${property} holds a key or a character that a manifest cannot have`;
      omissions.add({ entity, kind, property, member, reason });
    }
  }
}

function sortKeyOf({ kind, entity }: KnownEntity): Parameters<typeof compareInManifest>[0] {
  const user = entity.spec['userName'];
  return {
    kind: kind.name,
    name: entity.name,
    user: kind.name !== 'User' && typeof user === 'string' ? user : undefined,
  };
}

/** Writes the texts of all entities with templates in place of tokens. */
function withReferences(
  drafts: readonly Draft[],
  target: Target,
): readonly { readonly entity: WrittenEntity; readonly tags: Readonly<Record<string, string>> }[] {
  const arns = new Map(drafts.map(({ id, known }) => [id, known.entity.arn]));
  const start = `arn:${target.partition}:iam::${target.account}:`;
  const writer = new ReferenceWriter(drafts, (id) => {
    const arn = arns.get(id) ?? '';
    return arn.startsWith(start) ? `arn:${PARTITION_TOKEN}:iam::${ACCOUNT_TOKEN}:${arn.slice(start.length)}` : arn;
  });
  return drafts.map((draft) => ({
    entity: { draft, spec: writer.write(draft, draft.spec) as JsonObject },
    tags: writer.write(draft, draft.tags) as Record<string, string>,
  }));
}

function manifestsOf(
  entities: readonly FoldedEntity[],
  head: JsonObject,
  options: WriteOptions,
  omissions: Omissions,
): WrittenRound['manifests'] {
  const items = entities.map(({ draft, spec, tags }) => ({
    draft,
    value: {
      kind: draft.kind,
      ...spec,
      ...draft.common,
      ...(Object.keys(tags).length === 0 ? {} : { tags }),
    } satisfies Record<string, Json>,
    notes: [
      ...draft.toFillIn.map(
        (property) => `AWS does not show \`${property}\`: name where it is, or where it is to be stored`,
      ),
      ...omissions.notesOf(draft.known.entity),
    ],
  }));
  const groups = inParts(items, (item) => JSON.stringify(item.value).length * 1.5);
  const names = groups.map(
    (_, index) => `${CAPTURE_MANIFEST}${index === 0 ? '' : `-${String(index + 1)}`}.${options.format}`,
  );
  return groups.map((group, index) => {
    const parts = { comment: commentOf(names, options), head, entities: group };
    const file = { path: names[index] ?? '', text: formatManifest(parts, options.format) };
    return { file, parts, drafts: group.map(({ draft }) => draft) };
  });
}

function commentOf(names: readonly string[], { target, directory = 'iam' }: WriteOptions): readonly string[] {
  const files = names.map((name) => `-f ${directory}/${name}`).join(' ');
  return [`Captured from account ${target.account}. Read it, then run: iam-bootstrap plan ${files}`];
}

/** Divides a list into parts that are not too large. There is always one. */
function inParts<T>(items: readonly T[], sizeOf: (item: T) => number): readonly (readonly T[])[] {
  const parts: T[][] = [[]];
  let size = 0;
  for (const item of items) {
    const next = sizeOf(item);
    if (size > 0 && size + next > MAX_MANIFEST_LENGTH) {
      parts.push([]);
      size = 0;
    }
    parts.at(-1)?.push(item);
    size += next;
  }
  return parts;
}

function resultOf(
  { manifests, files }: WrittenRound,
  omissions: Omissions,
  { problems, request }: Pick<WrittenManifest, 'problems' | 'request'>,
  refusals: readonly Refusal[],
): WrittenManifest {
  const drafts = manifests.flatMap((one) => one.drafts);
  return {
    files: [...manifests.map(({ file }) => file), ...files],
    manifests: manifests.map(({ file }) => file.path),
    captured: drafts.map(({ known }) => known.entity),
    leftOut: omissions.leftOut,
    notDeclared: omissions.notDeclared,
    toFillIn: drafts.flatMap(({ kind, known, toFillIn }) =>
      toFillIn.map((property) => ({ kind, name: known.entity.name, property })),
    ),
    problems: [...problems, ...refusals.flatMap(({ problem }) => problem ?? [])],
    request,
  };
}
