import { commandName } from '@vfio-user/core';
import type { TracedAccess, TracedMessage } from '../decode/traced-message.js';
import { linkFrameName } from './connection-text.js';
import { regionName } from './names.js';

/** Bytes of data written at most; `bytes` and `count` tell the full length. */
const HELD_BYTES = 4096;

/** One message as a line of JSON. 64-bit numbers and bytes are hexadecimal strings. */
export function messageJson({
  packet,
  message,
  preface,
  linkFrame,
  accesses,
  latencyUs,
  isSentAgain,
}: TracedMessage): string {
  const { session, sender, length, descriptors } = packet;
  const where = { session, from: sender, bytes: length, descriptors };
  const type = linkFrame === undefined ? packet.kind : 'link-frame';
  const head = { type, time: isoTime(packet.timeUs), ...where };
  if (linkFrame !== undefined) {
    const { kind, value, handled, payload } = linkFrame;
    const data = payload.length > 0 && { payload };
    return stringify({ ...head, kind: linkFrameName(kind), value, handled, ...data });
  }
  if (message === undefined) {
    // The session id is a secret.
    const shown = typeof preface === 'object' ? { ...preface, session: undefined } : preface;
    return stringify({ ...head, preface: shown });
  }
  const { kind, id, command } = message;
  return stringify({
    ...head,
    kind,
    id,
    command: commandName(command),
    ...(latencyUs !== undefined && { latencyUs: Math.round(latencyUs * 10) / 10 }),
    ...(isSentAgain && { sentAgain: true }),
    ...('noReply' in message && message.noReply && { noReply: true }),
    ...(accesses.length > 0 && { accesses: accesses.map(accessObject) }),
    ...('body' in message && accesses.length === 0 && { body: message.body }),
    ...(kind === 'error' && { errno: message.errno, text: message.text }),
    ...(kind === 'malformed' && { reason: message.reason, raw: packet.bytes }),
  });
}

/**
 * JSON with 64-bit numbers and bytes as hexadecimal strings; of bytes, the first 4096.
 * @param indent spaces per level; without it, one line.
 */
export function stringify(value: unknown, indent?: number): string {
  return JSON.stringify(value, replace, indent);
}

function replace(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `0x${value.toString(16)}`;
  if (!(value instanceof Uint8Array)) return value;
  const held = Math.min(value.length, HELD_BYTES);
  return Buffer.from(value.buffer, value.byteOffset, held).toString('hex');
}

/** ISO 8601 in UTC, with microseconds. */
export function isoTime(timeUs: number): string {
  const micros = String(Math.floor(timeUs % 1000)).padStart(3, '0');
  return new Date(timeUs / 1000).toISOString().replace('Z', `${micros}Z`);
}

function accessObject({ isWrite, region, offset, count, register, data }: TracedAccess): object {
  return {
    access: isWrite ? 'write' : 'read',
    region: regionName(region),
    offset,
    count,
    register: register.name,
    ...(!register.isImplemented && { implemented: false }),
    data,
  };
}
