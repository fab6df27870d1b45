import type { Difference, Patch } from '../../../contract/capture-update.js';
import { acceptUnits, type Fault } from './accept-units.js';
import { editSource, type SourceEdit } from './edit-source.js';
import { isLeaving, partKey, PartSet, propertyOf } from './parts.js';
import type { Part, PlannedEdit, PlannedPatch, UpdatePlan } from './plan-update.js';
import { blame, unitsOf, type Unit } from './units.js';
import type { ChangedFile } from './update-input.js';
import { Verifier, type Texts, type VerifyContext } from './verify.js';

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
  const remaining = new Set(application.remaining(texts).flatMap((part) => [partKey(part), partKey(propertyOf(part))]));
  return {
    files: [...texts].map(([id, text]) => {
      const { name = id, text: before = '' } = context.files.get(id) ?? {};
      return { file: name, folder: context.files.folderOf(name), before, text };
    }),
    changes: edits.map(({ difference }) => difference),
    patches: application.patches
      .filter(({ parts }) => parts.some((part) => isLeaving(part) || remaining.has(partKey(part))))
      .map(({ patch }) => patch),
  };
}

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
    const possible = this.#withoutFailed(units.map((unit) => unit.edits));
    const edits = this.#acceptElsewhere(this.#accept(possible, (made) => this.#faultHere(made))).flat();
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

  #accept(units: readonly Unit[], faultOf: (units: readonly Unit[]) => Fault<Unit> | undefined): readonly Unit[] {
    return acceptUnits(units, [], {
      faultOf,
      reject: (unit, reason) => {
        this.#reject(unit, reason);
      },
    });
  }

  /** Returns the units that other environments and fleets can take. They are looked at once where they take all. */
  #acceptElsewhere(units: readonly Unit[]): readonly Unit[] {
    if (units.length === 0 || this.#faultElsewhere(units) === undefined) return units;
    return this.#accept(units, (made) => this.#faultHere(made) ?? this.#faultElsewhere(made));
  }

  /** Returns what is wrong with a manifest that has some changes, as the chosen environment sees it. */
  #faultHere(units: readonly Unit[]): Fault<Unit> | undefined {
    const edits = units.flat();
    const { texts, failed } = this.#textsOf(edits);
    const [reason] = failed.values();
    if (reason !== undefined) return { reason, blamed: new Map(units.flatMap((unit) => failureOf(unit, failed))) };
    const made = new Set(edits);
    const left = this.plan.edits.filter((edit) => !made.has(edit));
    const fault = this.#verifier.faultOf(texts, {
      made: edits.flatMap(({ parts }) => parts),
      told: new PartSet([...this.plan.patches, ...left].flatMap(({ parts }) => parts)),
    });
    return fault && blame(units, fault);
  }

  #faultElsewhere(units: readonly Unit[]): Fault<Unit> | undefined {
    const fault = this.#verifier.faultOfOthers(this.#textsOf(units.flat()).texts);
    return fault && blame(units, fault);
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

/** Returns a unit with the reason why the text cannot take it; nothing where it can. */
function failureOf(unit: Unit, failed: ReadonlyMap<PlannedEdit, string>): readonly (readonly [Unit, string])[] {
  const reason = unit.map((edit) => failed.get(edit)).find((one) => one !== undefined);
  return reason === undefined ? [] : [[unit, reason]];
}
