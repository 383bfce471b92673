import type { Frame } from '@vfio-user/core';
import type { RegisterMap } from '@vfio-user/devices';
import { SessionDecoders } from './decode/session-decoders.js';
import type { Outlet } from './output/outlet.js';
import type { Packet } from './packet.js';
import { encodePacket } from './pcap/pcap-encoder.js';
import type { Printer } from './printer.js';
import type { RelayArrival, RelaySessionObserver } from './relay/relay.js';
import type { RelaySide } from './relay/relay-observer.js';
import type { TraceStatistics } from './statistics/statistics.js';

/** Session numbers have 16 bits in a file. */
const MAX_SESSION = 0xffff;

export interface TracerOptions {
  /** Absent where only the capture is wanted. */
  readonly printer: Printer | undefined;
  readonly statistics: TraceStatistics;
  /** Where a capture goes, if one is wanted. */
  readonly capture: Outlet | undefined;
  /** The device, where it was told. */
  readonly device: RegisterMap | undefined;
}

/** Watches sessions as they go by. */
export class Tracer {
  readonly #options: TracerOptions;
  readonly #decoders: SessionDecoders;
  #lastSession = 0;

  constructor(options: TracerOptions) {
    this.#options = options;
    this.#decoders = new SessionDecoders(options.device);
  }

  observe({ peer, encoding }: RelayArrival): RelaySessionObserver {
    const session = (this.#lastSession % MAX_SESSION) + 1;
    this.#lastSession = session;
    const { printer } = this.#options;
    printer?.begins({ session, timeUs: nowUs(), encoding, peer });
    const head = { session, encoding } as const;
    return {
      onPreface: (sender, bytes) => {
        const { length } = bytes;
        this.#add({
          ...head,
          timeUs: nowUs(),
          sender,
          kind: 'preface',
          descriptors: 0,
          bytes,
          length,
        });
      },
      onFrame: (sender, frame) => this.#add({ ...head, ...packetOf(sender, frame) }),
      onEnd: (error) => {
        this.#decoders.ended(session);
        printer?.ends({ session, timeUs: nowUs(), reason: error?.message });
      },
    };
  }

  #add(packet: Packet): void {
    const { printer, statistics, capture } = this.#options;
    capture?.write(encodePacket(packet));
    const traced = this.#decoders.decode(packet);
    statistics.add(traced);
    printer?.message(traced);
  }
}

function packetOf(
  sender: RelaySide,
  { bytes, start, length, descriptors }: Frame,
): Omit<Packet, 'session' | 'encoding'> {
  return {
    timeUs: nowUs(),
    sender,
    kind: 'message',
    descriptors: descriptors.length,
    bytes: bytes.subarray(start, start + length),
    length,
  };
}

/** Microseconds since 1970, never going back. */
function nowUs(): number {
  return (performance.timeOrigin + performance.now()) * 1000;
}
