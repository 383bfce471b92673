import type { Logger } from '../logger.js';
import type { Handshake } from '../transport/handshake.js';
import type { TransportRegistry } from '../transport/registry.js';
import type { Connection, FrameSink, Listener } from '../transport/transport.js';
import { type Wire, wireFactory } from './wire.js';

export interface OpenOptions {
  /** Most bytes of data in one message. */
  readonly maxDataXferSize: number;
  /** How long the peer may be silent, where it can be asked for signs of life, ms; 0: for ever. */
  readonly silenceMs: number;
  readonly logger?: Logger | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A connection, and how it is spoken on. */
export interface OpenWire {
  readonly connection: Connection;
  readonly wire: Wire;
}

/** Connect to a URI in the encoding that it asks for. */
export async function connectWire(
  registry: TransportRegistry,
  text: string,
  sink: FrameSink,
  options: OpenOptions,
): Promise<OpenWire> {
  const { transport, uri } = registry.resolve(text);
  const { maxDataXferSize, silenceMs, logger, signal } = options;
  const encoding = transport.encodingFor?.(uri) ?? 'native';
  const wires = wireFactory(encoding, { maxDataXferSize, silenceMs, role: 'client' });
  let handshake: Handshake | undefined;
  const begin = wires.handshake;
  const connection = await transport.connect(uri, sink, {
    framing: wires.framing,
    ...(begin && {
      handshake: (attachment?: Uint8Array) => {
        handshake = begin(attachment);
        return handshake;
      },
    }),
    ...(logger && { logger }),
    ...(signal && { signal }),
  });
  return { connection, wire: wires.open(handshake) };
}

/** Listen on a URI; each connection is spoken on in the encoding that the URI asks for. */
export function listenForWires(
  registry: TransportRegistry,
  text: string,
  accept: (opened: OpenWire) => FrameSink,
  options: OpenOptions,
): Promise<Listener> {
  const { transport, uri } = registry.resolve(text);
  const { maxDataXferSize, silenceMs, logger, signal } = options;
  const encoding = transport.encodingFor?.(uri) ?? 'native';
  const wires = wireFactory(encoding, { maxDataXferSize, silenceMs, role: 'server' });
  return transport.listen(
    uri,
    (connection, handshake) => accept({ connection, wire: wires.open(handshake) }),
    {
      framing: wires.framing,
      ...(wires.handshake && { handshake: wires.handshake }),
      ...(logger && { logger }),
      ...(signal && { signal }),
    },
  );
}
