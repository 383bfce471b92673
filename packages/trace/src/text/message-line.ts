import { commandName, errno } from '@vfio-user/core';
import type { TracedAccess, TracedMessage } from '../decode/traced-message.js';
import { linkFrameText, prefaceText } from './connection-text.js';
import { replyText, requestText } from './message-text.js';
import { regionName } from './names.js';
import type { Palette } from './palette.js';
import { dataText, durationText, escapeControls, hexText, rawText, timeText } from './values.js';

const ID_COLUMNS = 6;
const COMMAND_COLUMNS = 22;
const LATENCY_COLUMNS = 6;

/** One message as a line: time, direction, id, command, latency of a reply, body. */
export function messageLine(traced: TracedMessage, palette: Palette): string {
  const { packet, message, latencyUs } = traced;
  const time = palette.dim(timeText(packet.timeUs));
  const arrow = packet.sender === 'client' ? '→' : '←';
  if (message === undefined) {
    const [name, details] =
      traced.linkFrame === undefined
        ? prefaceText(traced, palette)
        : linkFrameText(traced.linkFrame);
    const blank = ' '.repeat(ID_COLUMNS);
    const what = palette.request(name.padEnd(COMMAND_COLUMNS));
    return `${time} ${arrow} ${blank} ${what} ${' '.repeat(LATENCY_COLUMNS)} ${details}`.trimEnd();
  }
  const id = `#${message.id}`.padEnd(ID_COLUMNS);
  const command = commandName(message.command).padEnd(COMMAND_COLUMNS);
  const coloured = message.kind === 'request' ? palette.request(command) : palette.reply(command);
  const took = traced.isSentAgain ? '' : latencyText(message.kind, latencyUs);
  const latency = palette.dim(took.padStart(LATENCY_COLUMNS));
  const details = detailsOf(traced, palette);
  return `${time} ${arrow} ${id} ${coloured} ${latency} ${details}`.trimEnd();
}

function latencyText(kind: string, latencyUs: number | undefined): string {
  if (latencyUs !== undefined) return durationText(latencyUs);
  return kind === 'reply' || kind === 'error' ? '?' : '';
}

function detailsOf(
  { message, accesses, packet, isSentAgain }: TracedMessage,
  palette: Palette,
): string {
  const parts: string[] = [];
  for (const access of accesses) parts.push(accessText(access, palette));
  if (message?.kind === 'request') parts.push(escapeControls(requestText(message)));
  if (message?.kind === 'reply') parts.push(escapeControls(replyText(message)));
  if (message?.kind === 'error') {
    const text = message.text === undefined ? '' : `: ${escapeControls(message.text)}`;
    parts.push(palette.error(`${errno.errnoText(message.errno)}${text}`));
  }
  if (message?.kind === 'malformed') {
    parts.push(`${palette.error(escapeControls(message.reason))} | ${rawText(packet.bytes)}`);
  }
  if (message !== undefined && 'noReply' in message && message.noReply) parts.push('(no reply)');
  if (isSentAgain) parts.push('(sent again)');
  if (packet.descriptors > 0) parts.push(palette.value(`fds=${packet.descriptors}`));
  return parts.filter((part) => part !== '').join(' ');
}

function accessText(access: TracedAccess, palette: Palette): string {
  const { region, offset, count, register, data } = access;
  const name = register.name === undefined ? '' : ` ${palette.register(register.name)}`;
  const unknown = register.isImplemented ? '' : ` ${palette.error('(not implemented)')}`;
  const value = data === undefined ? '' : ` = ${palette.value(dataText(data))}`;
  return `${regionName(region)}+${hexText(offset)}${name}${unknown} [${count}]${value}`;
}
