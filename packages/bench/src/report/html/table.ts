import type { Table } from '../tables.js';
import { escapeMarkup } from './escape.js';

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
