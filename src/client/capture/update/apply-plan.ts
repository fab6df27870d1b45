import type { Difference, Patch } from '../../../contract/capture-update.js';
import { editSource, type SourceEdit } from './edit-source.js';
import type { Part, PlannedEdit, PlannedPatch, UpdatePlan } from './plan-update.js';
import type { ChangedFile } from './update-input.js';
import { covers, isLeaving, Verifier, type Texts, type VerifyContext } from './verify.js';

/** A plan that was applied. */
interface Applied {
  readonly files: readonly ChangedFile[];
  readonly changes: readonly Difference[];
  readonly patches: readonly Patch[];
}

/**
 * Makes the planned changes that lead to a manifest which means what the account has, and nothing else than before in
 * all that did not differ. The others become patches.
 */
export function applyPlan(plan: UpdatePlan, context: VerifyContext): Applied {
  const application = new Application(plan, context);
  const { edits, texts } = application.apply();
  const remaining = application.remaining(texts);
  return {
    files: [...texts].map(([id, text]) => {
      const file = context.files.get(id);
      return { file: file?.name ?? id, before: file?.text ?? '', text };
    }),
    changes: edits.map(({ difference }) => difference),
    patches: application.patches
      .filter(({ parts }) => parts.some((part) => isLeaving(part) || remaining.some((one) => covers(part, one))))
      .map(({ patch }) => patch),
  };
}

/**
 * Changes that are made together, or not at all: those of one property, one document or one tag, and of all that share
 * them. Half of the changes of a statement would permit what neither side did.
 */
type Unit = readonly PlannedEdit[];

class Application {
  readonly patches: PlannedPatch[];
  readonly #verifier: Verifier;

  constructor(
    private readonly plan: UpdatePlan,
    private readonly context: VerifyContext,
  ) {
    this.patches = [...plan.patches];
    this.#verifier = new Verifier(context);
  }

  apply(): { readonly edits: readonly PlannedEdit[]; readonly texts: Texts } {
    const units = unitsOf(this.plan).filter(({ edits, isByHand }) => {
      if (isByHand) this.#reject(edits, 'it belongs to a change that is left to a person');
      return !isByHand;
    });
    const edits = this.#accept(this.#withoutFailed(units.map((unit) => unit.edits)), []).flat();
    return { edits, texts: this.#textsOf(edits).texts };
  }

  remaining(texts: Texts): readonly Part[] {
    return this.#verifier.remaining(texts);
  }

  #reject(unit: Unit, reason: string): void {
    for (const { difference, parts } of unit) this.patches.push({ patch: { ...difference, reason }, parts });
  }

  /** Leaves out the changes that the text cannot take. */
  #withoutFailed(units: readonly Unit[]): readonly Unit[] {
    const { failed } = this.#textsOf(units.flat());
    if (failed.size === 0) return units;
    const possible = units.filter((unit) => {
      const own = unit.map((edit) => failed.get(edit));
      const first = own.find((reason) => reason !== undefined);
      unit.forEach((edit, index) => {
        if (first !== undefined) this.#reject([edit], own[index] ?? first);
      });
      return first === undefined;
    });
    // Fewer changes of one list or map may be impossible where more of them were not.
    return this.#withoutFailed(possible);
  }

  /** Returns the units that can be made on top of others. Where not all can, each half is tried. */
  #accept(units: readonly Unit[], kept: readonly Unit[]): readonly Unit[] {
    if (units.length === 0) return kept;
    const all = [...kept, ...units];
    const fault = this.#faultOf(all);
    if (fault === undefined) return all;
    const [only] = units;
    if (only !== undefined && units.length === 1) {
      this.#reject(only, fault);
      return kept;
    }
    const half = Math.ceil(units.length / 2);
    return this.#accept(units.slice(half), this.#accept(units.slice(0, half), kept));
  }

  /** Returns what is wrong with a manifest that has some changes. */
  #faultOf(units: readonly Unit[]): string | undefined {
    const edits = units.flat();
    const { texts, failed } = this.#textsOf(edits);
    const [reason] = failed.values();
    if (reason !== undefined) return reason;
    const made = new Set(edits);
    const left = this.plan.edits.filter((edit) => !made.has(edit));
    return this.#verifier.faultOf(texts, {
      made: edits.flatMap(({ parts }) => parts),
      told: [...this.plan.patches, ...left].flatMap(({ parts }) => parts),
    });
  }

  /** Returns the texts of the files that change, and the changes that they cannot take. */
  #textsOf(edits: readonly PlannedEdit[]): {
    readonly texts: Texts;
    readonly failed: ReadonlyMap<PlannedEdit, string>;
  } {
    const { files } = this.context;
    const owners = new Map<SourceEdit, PlannedEdit>();
    const groups = new Map<string, SourceEdit[]>();
    for (const edit of edits) {
      for (const own of edit.edits) owners.set(own, edit);
      const group = groups.get(edit.file);
      if (group === undefined) groups.set(edit.file, [...edit.edits]);
      else group.push(...edit.edits);
    }
    const texts = new Map<string, string>();
    const failed = new Map<PlannedEdit, string>();
    for (const [id, group] of groups) {
      const file = files.get(id);
      if (file === undefined) continue;
      const edited = editSource(file, group);
      if (edited.text !== file.text) texts.set(id, edited.text);
      for (const [edit, reason] of edited.failed) {
        const owner = owners.get(edit);
        if (owner !== undefined && !failed.has(owner)) failed.set(owner, reason);
      }
    }
    return { texts, failed };
  }
}

/** Brings the changes together that have a part in common. Those with a part that is left to a person are left to them. */
function unitsOf({ edits, patches }: UpdatePlan): readonly { readonly edits: Unit; readonly isByHand: boolean }[] {
  const parents = new Map<string, string>();
  const rootOf = (key: string): string => {
    const parent = parents.get(key) ?? key;
    return parent === key ? key : rootOf(parent);
  };
  const keysOf = (parts: readonly Part[]): string[] => parts.map(({ entity, part }) => `${entity} ${part}`);
  for (const { parts } of [...edits, ...patches]) {
    const [first = '', ...others] = keysOf(parts);
    for (const other of others) parents.set(rootOf(other), rootOf(first));
  }
  const byHand = new Set(patches.flatMap(({ parts }) => keysOf(parts).map(rootOf)));
  const units = new Map<string, PlannedEdit[]>();
  for (const edit of edits) {
    const root = rootOf(keysOf(edit.parts)[0] ?? '');
    const unit = units.get(root);
    if (unit === undefined) units.set(root, [edit]);
    else unit.push(edit);
  }
  return [...units].map(([root, unit]) => ({ edits: unit, isByHand: byHand.has(root) }));
}
