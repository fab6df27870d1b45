import type { RunEvent } from '../../client/run/events.js';
import { entityId } from '../../contract/entity.js';
import type { EntityProgress, EntityState, Progress } from '../../contract/progress.js';
import { joinFirst } from '../../report/text.js';
import { note, plain } from '../terminal.js';
import { type Display, renderPending, withLink } from './display.js';
import { textOfEvent } from './run-events.js';

/** Entities above which a run is shown by its steps and its problems. */
const MAX_SHOWN_ENTITIES = 50;

/** The part of the entities after which a large run is shown again. */
const STEP = 0.1;

/** Entities that change to the same state at the same time, and that have a line each. More share one. */
const MAX_ALIKE = 3;

/** States of a large run that are shown. */
const NOTABLE: ReadonlySet<EntityState> = new Set(['waiting', 'failed', 'refused', 'cancelled']);

/** Prints a line for each change: for logs, and for terminals that show text alone. */
export class LineDisplay implements Display {
  readonly #states = new Map<string, EntityState>();
  #phase = '';
  #shownDone = 0;
  #waitingFor: string | null = null;
  #last = '';

  show(event: RunEvent): void {
    const shown = textOfEvent(event);
    if (event.type === 'awaiting-approval') note(renderPending(event.approval, process.stderr));
    if (shown !== null && shown.text !== this.#last) this.say((this.#last = shown.text), shown.url);
    if (event.type === 'progress') this.#progress(event.progress);
  }

  say(line: string, url: string | null = null): void {
    note(withLink(plain(line), url === null ? null : plain(url), process.stderr));
  }

  end(): void {
    // Printed lines stay.
  }

  #progress({ phase, done, total, entities, waitingFor, approval }: Progress): void {
    const isLarge = total > MAX_SHOWN_ENTITIES;
    const isStep = isLarge && done < total && done - this.#shownDone >= total * STEP;
    if (phase !== this.#phase || isStep) {
      this.#phase = phase;
      this.#shownDone = done;
      this.say(`${phase}: ${String(done)} of ${String(total)}`);
    }
    const changed = entities.filter((entity) => this.#hasChanged(entity, isLarge));
    for (const state of new Set(changed.map((entity) => entity.state))) {
      this.#changes(
        state,
        changed.filter((entity) => entity.state === state),
      );
    }
    // The event of the approval says until when, and how to decide.
    if (waitingFor !== this.#waitingFor && approval === undefined) {
      this.#waitingFor = waitingFor;
      if (waitingFor !== null) this.say(waitingFor);
    }
  }

  #hasChanged(entity: EntityProgress, isLarge: boolean): boolean {
    const { state } = entity;
    const id = entityId(entity);
    if (this.#states.get(id) === state || state === 'planned') return false;
    this.#states.set(id, state);
    return !isLarge || NOTABLE.has(state);
  }

  #changes(state: EntityState, entities: readonly EntityProgress[]): void {
    const ids = entities.map(entityId);
    if (ids.length > MAX_ALIKE) this.say(`${String(ids.length)} ${state}: ${joinFirst(ids, MAX_ALIKE)}`);
    else for (const id of ids) this.say(`${id}: ${state}`);
  }
}
