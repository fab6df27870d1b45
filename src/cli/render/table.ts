/** Text in columns, each as wide as its longest cell; the last one is as long as it is. Cells may hold colours. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_cell, column) => Math.max(...rows.map((row) => shown(row[column] ?? ''))));
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === row.length - 1 ? cell : cell + ' '.repeat((widths[column] ?? 0) - shown(cell) + 2),
      )
      .join('')
      .trimEnd(),
  );
}

/** How many columns of a terminal a text takes: its colours take none. */
function shown(text: string): number {
  return text.replace(/\u001b\[[\d;]*m/g, '').length;
}
