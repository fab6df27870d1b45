import { entityId, entityKey, type DesiredEntity, type JsonObject } from '../../../contract/entity.js';
import { isObject } from '../../../contract/json.js';
import { sortedJson } from '../../../engine/json.js';
import { besideManifest } from '../../../engine/manifest/expand.js';
import { NO_CONTEXT, parseSource } from '../../../engine/manifest/header.js';
import type { Problem } from '../../../engine/manifest/problem.js';
import { traceManifest, type ManifestSource, type TracedManifest } from '../../../engine/manifest/resolve.js';
import { findKind } from '../../../kinds/index.js';
import { arnsOf, differingParts, type Subject } from './entity-changes.js';
import { isLeaving, type PartSet } from './parts.js';
import type { Part } from './plan-update.js';
import { surroundings, type SourceFiles } from './source-files.js';
import type { UpdateInput } from './update-input.js';
import type { OtherViews, View } from './uses.js';
import { otherViews } from './views.js';

/** The new texts of files, by their one names. */
export type Texts = ReadonlyMap<string, string>;

/** Everything that changed manifests are checked against. */
export interface VerifyContext {
  readonly input: UpdateInput;
  readonly files: SourceFiles;
  readonly view: View;
  /** The environments and fleets that must stay as they are, or valid where the changes are for them, too. */
  readonly others: OtherViews;
  readonly subjects: readonly Subject[];
}

/** The parts that may differ from before, and those that may still differ from the account. */
interface Expected {
  readonly made: readonly Part[];
  readonly told: PartSet;
}

/** A fault of changed manifests, with the signs of the changes that cause it. */
export interface ManifestFault {
  readonly reason: string;
  readonly signs: readonly FaultSign[];
}

/** A path in the manifest, or a part of an entity, at which something is wrong. */
export type FaultSign = { readonly reason: string } & ({ readonly path: string } | { readonly part: Part });

/** Checks what changed manifests mean. */
export class Verifier {
  readonly #before: string;

  constructor(private readonly context: VerifyContext) {
    this.#before = this.#surroundings(new Map());
  }

  /** Returns what is wrong with the manifests with new texts as the chosen environment sees them; undefined where nothing is. */
  faultOf(texts: Texts, expected: Expected): ManifestFault | undefined {
    const { view } = this.context;
    const traced = traceManifest(...this.#withTexts(texts));
    if (!traced.ok) return invalid('the manifest', traced.problems);
    if (this.#surroundings(texts) !== this.#before)
      return { reason: 'the change would also alter the manifest outside its entities', signs: [] };
    const untold = this.#remainingIn(traced).filter((part) => !expected.told.covers(part));
    const signs = untold.map((part) => ({
      part,
      reason: `${part.part} of ${part.entity} would still differ from the account`,
    }));
    const [first] = signs;
    if (first !== undefined) return { reason: first.reason, signs };
    const different = differentEntity(view.traced, traced, expected.made);
    return different === undefined ? undefined : { reason: `the change would also alter ${different}`, signs: [] };
  }

  /** Returns the parts in which the manifests with new texts still differ from the account. */
  remaining(texts: Texts): readonly Part[] {
    const traced = traceManifest(...this.#withTexts(texts));
    return traced.ok ? this.#remainingIn(traced) : [];
  }

  #remainingIn({ request, drafts }: TracedManifest): readonly Part[] {
    const { subjects, view } = this.context;
    const { target } = view.traced.request;
    const captured = new Map(subjects.map((subject) => [entityKey(subject.entity), subject]));
    const now = request.entities.flatMap((entity, index) => {
      const subject = captured.get(entityKey(entity));
      const draft = drafts[index];
      return subject === undefined || draft === undefined ? [] : [{ ...subject, entity, draft }];
    });
    const all = view.traced.request.entities.flatMap((entity) => {
      const kind = findKind(entity.kind);
      return kind === undefined ? [] : [{ kind, entity, captured: captured.get(entityKey(entity))?.captured }];
    });
    const arns = arnsOf(all, target);
    return now.flatMap((subject) =>
      [...differingParts(subject, arns, target.partition)].map((part) => ({ entity: entityId(subject.entity), part })),
    );
  }

  /**
   * Returns how changes would affect other environments and fleets, which are all resolved anew. Undefined where they do
   * not affect them, or where they are meant for them and they stay valid.
   */
  faultOfOthers(texts: Texts): ManifestFault | undefined {
    const { input, others, view } = this.context;
    if (others.known.length === 0) return undefined;
    const now = otherViews(...this.#withTexts(texts), view.traced.request);
    const known = new Set(others.known.map(({ label }) => label));
    const lost = now.unknown.filter(({ label }) => known.has(label)).map((one) => invalid(one.label, one.problems));
    const [first] = lost;
    if (first !== undefined) return { reason: first.reason, signs: lost.flatMap(({ signs }) => signs) };
    for (const { label, traced } of others.known) {
      const other = now.known.find((one) => one.label === label);
      if (other === undefined) return { reason: `${label} would be invalid`, signs: [] };
      const different = input.everywhere === true ? undefined : differentEntity(traced, other.traced, []);
      if (different !== undefined) return { reason: `${different} would change in ${label}, too`, signs: [] };
    }
    return undefined;
  }

  #surroundings(texts: Texts): string {
    const [sources] = this.#withTexts(texts);
    const trees = sources.flatMap((source) => ('text' in source ? [parseSource(source, NO_CONTEXT).tree] : []));
    return JSON.stringify(trees.map((tree) => (tree?.type === 'map' ? surroundings(tree) : null)));
  }

  /** Returns manifests with other texts. */
  #withTexts(texts: Texts): Parameters<typeof traceManifest> {
    const { input, files } = this.context;
    const { sources, options } = input;
    return [
      sources.map((source): ManifestSource => {
        const text = texts.get(files.identify(source.file));
        return 'text' in source && text !== undefined ? { ...source, text } : source;
      }),
      {
        ...options,
        readFile: (path, from) => texts.get(files.identify(besideManifest(from, path))) ?? options.readFile(path, from),
      },
    ];
  }
}

function invalid(what: string, problems: readonly Problem[]): ManifestFault {
  const signs = problems.map(({ path, message }) => ({ path, reason: `${what} would be invalid: ${message}` }));
  return { reason: signs[0]?.reason ?? `${what} would be invalid`, signs };
}

/** Returns an entity that is not the same in two manifests, apart from some of its parts. */
function differentEntity(a: TracedManifest, b: TracedManifest, except: readonly Part[]): string | undefined {
  const parts = new Map<string, Part[]>();
  for (const part of except) parts.set(part.entity, [...(parts.get(part.entity) ?? []), part]);
  const written = ({ request }: TracedManifest): Map<string, string> =>
    new Map(
      request.entities.map((entity) => [entityId(entity), sortedJson(without(entity, parts.get(entityId(entity))))]),
    );
  const [before, after] = [written(a), written(b)];
  return [...new Set([...before.keys(), ...after.keys()])].find((id) => before.get(id) !== after.get(id));
}

/** Returns what must stay of an entity whose parts change. References come and go with them. */
function without(entity: DesiredEntity, parts: readonly Part[] = []): JsonObject {
  const { spec, dependsOn, ...common } = { ...entity, source: null };
  if (parts.length === 0) return { ...common, spec, dependsOn } as unknown as JsonObject;
  if (parts.some(isLeaving)) return { kind: entity.kind, name: entity.name };
  const rest = Object.entries(spec).flatMap(([property, value]) => {
    if (parts.some(({ part }) => part === property)) return [];
    if (!isObject(value)) return [[property, value]];
    const members = Object.entries(value).filter(([name]) => !parts.some(({ part }) => part === `${property}.${name}`));
    return members.length === 0 ? [] : [[property, Object.fromEntries(members)]];
  });
  return { ...common, spec: Object.fromEntries(rest) as JsonObject } as unknown as JsonObject;
}
