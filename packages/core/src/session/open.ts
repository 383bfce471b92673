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
  /** Connecting again: the name of the session that was lost. */
  readonly lostSession?: Uint8Array | undefined;
  readonly logger?: Logger | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A connection, and how it is spoken on. */
export interface OpenWire {
  readonly connection: Connection;
  readonly wire: Wire;
}

/**
 * Why no interrupt can come that way, and what to do; `undefined` where it can. The native encoding
 * passes an eventfd, the portable one has a message.
 */
export function noInterrupts(registry: TransportRegistry, text: string): string | undefined {
  const { transport, uri } = registry.resolve(text);
  const encoding = transport.encodingFor?.(uri) ?? 'native';
  if (encoding === 'portable' || transport.createMemory !== undefined) return undefined;
  return (
    `interrupts cannot travel over ${uri.protocol} in the native encoding, which has only eventfds for ` +
    'them: use encoding=portable on both sides'
  );
}

/** Connect to a URI in the encoding that it asks for. */
export async function connectWire(
  registry: TransportRegistry,
  text: string,
  sink: FrameSink,
  options: OpenOptions,
): Promise<OpenWire> {
  const { transport, uri } = registry.resolve(text);
  const { maxDataXferSize, silenceMs, lostSession, logger, signal } = options;
  const encoding = transport.encodingFor?.(uri) ?? 'native';
  const wires = wireFactory(encoding, { maxDataXferSize, silenceMs, role: 'client', lostSession });
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
  const reason = noInterrupts(registry, text);
  if (reason !== undefined) logger?.warn({ listen: text }, `clients get no interrupts: ${reason}`);
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

/**
 * Open a session on a connection. Whatever goes wrong ends the connection; an abort is rejected with
 * the reason of the signal, whatever followed from it.
 */
export async function openSession<T>(
  connection: Connection,
  signal: AbortSignal | undefined,
  open: () => Promise<T>,
): Promise<T> {
  const onAbort = (): void => connection.abort(asError(signal?.reason));
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    signal?.throwIfAborted();
    return await open();
  } catch (error) {
    connection.abort(asError(error));
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

/** Something that was started with a signal and runs until it is closed. */
interface Ending {
  readonly closed: Promise<void>;
  close(): Promise<void>;
}

/** Close what has just been started when its signal aborts. If that is now, the start has failed. */
export async function endWithSignal(
  started: Ending,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (signal === undefined) return;
  if (signal.aborted) {
    await started.close();
    throw signal.reason;
  }
  const onAbort = (): void => void started.close();
  signal.addEventListener('abort', onAbort, { once: true });
  void started.closed.then(() => signal.removeEventListener('abort', onAbort));
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
