import { Command, type Frame, Region } from '@vfio-user/core';
import {
  decodeLinkFrame,
  decodePreface,
  type Encoding,
  isLinkFrame,
  type Message,
  type Preface,
  withoutSessionId,
} from '@vfio-user/core/internal';
import {
  encodingNamed,
  MAX_DATA_BYTES,
  otherSide,
  type Packet,
  type RelaySide,
} from '../packet.js';
import { type DeviceNames, DeviceView } from './device-view.js';
import { FrameCounts } from './frame-counts.js';
import type { TracedAccess, TracedMessage, TracedRequest } from './traced-message.js';

/** Shorter frames are malformed. */
const FRAME_HEADER_BYTES = 8;

const NO_ACCESSES: readonly TracedAccess[] = [];

type Access = Omit<TracedAccess, 'register'>;

/** Decodes one session from its beginning, and recognises its device by the configuration space that is read. */
export class SessionDecoder {
  readonly #encoding: Encoding;
  readonly #device: DeviceView;
  readonly #requests = new RequestLog();
  readonly #frames = new FrameCounts();

  constructor(encoding: Packet['encoding'], names?: DeviceNames) {
    this.#encoding = encodingNamed(encoding, MAX_DATA_BYTES);
    this.#device = new DeviceView(names);
  }

  /** Never throws, whatever the bytes are. */
  decode(packet: Packet): TracedMessage {
    if (packet.kind === 'preface') return this.#preface(packet);
    const frame = frameOf(packet);
    const isPortable = packet.encoding === 'portable' && packet.length >= FRAME_HEADER_BYTES;
    if (isPortable && isLinkFrame(frame)) {
      const linkFrame = decodeLinkFrame(frame);
      const message = linkFrame === undefined ? this.#encoding.decode(frame) : undefined;
      return { packet, message, linkFrame, accesses: NO_ACCESSES };
    }
    if (isPortable && this.#frames.onFrame(packet.sender)) return this.#sentAgain(packet, frame);
    const message = this.#encoding.decode(frame);
    if (message.kind === 'request' || (message.kind === 'malformed' && message.isRequest)) {
      return this.#request(packet, message);
    }
    const request = this.#requests.take(packet.sender, message);
    const latencyUs = request && packet.timeUs - request.timeUs;
    const accesses = this.#accessesOfReply(message, request);
    return { packet, message, accesses, request, latencyUs };
  }

  #preface(packet: Packet): TracedMessage {
    const bytes = withoutSessionId(packet.bytes);
    const preface = readPreface(bytes);
    if (typeof preface !== 'string') this.#frames.onPreface(packet.sender, preface);
    const message = undefined;
    return { packet: { ...packet, bytes }, message, preface, accesses: NO_ACCESSES };
  }

  /** Its request or reply was seen when it passed first. */
  #sentAgain(packet: Packet, frame: Frame): TracedMessage {
    const message = this.#encoding.decode(frame);
    return { packet, message, accesses: this.#named(accessesOf(message)), isSentAgain: true };
  }

  #request(packet: Packet, message: Message): TracedMessage {
    const accesses = this.#named(accessesOf(message));
    if ('noReply' in message && !message.noReply) {
      this.#requests.add(packet.sender, message.id, {
        command: message.command,
        timeUs: packet.timeUs,
        length: packet.length,
        accesses: accesses.map(({ data: _borrowed, ...access }) => access),
      });
    }
    return { packet, message, accesses };
  }

  /** Replies that do not name the offset again have the accesses of their request. */
  #accessesOfReply(message: Message, request: TracedRequest | undefined): readonly TracedAccess[] {
    const own = accessesOf(message);
    if (own.length === 0) return request?.accesses ?? NO_ACCESSES;
    for (const { region, offset, data, isWrite } of own) {
      if (region === Region.CONFIG && !isWrite && data !== undefined) {
        this.#device.learnConfig(offset, data);
      }
    }
    return this.#named(own);
  }

  #named(accesses: readonly Access[]): readonly TracedAccess[] {
    return accesses.map((access) => ({
      ...access,
      register: this.#device.registerAt(access.region, access.offset, access.count),
    }));
  }
}

/** A message that was cut off is filled up with zeros: its length is part of it. */
function frameOf({ bytes: held, length }: Packet): Frame {
  let bytes = held;
  if (held.length < length) {
    bytes = new Uint8Array(length);
    bytes.set(held);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return { bytes, view, start: 0, length, descriptors: [] };
}

/** What a preface says, or in words why it says nothing. */
export function readPreface(bytes: Uint8Array): Preface | string {
  try {
    return decodePreface(bytes);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** The accesses to regions that a message asks for, or answers. */
function accessesOf(message: Message): readonly Access[] {
  if (message.kind !== 'request' && message.kind !== 'reply') return NO_ACCESSES;
  switch (message.command) {
    case Command.REGION_READ:
      return message.body === undefined ? NO_ACCESSES : [{ ...message.body, isWrite: false }];
    case Command.REGION_WRITE:
      return message.body === undefined ? NO_ACCESSES : [{ ...message.body, isWrite: true }];
    case Command.REGION_WRITE_MULTI:
      return message.kind === 'reply'
        ? NO_ACCESSES
        : message.body.writes.map((write) => ({ ...write, isWrite: true }));
    default:
      return NO_ACCESSES;
  }
}

/** Open requests of each side. At most 65,536: ids have 16 bits. */
class RequestLog {
  readonly #open = {
    client: new Map<number, TracedRequest>(),
    server: new Map<number, TracedRequest>(),
  };

  add(sender: RelaySide, id: number, request: TracedRequest): void {
    this.#open[sender].set(id, request);
  }

  /** The request that a reply of `sender` answers. */
  take(sender: RelaySide, { id, command }: Message): TracedRequest | undefined {
    const asked = this.#open[otherSide(sender)];
    const request = asked.get(id);
    if (request?.command !== command) return undefined;
    asked.delete(id);
    return request;
  }
}
