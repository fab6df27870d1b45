import { entityId, entityKeyOfId, type Json, type Target } from '../../../contract/entity.js';
import { isList, isObject } from '../../../contract/json.js';
import { renderTemplate } from '../../../engine/manifest/template.js';
import { stringOf } from '../../../engine/manifest/tree.js';
import type { Subject } from './entity-changes.js';
import type { SourceNode } from './source-nodes.js';

/** Entities and the names that references to them are written with. */
export interface Named {
  readonly id: string;
  /** `Policy/{{environment}}-deploy`. */
  readonly written: string;
  readonly dependsOn: readonly string[];
}

/** Returns a declared entity with its name as it is written, templates included. */
export function namedOf({ kind, entity, draft }: Omit<Subject, 'captured'>, find: FindNode): Named {
  const id = entityId(entity);
  const [property, ...others] = kind.keyProperties;
  const value = property === undefined ? undefined : draft.spec.entries.get(property)?.value;
  const isName = others.length === 0 && value !== undefined && stringOf(value) === entity.name;
  const text = isName ? find(value)?.text : undefined;
  return { id, written: text === undefined ? id : `${kind.name}/${text}`, dependsOn: entity.dependsOn };
}

type FindNode = (
  tree: Subject['draft']['spec']['entries'] extends ReadonlyMap<string, { value: infer T }> ? T : never,
) => SourceNode | undefined;

/** Writes values of an account as a person would write them in the manifest. */
export class Speller {
  readonly #ids: ReadonlyMap<string, Named>;
  readonly #needs = new Map<string, Set<string>>();

  /**
   * @param entities - the declared entities, by the ARNs that they have
   * @param texts - the manifests
   * @param target - the account
   */
  constructor(
    entities: ReadonlyMap<string, Named>,
    private readonly texts: readonly string[],
    private readonly target: Target,
  ) {
    this.#ids = entities;
    for (const { id, dependsOn } of entities.values()) {
      this.#needs.set(entityKeyOfId(id), new Set(dependsOn.map(entityKeyOfId)));
    }
  }

  /** Returns a value with templates in the place of what the manifest names by templates. `text` is that of the file. */
  spell(value: Json, id: string, text: string): Json {
    if (typeof value === 'string') return this.#text(value, id, text);
    if (isList(value)) return value.map((member) => this.spell(member, id, text));
    if (!isObject(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, member]) => [this.key(key), this.spell(member, id, text)]),
    );
  }

  /** Returns a key that is not read as a template. */
  key(key: string): string {
    return key.replaceAll('{{', LITERAL);
  }

  #text(value: string, id: string, text: string): string {
    const named = this.#ids.get(value);
    if (named !== undefined && this.#uses('{{arn ', text) && this.#mayNeed(id, named.id)) {
      return `{{arn ${named.written}}}`;
    }
    const { account, partition } = this.target;
    let written = this.key(value);
    if (this.#uses('{{account}}', text))
      written = written.replaceAll(new RegExp(`(?<=:)${account}(?=:)`, 'g'), '{{account}}');
    if (this.#uses('{{partition}}', text))
      written = written.replace(new RegExp(`^arn:${partition}:`), 'arn:{{partition}}:');
    return written;
  }

  #uses(template: string, text: string): boolean {
    return [text, ...this.texts].some((one) => one.includes(template));
  }

  /** Reports whether an entity may refer to another one, and takes note of it: two must not wait for each other. */
  #mayNeed(id: string, other: string): boolean {
    const [from, to] = [entityKeyOfId(id), entityKeyOfId(other)];
    if (this.#reaches(to, from, new Set())) return false;
    this.#needs.get(from)?.add(to);
    return true;
  }

  #reaches(from: string, to: string, seen: Set<string>): boolean {
    if (from === to) return true;
    if (seen.has(from)) return false;
    seen.add(from);
    return [...(this.#needs.get(from) ?? [])].some((next) => this.#reaches(next, to, seen));
  }
}

/** The template that stands for two braces. */
const LITERAL = "{{'{{'}}";

/** Texts in which only what {@link Speller} writes itself depends on values. */
const SPELLED = /\{\{\s*(?:account|partition)\s*\}\}/g;

/** Reports whether a text has templates that nothing would write again. */
export function hasVariables(text: string): boolean {
  return !/^\{\{arn (?:[^{}]|\{\{[\w-]+\}\})*\}\}$/.test(text) && hasTemplates(text.replace(SPELLED, ''));
}

/** Reports whether a text depends on values that are inserted into it. Braces that stand for themselves do not. */
export function hasTemplates(text: string): boolean {
  if (!text.includes('{{')) return false;
  const { problems, text: rendered } = renderTemplate(text, new Map());
  return problems.length > 0 || rendered.includes('{{arn ');
}
