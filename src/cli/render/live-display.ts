import type { RunEvent } from '../../client/run/events.js';
import type { FailingActivity } from '../../client/run/failing-activities.js';
import type { Progress } from '../../contract/progress.js';
import { type Display, renderPending } from './display.js';
import { liveRun } from './live-run.js';
import { LiveScreen, type ShownView } from './live-screen.js';
import { textOfEvent } from './run-events.js';

/** Shows a run on a terminal: what is under way in it, as it changes. */
export class LiveDisplay implements Display {
  readonly #stream: NodeJS.WriteStream;
  readonly #screen: LiveScreen;
  #progress: Progress | null = null;
  #retries: readonly FailingActivity[] = [];
  #notice = 'starting';

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    this.#screen = new LiveScreen(stream, () => this.#view());
  }

  show(event: RunEvent): void {
    switch (event.type) {
      case 'progress':
        this.#progress = event.progress;
        this.#retries = [];
        this.#notice = '';
        break;
      case 'retrying':
        if (this.#isListed(event)) this.#retries = [...this.#retries, event];
        else this.#notify(event);
        break;
      case 'awaiting-approval':
        this.#screen.print(renderPending(event.approval, this.#stream));
        this.#notify(event, '');
        break;
      case 'started':
      case 'joined':
        this.#notify(event, 'planning');
        break;
      default:
        this.#notify(event);
    }
    this.#screen.draw();
  }

  /** Shows an event as the notice. A link, and an event that has a notice of its own, stay above. */
  #notify(event: RunEvent, notice?: string): void {
    const shown = textOfEvent(event);
    if (shown === null) return;
    const stays = notice !== undefined || shown.url !== null;
    if (stays) this.say(shown.text, shown.url);
    this.#notice = notice ?? (stays ? 'waiting for the namespace' : shown.text);
  }

  say(line: string, url: string | null = null): void {
    this.#screen.say(line, url);
  }

  end(): void {
    this.#screen.end();
  }

  /** Returns true for an activity of an entity that the display lists. */
  #isListed({ workflowId }: FailingActivity): boolean {
    return this.#progress?.entities.some((entity) => entity.workflowId === workflowId) === true;
  }

  #view(): ShownView {
    const progress = this.#progress === null ? null : liveRun(this.#progress, this.#retries);
    return { progress, notice: this.#notice };
  }
}
