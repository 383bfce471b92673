import { type Frame, Region } from '@vfio-user/core';
import { decodePreface, type Encoding, type Message, type Preface } from '@vfio-user/core/internal';
import type { RegisterMap } from '@vfio-user/devices';
import { DeviceView } from '../device/device-view.js';
import { encodingNamed } from '../encoding.js';
import { MAX_DATA_BYTES, type Packet } from '../packet.js';
import { accessesOf } from './accesses.js';
import { RequestLog } from './request-log.js';
import type { TracedAccess, TracedMessage, TracedRequest } from './traced-message.js';

const NO_ACCESSES: readonly TracedAccess[] = [];

/** Decodes one session from its beginning on, and learns from it what device it is about. */
export class SessionDecoder {
  readonly #encoding: Encoding;
  readonly #device: DeviceView;
  readonly #requests = new RequestLog();

  constructor(encoding: Packet['encoding'], device?: RegisterMap) {
    this.#encoding = encodingNamed(encoding, MAX_DATA_BYTES);
    this.#device = new DeviceView(device);
  }

  /** Never throws, whatever the bytes are. */
  decode(packet: Packet): TracedMessage {
    if (packet.kind === 'preface') {
      const preface = readPreface(packet.bytes);
      return { packet, message: undefined, preface, accesses: NO_ACCESSES };
    }
    const message = this.#encoding.decode(frameOf(packet));
    if (message.kind === 'request' || (message.kind === 'malformed' && message.isRequest)) {
      return this.#request(packet, message);
    }
    const request = this.#requests.take(packet.sender, message);
    const latencyUs = request && packet.timeUs - request.timeUs;
    const accesses = this.#accessesOfReply(message, request);
    return { packet, message, accesses, request, latencyUs };
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

  /** A reply that does not repeat the place is about that of its request. */
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

  #named(accesses: readonly Omit<TracedAccess, 'register'>[]): readonly TracedAccess[] {
    return accesses.map((access) => ({
      ...access,
      register: this.#device.registerAt(access.region, access.offset, access.count),
    }));
  }
}

/** With zeros for what a file does not hold: how much there was is part of the message. */
function frameOf({ bytes: held, length }: Packet): Frame {
  let bytes = held;
  if (held.length < length) {
    bytes = new Uint8Array(length);
    bytes.set(held);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return { bytes, view, start: 0, length, descriptors: [] };
}

function readPreface(bytes: Uint8Array): Preface | string {
  try {
    return decodePreface(bytes);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
