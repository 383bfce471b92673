/** Options of {@link textTable}. */
export interface TextTableOptions {
  /** Number of left-aligned columns, from the first; the others are right-aligned. */
  readonly left: number;
  /** Spaces in front of each line. */
  readonly indent?: number;
}

/**
 * A table of `rows` below `head`, without a final newline. Columns are as wide as their widest
 * cell.
 */
export function textTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  { left, indent = 0 }: TextTableOptions,
): string {
  const lines = [head, ...rows];
  const widths = head.map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  );
  const lineOf = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column < left ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  ')
      .trimEnd();
  return lines.map((cells) => `${' '.repeat(indent)}${lineOf(cells)}`).join('\n');
}
