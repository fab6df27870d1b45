import type { FleetEvent } from '../../client/fleet/events.js';
import { isPlain } from '../terminal.js';
import type { Display } from './display.js';
import { FleetLineDisplay } from './fleet-display.js';
import { FleetLiveDisplay } from './fleet-live-display.js';
import { LineDisplay } from './line-display.js';
import { LiveDisplay } from './live-display.js';

interface DisplayOptions {
  readonly quiet: boolean;
  readonly debug: boolean;
}

const SILENT: Display & Display<FleetEvent> = { show: () => undefined, say: () => undefined, end: () => undefined };

/**
 * Opens a live display on a terminal. Opens one that prints lines elsewhere, with `--debug`, and on a terminal that shows
 * text alone.
 */
export function openDisplay({ quiet, debug }: DisplayOptions): Display {
  if (quiet) return SILENT;
  return isPlain(process.stderr) || debug ? new LineDisplay() : new LiveDisplay(process.stderr);
}

/** Opens a display of a fleet, by the same rules. */
export function openFleetDisplay({ quiet, debug }: DisplayOptions): Display<FleetEvent> {
  if (quiet) return SILENT;
  return isPlain(process.stderr) || debug ? new FleetLineDisplay() : new FleetLiveDisplay(process.stderr);
}
