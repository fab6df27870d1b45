import { isPlain } from '../terminal.js';
import type { Display } from './display.js';
import { LineDisplay } from './line-display.js';
import { LiveDisplay } from './live-display.js';

const SILENT: Display = { show: () => undefined, say: () => undefined, end: () => undefined };

/**
 * Opens a live display on a terminal. Opens one that prints lines elsewhere, with `--debug`, and on a terminal that shows
 * text alone.
 */
export function openDisplay({ quiet, debug }: { readonly quiet: boolean; readonly debug: boolean }): Display {
  if (quiet) return SILENT;
  return isPlain(process.stderr) || debug ? new LineDisplay() : new LiveDisplay(process.stderr);
}

/** Opens a display that prints lines, wherever it is. */
export function openLineDisplay(isQuiet: boolean): Display {
  return isQuiet ? SILENT : new LineDisplay();
}
