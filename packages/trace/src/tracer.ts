import type { EncodingName, Frame } from '@vfio-user/core';
import type { DeviceNames } from './decode/device-view.js';
import { TraceDecoder } from './decode/trace-decoder.js';
import type { TracedMessage } from './decode/traced-message.js';
import type { Packet, RelaySide } from './packet.js';
import type { RelayClient, RelayObserver } from './relay/relay-observer.js';

/** A capture has 16 bits for the number of a session. */
const MAX_SESSION = 0xffff;

/** The beginning of a session. */
export interface SessionBegin {
  readonly session: number;
  /** Microseconds since 1970. */
  readonly timeUs: number;
  readonly encoding: EncodingName;
  /** Who the client is; absent for a capture, which does not record it. */
  readonly peer?: string;
}

/** The end of a session. */
export interface SessionEnd {
  readonly session: number;
  /** Microseconds since 1970. */
  readonly timeUs: number;
  /** Absent when one side left in order. */
  readonly reason?: string | undefined;
}

/** Gets what is traced: a printer, statistics, a capture, or your own. Must not throw. */
export interface TraceSink {
  onBegin?(begin: SessionBegin): void;
  /** @param traced valid until this returns. */
  onMessage(traced: TracedMessage): void;
  onEnd?(end: SessionEnd): void;
}

/** Decodes the sessions of a relay or of a capture for one or more sinks. */
export class Tracer {
  readonly #sinks: readonly TraceSink[];
  readonly #decoder: TraceDecoder;
  #lastSession = 0;

  constructor(sinks: readonly TraceSink[], names?: DeviceNames) {
    this.#sinks = sinks;
    this.#decoder = new TraceDecoder(names);
  }

  /** The observer for a client that connected to a relay: pass this to `startRelay`. */
  observe({ peer, encoding }: RelayClient): RelayObserver {
    const session = (this.#lastSession % MAX_SESSION) + 1;
    this.#lastSession = session;
    this.#begin({ session, timeUs: nowUs(), encoding, peer });
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
        this.#decoder.ended(session);
        const end = { session, timeUs: nowUs(), reason: error?.message };
        for (const sink of this.#sinks) sink.onEnd?.(end);
      },
    };
  }

  /** Decode a packet of a capture. The first one of a session begins it; a capture does not record its end. */
  replay(packet: Packet): void {
    const { session, timeUs, encoding } = packet;
    if (!this.#decoder.follows(session)) this.#begin({ session, timeUs, encoding });
    this.#add(packet);
  }

  #begin(begin: SessionBegin): void {
    for (const sink of this.#sinks) sink.onBegin?.(begin);
  }

  #add(packet: Packet): void {
    const traced = this.#decoder.decode(packet);
    for (const sink of this.#sinks) sink.onMessage(traced);
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

/** Microseconds since 1970, monotonic. */
function nowUs(): number {
  return (performance.timeOrigin + performance.now()) * 1000;
}
