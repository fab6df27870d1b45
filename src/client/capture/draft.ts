import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { CapturedEntity } from '../../contract/capture.js';
import { type Json, type JsonObject, type SecretLocation, type Target } from '../../contract/entity.js';
import { equalJson, isList, isObject, objectOrEmpty, strings } from '../../engine/json.js';
import { shapeOf } from '../../engine/manifest/manifest-kind.js';
import { isOwnershipTag, OwnershipTag, sharedByTag } from '../../engine/ownership.js';
import { membersOfOthers } from '../../engine/sharing.js';
import type { Kind } from '../../kinds/kind.js';
import type { TokenEntity } from '../manifest/reference-writer.js';
import {
  ACCOUNT_TOKEN,
  arnToken,
  hasReservedCharacter,
  mapTexts,
  PARTITION_TOKEN,
  withUncheckedArns,
} from '../manifest/template-text.js';
import { compareText } from './sections.js';

/** A captured entity with its kind. */
export interface KnownEntity {
  readonly kind: Kind;
  readonly entity: CapturedEntity;
}

/** An entity on its way into a manifest. Its texts hold tokens. */
export interface Draft extends TokenEntity {
  readonly known: KnownEntity;
  readonly name: string;
  /** The tags that the manifest declares. */
  readonly tags: Readonly<Record<string, string>>;
  /** `shared` and `protect`, where they are set. */
  readonly common: JsonObject;
  /** Required properties that a person has to fill in. */
  readonly toFillIn: readonly string[];
}

/** The place that entities are captured from, and what a manifest can refer to. */
export interface DraftContext {
  readonly target: Target;
  readonly namespace: string;
  /** The IDs of entities in tokens, by ARN. */
  readonly ids: ReadonlyMap<string, string>;
  /** Reports whether a property, or a member of it, must not be declared. */
  readonly isLeftOut: (known: KnownEntity, property: string, member?: string) => boolean;
}

/** Returns the IDs of the entities that a manifest can refer to, by ARN: those whose ARN their properties give. */
export function referableIds(
  entities: readonly (KnownEntity & { readonly id: string })[],
  target: Target,
): ReadonlyMap<string, string> {
  return new Map(
    entities.flatMap(({ id, kind, entity: { arn, spec } }) => {
      const isOwnArn = kind.isDeletedWithReference !== true && kind.keyProperties.length > 0;
      return isOwnArn && kind.arnOf(spec, target) === arn ? [[arn, id] as const] : [];
    }),
  );
}

/** Returns the part of an entity that a manifest declares: no defaults of AWS, no tags of owners. */
export function draftOf(known: KnownEntity, id: string, context: DraftContext): Draft {
  const { kind, entity } = known;
  const texts = new TokenTexts(context);
  const shape = shapeOf(kind);
  const others = Object.keys(shape).filter((property) => property !== 'tags' && !kind.keyProperties.includes(property));
  const spec: Record<string, Json> = {};
  const toFillIn: string[] = [];
  for (const property of [...kind.keyProperties, ...others]) {
    if (entity.missing.includes(property)) {
      toFillIn.push(property);
      spec[property] = placeholderFor(known, property, context);
      continue;
    }
    const value = declaredValue(known, property, context);
    if (value === undefined) continue;
    const short = kind.shorthand?.replaces === property ? shorthandOf(kind, value, context) : undefined;
    if (short === undefined) spec[property] = texts.ofProperty(kind, property, value);
    else spec[short.property] = texts.of(short.value);
  }
  return {
    id,
    kind: kind.name,
    known,
    name: texts.withoutArns(entity.name) as string,
    spec,
    tags: texts.withoutArns(declaredTags(known, context)) as Record<string, string>,
    common: commonOf(entity, context),
    toFillIn,
  };
}

/** Returns the value of a property that a manifest declares; undefined where it needs none. */
function declaredValue(known: KnownEntity, property: string, { isLeftOut, namespace }: DraftContext): Json | undefined {
  const { kind, entity } = known;
  const value = entity.spec[property] ?? (property === 'path' ? '/' : null);
  if (value === null) return undefined;
  if (property === 'path' || isRequired(kind, property)) return value;
  if (isNeedless(kind, property, value) || isLeftOut(known, property)) return undefined;
  switch (kind.properties[property]?.type) {
    case 'documents':
      return sortedDocuments(objectOrEmpty(value), (name) => isLeftOut(known, property, name));
    case 'set':
      return nonEmpty(ownMembers(known, property, strings(value), namespace).sort(compareText));
    default:
      return value;
  }
}

/** Reports whether an entity has the value anyway, or whether no manifest can give it. */
function isNeedless({ properties }: Kind, property: string, value: Json): boolean {
  const { type, default: unset = null } = properties[property] ?? {};
  return type === 'writeOnly' || equalJson(value, unset);
}

/** Returns the members without those that only other namespaces declare: they would stay when these withdraw. */
function ownMembers(
  { kind: { share }, entity }: KnownEntity,
  property: string,
  members: readonly string[],
  namespace: string,
): string[] {
  const { tags } = entity;
  const others =
    share?.members === property && isShared(entity, namespace)
      ? membersOfOthers(share, namespace, { tags, state: { [property]: members } })
      : [];
  return members.filter((member) => !others.includes(member));
}

function nonEmpty<T>(members: readonly T[]): readonly T[] | undefined {
  return members.length === 0 ? undefined : members;
}

/** Reports whether every entity of a kind declares a property. */
export function isRequired(kind: Kind, property: string): boolean {
  const field = shapeOf(kind)[property];
  return field !== undefined && !z.safeParse(field, undefined).success;
}

function sortedDocuments(documents: JsonObject, isLeftOut: (name: string) => boolean): JsonObject | undefined {
  const names = Object.keys(documents).filter((name) => !isLeftOut(name));
  const sorted = names.sort(compareText).map((name) => [name, documents[name] ?? null] as const);
  return sorted.length === 0 ? undefined : Object.fromEntries(sorted);
}

function shorthandOf(
  { shorthand }: Kind,
  value: Json,
  { target, ids }: DraftContext,
): { readonly property: string; readonly value: Json } | undefined {
  const short = shorthand?.shorten(value, { target, declared: ids });
  return shorthand === undefined || short === undefined ? undefined : { property: shorthand.property, value: short };
}

/** Returns the tags that belong to nobody else: not those of AWS, nor those of ownership. */
function declaredTags(known: KnownEntity, { isLeftOut }: DraftContext): Readonly<Record<string, string>> {
  const { kind, entity } = known;
  if (!kind.ownable) return {};
  const keys = Object.keys(entity.tags)
    .filter((key) => !/^aws:/i.test(key) && !isOwnershipTag(key.toLowerCase()) && !isLeftOut(known, 'tags', key))
    .sort(compareText);
  return Object.fromEntries(keys.map((key) => [key, entity.tags[key] ?? '']));
}

function isShared({ tags }: CapturedEntity, namespace: string): boolean {
  return tags[OwnershipTag.Namespace] !== namespace && Object.keys(tags).some((tag) => tag.startsWith(sharedByTag('')));
}

function commonOf(entity: CapturedEntity, { namespace }: DraftContext): JsonObject {
  const { tags } = entity;
  return {
    ...(isShared(entity, namespace) ? { shared: true } : {}),
    ...(tags[OwnershipTag.Protected] === 'true' ? { protect: true } : {}),
  };
}

/** Returns a location of its own for a secret that AWS does not show. */
function placeholderFor({ kind, entity }: KnownEntity, property: string, { namespace }: DraftContext): SecretLocation {
  const folder = kind.name.replace(/([a-z\d])(?=[A-Z])/g, '$1-').toLowerCase();
  const name = entity.name.replace(/[^\w/+=.@-]/g, '-');
  // Two names with other characters may have become one.
  const suffix = name === entity.name ? '' : `-${createHash('sha256').update(entity.name).digest('hex').slice(0, 8)}`;
  return { secretsManager: `${namespace}/${folder}/${name}${suffix}${property === 'secret' ? '' : `/${property}`}` };
}

/** Reports whether a value holds a character that stands for a template while a manifest is written, or a key that none has. */
export function isUnwritable(value: Json): boolean {
  const text = JSON.stringify(value);
  return hasReservedCharacter(text) || text.includes('"__proto__":');
}

/** Writes tokens in place of what a manifest writes as a template. */
class TokenTexts {
  private readonly account: RegExp;
  private readonly partition: RegExp;

  constructor(private readonly context: DraftContext) {
    const { account, partition } = context.target;
    // A dollar sign before a template would make it one of another tool.
    this.account = new RegExp(`(?<![\\d$])${account}(?!\\d)`, 'g');
    this.partition = new RegExp(`(?<![\\w$])arn:${partition}:`, 'g');
  }

  ofProperty(kind: Kind, property: string, value: Json): Json {
    const { type } = kind.properties[property] ?? {};
    if (kind.keyProperties.includes(property)) return this.withoutArns(value);
    if (type === 'document') return this.ofDocument(value);
    if (type !== 'documents') return this.of(value);
    const documents = Object.entries(objectOrEmpty(value));
    return Object.fromEntries(
      documents.map(([name, document]) => [this.text(name), this.ofDocument(document)] as const),
    );
  }

  of(value: Json): Json {
    return mapTexts(value, (text) => {
      const id = this.context.ids.get(text);
      return id === undefined ? this.text(text) : arnToken(id);
    });
  }

  withoutArns(value: Json): Json {
    return mapTexts(value, (text) => this.text(text));
  }

  /** IAM looks up the principals of a document, and nothing else in it. */
  private ofDocument(value: Json): Json {
    const written = this.of(value);
    if (!isObject(written)) return withUncheckedArns(written);
    const unchecked = ([key, member]: readonly [string, Json]): readonly [string, Json] =>
      /^(Not)?Principal$/.test(key) ? [key, member] : [key, withUncheckedArns(member)];
    const statement = (member: Json): Json =>
      isObject(member) ? Object.fromEntries(Object.entries(member).map(unchecked)) : withUncheckedArns(member);
    return Object.fromEntries(
      Object.entries(written).map(([key, member]) => [
        key,
        key === 'Statement' ? (isList(member) ? member.map(statement) : statement(member)) : withUncheckedArns(member),
      ]),
    );
  }

  private text(text: string): string {
    return text.replace(this.partition, `arn:${PARTITION_TOKEN}:`).replace(this.account, ACCOUNT_TOKEN);
  }
}
