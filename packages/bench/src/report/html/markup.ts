import type { Table } from '../tables.js';

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as HTML or XML content or attribute. */
export function escapeMarkup(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] as string);
}

/** A value as JSON that can stand in a script element. */
export function scriptJson(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c');
}

/** A table with its heading. */
export function tableHtml({ title, what, head, rows }: Table): string {
  const names = head.indexOf('');
  const line = (tag: 'th' | 'td', cells: readonly string[]): string => {
    const parts = cells.map((cell, column) => {
      const kind = column <= names ? ' class="name"' : '';
      return `<${tag}${kind}>${escapeMarkup(cell)}</${tag}>`;
    });
    return `<tr>${parts.join('')}</tr>`;
  };
  const lines = [line('th', head), ...rows.map((row) => line('td', row))];
  const heading = `<h3>${escapeMarkup(title)}</h3><p>${escapeMarkup(what)}</p>`;
  return `${heading}<div class="scroll"><table>${lines.join('')}</table></div>`;
}
