/** Aligns cells in columns as wide as their longest cell. Cells may have colors. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_cell, column) => Math.max(...rows.map((row) => widthOf(row[column] ?? ''))));
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === row.length - 1 ? cell : cell + ' '.repeat((widths[column] ?? 0) - widthOf(cell) + 2),
      )
      .join('')
      .trimEnd(),
  );
}

/** Returns the width of a text without its colors. */
function widthOf(text: string): number {
  return text.replace(/\u001b\[[\d;]*m/g, '').length;
}
