import { setImmediate } from 'node:timers/promises';
import {
  type Accept,
  type Connection,
  type Listener,
  type OpenContext,
  type SharedMemory,
  type Transport,
  type TransportCapabilities,
  type TransportUri,
  VfioUserError,
} from '@vfio-user/core';
import { encodingOf, listenedNoMore } from '@vfio-user/core/internal';
import {
  type ConnectionLimits,
  type ConnectionOptions,
  FramedConnection,
  openClient,
  openServer,
  PendingConnections,
  resolveOptions,
  type StreamEvents,
} from '@vfio-user/core/transport';
import { Channel } from './channel.js';
import { MemoryHandles } from './memory-handles.js';
import { MemoryPort } from './memory-port.js';
import { MemoryResources } from './memory-resources.js';
import { SharedSegment } from './memory-segment.js';

/**
 * Switches capabilities off, so that what replaces them is exercised. A frame has 16 MiB at most by
 * default, `highWaterBytes` is 256 KiB and `lowWaterBytes` 64 KiB.
 */
export interface MemoryTransportOptions extends ConnectionOptions {
  /** `false`: no descriptors, and so neither shared memory nor notifications. */
  readonly fdPassing?: boolean;
  readonly sharedMemory?: boolean;
  /** `false`: notifications overtake frames. */
  readonly orderedNotifications?: boolean;
  /** Most descriptors in one frame. Default 16. */
  readonly maxDescriptors?: number;
}

interface Listening {
  readonly accept: Accept;
  readonly context: OpenContext;
  readonly pending: PendingConnections;
}

/**
 * Timer that keeps the process alive while listening, as a socket would. Its period does not
 * matter.
 */
const KEEP_ALIVE_MS = 2 ** 30;

/** Time limit for a peer's greeting, ms. */
const HANDSHAKE_TIMEOUT_MS = 10_000;
/** Most connections to one name before the end of the handshake. */
const MAX_PENDING = 64;

/**
 * Both ends in one process: `memory:name`. Names are known to this instance only. With
 * `?encoding=portable` messages are written as between hosts, and no descriptors are passed.
 */
export class MemoryTransport implements Transport {
  readonly schemes = ['memory'];
  readonly queryKeys = ['encoding'];
  readonly encodingFor = encodingOf;
  readonly createMemory?: (name: string, length: number) => SharedMemory;
  readonly #limits: ConnectionLimits;
  readonly #capabilities: TransportCapabilities;
  readonly #handles = new MemoryHandles();
  readonly #listening = new Map<string, Listening>();
  #connections = 0;

  constructor(options: MemoryTransportOptions) {
    const { fdPassing = true, sharedMemory = true, orderedNotifications = true } = options;
    const waterMarks = { highWaterBytes: 2 ** 18, lowWaterBytes: 2 ** 16 };
    this.#limits = resolveOptions(options, { maxFrameBytes: 2 ** 24, ...waterMarks });
    this.#capabilities = {
      fdPassing,
      sharedMemory: fdPassing && sharedMemory,
      oneSidedMemory: false,
      orderedNotifications,
      maxFrameBytes: this.#limits.maxFrameBytes,
      maxDescriptors: fdPassing ? (options.maxDescriptors ?? 16) : 0,
    };
    if (this.#capabilities.sharedMemory) {
      this.createMemory = (name, length) => new SharedSegment(name, length, this.#handles);
    }
  }

  /** Descriptors, mappings and event ends that are not closed: a test finds leaks by it. */
  get openHandles(): number {
    return this.#handles.open;
  }

  async connect(uri: TransportUri, accept: Accept, context: OpenContext): Promise<Connection> {
    const { signal } = context;
    signal?.throwIfAborted();
    await setImmediate();
    signal?.throwIfAborted();
    const listening = this.#listening.get(nameOf(uri));
    if (listening === undefined) {
      throw new VfioUserError('VFU_SYSTEM_ERROR', `${uri.href}: nobody listens there`);
    }
    const requests = new Channel();
    const replies = new Channel();
    const serverName = `${uri.href}#${++this.#connections}`;
    const client = this.#end(uri, uri.href, context, { incoming: replies, outgoing: requests });
    const served = { incoming: requests, outgoing: replies };
    const server = this.#end(uri, serverName, listening.context, served);
    openServer(server, {
      ...listening,
      handshakeTimeoutMs: HANDSHAKE_TIMEOUT_MS,
      refused: (reason) => listening.context.logger?.warn({ peer: server.peer }, reason),
    });
    return openClient(client, accept, context, HANDSHAKE_TIMEOUT_MS);
  }

  async listen(uri: TransportUri, accept: Accept, context: OpenContext): Promise<Listener> {
    context.signal?.throwIfAborted();
    const name = nameOf(uri);
    if (this.#listening.has(name)) {
      throw new VfioUserError('VFU_SYSTEM_ERROR', `${uri.href}: somebody listens there already`);
    }
    const listening = { accept, context, pending: new PendingConnections(MAX_PENDING) };
    this.#listening.set(name, listening);
    const keepAlive = setInterval(() => {}, KEEP_ALIVE_MS);
    const close = async (): Promise<void> => {
      clearInterval(keepAlive);
      listening.pending.dropAll(listenedNoMore(uri.href));
      if (this.#listening.get(name) === listening) this.#listening.delete(name);
    };
    return { uri: uri.href, close };
  }

  #end(
    uri: TransportUri,
    peer: string,
    { framing }: OpenContext,
    channels: { readonly incoming: Channel; readonly outgoing: Channel },
  ): FramedConnection {
    const limits = this.#limits;
    const portable = encodingOf(uri) === 'portable';
    const capabilities = portable ? withoutDescriptors(this.#capabilities) : this.#capabilities;
    const { fdPassing, orderedNotifications, maxFrameBytes } = capabilities;
    const resources = fdPassing
      ? new MemoryResources(channels.outgoing, orderedNotifications, this.#handles)
      : undefined;
    const parts = { peer, resources, maxFrameBytes, ...channels };
    const port = (events: StreamEvents): MemoryPort => new MemoryPort(parts, events);
    const identity = { address: nameOf(uri) };
    return new FramedConnection({ peer, identity, capabilities, framing, limits, port });
  }
}

/** An in-process transport with a namespace of its own. */
export function memoryTransport(options: MemoryTransportOptions = {}): MemoryTransport {
  return new MemoryTransport(options);
}

function withoutDescriptors(capabilities: TransportCapabilities): TransportCapabilities {
  return { ...capabilities, fdPassing: false, sharedMemory: false, maxDescriptors: 0 };
}

function nameOf(uri: TransportUri): string {
  if (uri.pathname.length > 0 && uri.host === '') return uri.pathname;
  throw new VfioUserError('VFU_CONFIG_INVALID', `${uri.href}: expected memory:name`);
}
