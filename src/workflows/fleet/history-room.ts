import { workflowInfo } from '@temporalio/workflow';
import type { FleetRequest } from '../../contract/fleet.js';
import type { BootstrapRequest } from '../../contract/request.js';
import { isHistoryFull } from '../history.js';

/** The events and bytes that a history must never exceed, with what is under way. */
const LIMIT = { events: 10_000, bytes: 9_500_000 };

/** Events of one account: its request, its start, and its end, with the workflow tasks between them. */
const EVENTS_PER_ACCOUNT = 24;

/** The times that an account's request is in the history: as result, as input of its run, and about as much as a report. */
const REQUEST_COPIES = 3;

/** Tells how much of a fleet's history is left. What an account adds is known only once its request was made. */
export class HistoryRoom {
  readonly #fleetBytes: number;
  #requestBytes = 0;

  constructor(request: FleetRequest) {
    this.#fleetBytes = JSON.stringify(request).length;
  }

  /** Notes the size of an account's request. The others are about as large. */
  note(request: BootstrapRequest): void {
    this.#requestBytes = Math.max(this.#requestBytes, JSON.stringify(request).length);
  }

  /** Reports whether the history is to be left behind. */
  get isFull(): boolean {
    return isHistoryFull();
  }

  /** Reports whether a number of accounts may be under way at a time. One always may. */
  hasRoomFor(underway: number): boolean {
    const { historyLength, historySize } = workflowInfo();
    const bytes = REQUEST_COPIES * (this.#requestBytes || this.#fleetBytes);
    const isWithin =
      historyLength + underway * EVENTS_PER_ACCOUNT <= LIMIT.events && historySize + underway * bytes <= LIMIT.bytes;
    return underway <= 1 || isWithin;
  }
}
