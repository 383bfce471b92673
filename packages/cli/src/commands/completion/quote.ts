/** A word for `sh`, `bash` and `zsh`: nothing in it is special. */
export function quoteForSh(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A word for fish, where a backslash is special within quotes, too. */
export function quoteForFish(text: string): string {
  return `'${text.replace(/['\\]/g, '\\$&')}'`;
}

/** Lines of a script at a depth. */
export function indented(lines: readonly string[], spaces: number): string {
  return lines.map((line) => `${' '.repeat(spaces)}${line}`).join('\n');
}
