import type { DeviceNames } from './decode/device-view.js';
import { TraceDecoder } from './decode/trace-decoder.js';
import type { TracedMessage } from './decode/traced-message.js';
import { ObservedConnection, type ObservedTrace } from './observed-connection.js';
import type { Packet } from './packet.js';
import type { RelayClient, RelayObserver } from './relay/relay-observer.js';
import { SessionNumbers } from './session-numbers.js';
import type { SessionBegin, SessionContinuation, SessionEnd, TraceSink } from './trace-sink.js';

/** Decodes the sessions of a relay or of a capture for one or more sinks. */
export class Tracer {
  readonly #sinks: readonly TraceSink[];
  readonly #decoder: TraceDecoder;
  readonly #observed: ObservedTrace;

  constructor(sinks: readonly TraceSink[], names?: DeviceNames) {
    this.#sinks = sinks;
    this.#decoder = new TraceDecoder(names);
    this.#observed = {
      numbers: new SessionNumbers(),
      begin: (begin) => this.#begin(begin),
      continued: (continuation) => this.#continued(continuation),
      add: (packet) => this.#add(packet),
      end: (end) => this.#end(end),
    };
  }

  /** The observer for a client that connected to a relay: pass this to `startRelay`. */
  observe(client: RelayClient): RelayObserver {
    return new ObservedConnection(this.#observed, client);
  }

  /** Decode a packet of a capture. The first one of a session begins it; a capture does not record its end. */
  replay(packet: Packet): void {
    const { session, timeUs, encoding, kind, sender } = packet;
    if (!this.#decoder.follows(session)) this.#begin({ session, timeUs, encoding });
    else if (kind === 'preface' && sender === 'client') this.#continued({ session, timeUs });
    this.#add(packet);
  }

  #begin(begin: SessionBegin): void {
    for (const sink of this.#sinks) sink.onBegin?.(begin);
  }

  #continued(continuation: SessionContinuation): void {
    for (const sink of this.#sinks) sink.onContinued?.(continuation);
  }

  #add(packet: Packet): TracedMessage {
    const traced = this.#decoder.decode(packet);
    for (const sink of this.#sinks) sink.onMessage(traced);
    return traced;
  }

  #end(end: SessionEnd): void {
    if (!end.mayGoOn) this.#decoder.ended(end.session);
    for (const sink of this.#sinks) sink.onEnd?.(end);
  }
}
