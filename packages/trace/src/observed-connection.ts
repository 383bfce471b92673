import type { EncodingName, Frame } from '@vfio-user/core';
import { LinkFrameKind, type Preface, PrefaceCapability } from '@vfio-user/core/internal';
import { readPreface } from './decode/session-decoder.js';
import type { TracedMessage } from './decode/traced-message.js';
import type { Packet, RelaySide } from './packet.js';
import type { RelayClient, RelayObserver } from './relay/relay-observer.js';
import type { RememberedSession, SessionNumbers } from './session-numbers.js';
import type { SessionBegin, SessionContinuation, SessionEnd } from './trace-sink.js';

/** What an {@link ObservedConnection} reports to. */
export interface ObservedTrace {
  readonly numbers: SessionNumbers;
  begin(begin: SessionBegin): void;
  continued(continuation: SessionContinuation): void;
  add(packet: Packet): TracedMessage;
  end(end: SessionEnd): void;
}

/** A connection through a relay: a session, or one that goes on with an earlier one's. */
export class ObservedConnection implements RelayObserver {
  readonly #trace: ObservedTrace;
  readonly #peer: string;
  readonly #encoding: EncodingName;
  #session = 0;
  /** The session, if it may go on over another connection. */
  #remembered: RememberedSession | undefined;
  #fromClient: Preface | undefined;

  constructor(trace: ObservedTrace, { peer, encoding }: RelayClient) {
    this.#trace = trace;
    this.#peer = peer;
    this.#encoding = encoding;
    // A preface tells whether a session of the portable encoding begins.
    if (encoding === 'native') this.#begin();
  }

  onPreface(sender: RelaySide, bytes: Uint8Array): void {
    const preface = readPreface(bytes);
    if (typeof preface !== 'string') {
      if (sender === 'client') this.#onClientPreface(preface);
      else this.#onServerPreface(preface);
    }
    if (this.#session === 0) this.#begin();
    const { length } = bytes;
    const [kind, descriptors] = ['preface', 0] as const;
    this.#add({ timeUs: nowUs(), sender, kind, descriptors, bytes, length });
  }

  onFrame(sender: RelaySide, { bytes, start, length, descriptors }: Frame): void {
    // The session has gone on elsewhere: its frames from here are sent again there.
    if (this.#isLeft) return;
    if (this.#session === 0) this.#begin();
    const { linkFrame } = this.#add({
      timeUs: nowUs(),
      sender,
      kind: 'message',
      descriptors: descriptors.length,
      bytes: bytes.subarray(start, start + length),
      length,
    });
    if (linkFrame?.kind === LinkFrameKind.END) this.#forget();
  }

  onEnd(error?: Error): void {
    if (this.#isLeft || this.#session === 0) return;
    const end = { session: this.#session, timeUs: nowUs(), reason: error?.message };
    this.#trace.end(this.#remembered === undefined ? end : { ...end, mayGoOn: true });
  }

  /** Whether a newer connection has the session. */
  get #isLeft(): boolean {
    return this.#remembered !== undefined && this.#remembered.connection !== this;
  }

  #onClientPreface(preface: Preface): void {
    this.#fromClient = preface;
    if (preface.handled === undefined) return;
    const remembered = this.#trace.numbers.find(preface.session);
    if (remembered === undefined) return;
    remembered.connection = this;
    this.#remembered = remembered;
    this.#session = remembered.session;
    this.#trace.continued({ session: this.#session, timeUs: nowUs(), peer: this.#peer });
  }

  #onServerPreface(preface: Preface): void {
    const { numbers } = this.#trace;
    if (this.#remembered !== undefined) {
      if (numbers.find(preface.session) === this.#remembered) return;
      this.#forget();
      const reason = 'the server has begun another session';
      this.#trace.end({ session: this.#session, timeUs: nowUs(), reason });
      this.#begin();
    }
    if (this.#session === 0) this.#begin();
    if ([preface, this.#fromClient].every(namesResume)) {
      this.#remembered = numbers.remember(preface.session, this.#session, this);
    }
  }

  #begin(): void {
    this.#session = this.#trace.numbers.next();
    const [session, encoding, peer] = [this.#session, this.#encoding, this.#peer] as const;
    this.#trace.begin({ session, timeUs: nowUs(), encoding, peer });
  }

  #forget(): void {
    if (this.#remembered !== undefined) this.#trace.numbers.forget(this.#remembered);
    this.#remembered = undefined;
  }

  #add(packet: Omit<Packet, 'session' | 'encoding'>): TracedMessage {
    return this.#trace.add({ ...packet, session: this.#session, encoding: this.#encoding });
  }
}

function namesResume(preface: Preface | undefined): boolean {
  if (preface === undefined || preface.minor < 1) return false;
  return preface.capabilities.includes(PrefaceCapability.RESUME);
}

/** Microseconds since 1970, monotonic. */
function nowUs(): number {
  return (performance.timeOrigin + performance.now()) * 1000;
}
