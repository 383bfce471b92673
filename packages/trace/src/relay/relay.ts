import {
  type EncodingName,
  type Logger,
  silentLogger,
  type TransportRegistry,
  VfioUserError,
} from '@vfio-user/core';
import { endWithSignal, LimitedLogger } from '@vfio-user/core/internal';
import { encodingNamed, MAX_DATA_BYTES } from '../packet.js';
import { type RelayAddress, RelayListener } from './relay-listener.js';
import type { RelayClient, RelayObserver } from './relay-observer.js';

/** A running relay. */
export interface Relay {
  /** URI it listens on, with port 0 resolved. */
  readonly uri: string;
  /** Resolves when the relay has ended. */
  readonly closed: Promise<void>;
  /** Stop reading from all clients and servers until everybody who called this has called {@link Relay.release}. */
  hold(by: object): void;
  release(by: object): void;
  /** Number of sessions so far, and of open ones. */
  statistics(): { readonly sessions: number; readonly open: number };
  /** Stop listening, and close the sessions once what is queued is sent. */
  close(): Promise<void>;
}

export interface RelayOptions {
  readonly registry: TransportRegistry;
  /** The URI that clients connect to. */
  readonly listen: string;
  /** The URI of the server. */
  readonly connect: string;
  /** Called for each client; what it returns sees the session. */
  observe(arrival: RelayClient): RelayObserver;
  /**
   * Largest data of a message, bytes: what a peer can make the relay reserve.
   * @default 16 MiB, above what clients and servers negotiate.
   */
  readonly maxDataXferSize?: number;
  readonly logger?: Logger;
  /**
   * Aborts the start, which rejects with its reason; afterwards closes the relay like {@link
   * Relay.close}.
   */
  readonly signal?: AbortSignal;
}

/**
 * Relay sessions: each client of one URI gets a connection of its own to the server at the other.
 * @throws {VfioUserError} `VFU_CONFIG_INVALID` when the URIs differ in their encoding.
 */
export async function startRelay(options: RelayOptions): Promise<Relay> {
  const { registry, listen, connect } = options;
  const logger = LimitedLogger.over(options.logger ?? silentLogger);
  const clientSide = registry.resolve(listen);
  const server = registry.resolve(connect);
  const encoding = encodingOf(clientSide);
  if (encoding !== encodingOf(server)) {
    throw new VfioUserError(
      'VFU_CONFIG_INVALID',
      `${listen} speaks the ${encoding} encoding and ${connect} the ${encodingOf(server)} one: a session can ` +
        'only be passed on unchanged. Add ?encoding=native or ?encoding=portable to one of them, or use a bridge',
    );
  }
  if (encoding === 'native' && passesDescriptors(clientSide) !== passesDescriptors(server)) {
    logger.warn(
      { listen, connect },
      'descriptors cannot pass between these transports: a session that needs them will be ended',
    );
  }
  const { framing } = encodingNamed(encoding, options.maxDataXferSize ?? MAX_DATA_BYTES);
  const observe = (arrival: RelayClient): RelayObserver => options.observe(arrival);
  const settings = { observe, logger, server, encoding, framing };
  const relay = await RelayListener.start(clientSide, settings, options.signal);
  void relay.closed.then(() => logger.flush());
  await endWithSignal(relay, options.signal);
  return relay;
}

function encodingOf({ transport, uri }: RelayAddress): EncodingName {
  return transport.encodingFor?.(uri) ?? 'native';
}

function passesDescriptors({ transport }: RelayAddress): boolean {
  return transport.createMemory !== undefined;
}
