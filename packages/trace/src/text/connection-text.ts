import { type LinkFrame, LinkFrameKind } from '@vfio-user/core/internal';
import type { TracedMessage } from '../decode/traced-message.js';
import type { Palette } from './palette.js';
import { escapeControls, rawText } from './values.js';

/** What concerns a connection: its name, and what it says. */
export type ConnectionText = readonly [name: string, details: string];

/** The session id is a secret and not shown. */
export function prefaceText({ preface, packet }: TracedMessage, palette: Palette): ConnectionText {
  if (preface === undefined || typeof preface === 'string') {
    const reason = palette.error(escapeControls(preface ?? ''));
    return ['preface', `${reason} | ${rawText(packet.bytes)}`];
  }
  const { major, minor, handled, capabilities } = preface;
  const goesOn = handled === undefined ? '' : ` goes on, handled ${handled}`;
  return ['preface', `${major}.${minor}${goesOn} ${escapeControls(capabilities.join(' '))}`];
}

export function linkFrameText({ kind, value, handled }: LinkFrame): ConnectionText {
  return [
    `link ${linkFrameName(kind)}`,
    `handled ${handled}${value === 0 ? '' : ` value ${value}`}`,
  ];
}

export function linkFrameName(kind: number): string {
  const found = Object.entries(LinkFrameKind).find(([, number]) => number === kind);
  return found?.[0] ?? `kind ${kind}`;
}
