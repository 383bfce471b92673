/** A fenced block of a Markdown document. */
export interface CodeBlock {
  readonly language: string;
  /** What stands behind the language, which no reader sees. */
  readonly words: readonly string[];
  readonly code: string;
  /** Of its first line, from 1. */
  readonly line: number;
}

/** The fenced blocks of a document, in order; those within lists included, without their indentation. */
export function codeBlocks(markdown: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  for (const match of markdown.matchAll(/^( *)```(.*)\n([\s\S]*?)^\1```$/gm)) {
    const [, indent = '', info = '', code = ''] = match;
    const [language = '', ...words] = info.trim().split(/\s+/);
    blocks.push({
      language,
      words,
      code: code.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
      line: markdown.slice(0, match.index).split('\n').length + 1,
    });
  }
  return blocks;
}
