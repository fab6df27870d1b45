/** The variables that say what a terminal can show, and what its user wants. */
export interface TerminalSettings {
  /** `TERM=dumb`: the terminal knows no escape sequences. */
  readonly isDumb: boolean;
  /** `NO_COLOR`: the user wants text alone. */
  readonly noColor: boolean;
  /** `FORCE_COLOR`: the user wants colors in files and pipes too. */
  readonly forcesColor: boolean;
}

/** Reads the settings of the terminal. */
export function terminalSettings(): TerminalSettings {
  const { FORCE_COLOR = '', NO_COLOR = '', TERM } = process.env;
  const noColor = NO_COLOR !== '';
  return { isDumb: TERM === 'dumb', noColor, forcesColor: FORCE_COLOR !== '' && FORCE_COLOR !== '0' && !noColor };
}
