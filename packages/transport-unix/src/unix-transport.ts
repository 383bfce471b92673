import {
  type Accept,
  type Connection,
  type Framing,
  type Listener,
  type OpenContext,
  type SharedMemory,
  silentLogger,
  type Transport,
  type TransportCapabilities,
  type TransportUri,
  VfioUserError,
} from '@vfio-user/core';
import { encodingOf, listenedNoMore } from '@vfio-user/core/internal';
import {
  type FramedConnection,
  openClient,
  openServer,
  PendingConnections,
} from '@vfio-user/core/transport';
import {
  FileDescriptor,
  hostPageBytes,
  isListening,
  isUnixStream,
  SCM_MAX_FD,
  unavailableReason,
} from '@vfio-user/posix-ffi';
import { socketConnection, systemFailure } from '@vfio-user/transport-socket';
import { parseUnixUri, type UnixAddress } from './address.js';
import { connectSocket } from './connect-socket.js';
import { bindSocket } from './listener/bound-socket.js';
import { findGroup } from './listener/permissions.js';
import { UnixListener } from './listener/unix-listener.js';
import { resolveOptions, type UnixSettings, type UnixTransportOptions } from './options.js';
import { identifyPeer, type PeerProcess } from './peer-process.js';
import { UnixResources } from './resources/unix-resources.js';

/** vfio-user over AF_UNIX stream sockets, with descriptors: `unix:` and `fd:`. */
export function unixTransport(options: UnixTransportOptions = {}): Transport {
  return new UnixTransport(resolveOptions(options));
}

/** An accepted socket and its context. */
interface AcceptedSocket {
  readonly uri: string;
  readonly peer: PeerProcess;
  readonly accept: Accept;
  readonly context: OpenContext;
  readonly pending: PendingConnections;
  /** Runs when the connection has ended. */
  onClosed?(): void;
}

class UnixTransport implements Transport {
  readonly schemes = ['unix', 'fd'] as const;
  readonly queryKeys = ['encoding'] as const;
  readonly encodingFor = encodingOf;
  readonly #settings: UnixSettings;
  readonly #capabilities: TransportCapabilities;

  constructor(settings: UnixSettings) {
    this.#settings = settings;
    this.#capabilities = {
      fdPassing: true,
      sharedMemory: true,
      oneSidedMemory: false,
      orderedNotifications: false,
      maxFrameBytes: settings.maxFrameBytes,
      maxDescriptors: SCM_MAX_FD,
    };
  }

  get pageBytes(): number {
    return hostPageBytes();
  }

  createMemory(name: string, length: number): SharedMemory {
    return new UnixResources(this.#settings.mapUnsealed === 'always').createMemory(name, length);
  }

  async connect(uri: TransportUri, accept: Accept, context: OpenContext): Promise<Connection> {
    const { signal, framing } = context;
    signal?.throwIfAborted();
    const address = open(uri);
    const socket =
      address.kind === 'descriptor'
        ? adopt(address.number, uri)
        : await connectSocket(address.path, { timeoutMs: this.#settings.connectTimeoutMs, signal });
    if (isListening(socket)) {
      socket.close();
      throw new VfioUserError(
        'VFU_CONFIG_INVALID',
        `${uri.href} is a listening socket: it can be listened on, not connected`,
      );
    }
    const connection = this.#connection(socket, identifyPeer(socket), framing);
    return openClient(connection, accept, context, this.#settings.handshakeTimeoutMs);
  }

  async listen(uri: TransportUri, accept: Accept, context: OpenContext): Promise<Listener> {
    context.signal?.throwIfAborted();
    const address = open(uri);
    return address.kind === 'descriptor'
      ? this.#listenOnDescriptor(address.number, uri, accept, context)
      : this.#listenOnPath(address, uri, accept, context);
  }

  #listenOnPath(
    { kind, path }: Extract<UnixAddress, { path: string }>,
    uri: TransportUri,
    accept: Accept,
    context: OpenContext,
  ): Listener {
    const { socketMode: mode, socketGroup, backlog } = this.#settings;
    const group = socketGroup === undefined ? undefined : findGroup(socketGroup);
    const forOthers = (mode & 0o007) !== 0;
    if (kind === 'abstract' && (group !== undefined || ((mode & 0o070) !== 0 && !forOthers))) {
      throw new VfioUserError(
        'VFU_CONFIG_INVALID',
        `${uri.href}: an abstract name has no file that could belong to a group: use a path`,
      );
    }
    const { socket, unlink } = bindSocket(path, { mode, group, backlog });
    // An abstract name has no file whose permissions could keep others out.
    const anybody = kind === 'path' || forOthers;
    return this.#listener(uri, socket, accept, context, { anybody, onClose: unlink });
  }

  #listenOnDescriptor(
    number: number,
    uri: TransportUri,
    accept: Accept,
    context: OpenContext,
  ): Listener {
    const socket = adopt(number, uri);
    if (isListening(socket)) {
      return this.#listener(uri, socket, accept, context, { anybody: true, onClose() {} });
    }
    // A connected socket, inherited: the only connection.
    const pending = new PendingConnections(1);
    const ended = new Promise<void>((onClosed) => {
      const peer = identifyPeer(socket);
      this.#accept(socket, { uri: uri.href, peer, accept, context, pending, onClosed });
    });
    return { uri: uri.href, ended, close: async () => pending.dropAll(listenedNoMore(uri.href)) };
  }

  #listener(
    uri: TransportUri,
    socket: FileDescriptor,
    accept: Accept,
    context: OpenContext,
    { anybody, onClose }: { readonly anybody: boolean; onClose(): void },
  ): Listener {
    const { href } = uri;
    const { logger = silentLogger } = context;
    const pending = new PendingConnections(this.#settings.maxPending);
    const onConnection = (accepted: FileDescriptor): void => {
      const peer = identifyPeer(accepted);
      if (anybody || peer.trusted) {
        this.#accept(accepted, { uri: href, peer, accept, context, pending });
      } else {
        accepted.close();
        logger.warn({ uri: href, peer: peer.name }, 'refused a connection of another user');
      }
    };
    return new UnixListener({
      uri: href,
      socket,
      logger,
      onConnection,
      onClose() {
        pending.dropAll(listenedNoMore(href));
        onClose();
      },
    });
  }

  #accept(socket: FileDescriptor, accepted: AcceptedSocket): void {
    const { peer, accept, context, uri, pending, onClosed } = accepted;
    openServer(this.#connection(socket, peer, context.framing, onClosed), {
      accept,
      context,
      pending,
      handshakeTimeoutMs: this.#settings.handshakeTimeoutMs,
      refused: (reason) =>
        context.logger?.warn({ uri, peer: peer.name, reason }, 'refused a connection'),
    });
  }

  #connection(
    socket: FileDescriptor,
    peer: PeerProcess,
    framing: Framing,
    onClosed?: () => void,
  ): FramedConnection {
    const { mapUnsealed } = this.#settings;
    const mapsUnsealed = mapUnsealed === 'trusted' ? peer.trusted : mapUnsealed === 'always';
    return socketConnection(socket, {
      peer: peer.name,
      identity: peer.identity,
      capabilities: this.#capabilities,
      resources: new UnixResources(mapsUnsealed),
      framing,
      settings: this.#settings,
      network: false,
      ...(onClosed && { onClosed }),
    });
  }
}

/** Checks the machine and parses the URI. */
function open(uri: TransportUri): UnixAddress {
  const reason = unavailableReason();
  if (reason !== undefined) {
    throw new VfioUserError('VFU_UNSUPPORTED', `${uri.href} cannot be used: ${reason}`);
  }
  return parseUnixUri(uri);
}

function adopt(number: number, uri: TransportUri): FileDescriptor {
  let descriptor: FileDescriptor;
  try {
    descriptor = FileDescriptor.adopt(number);
  } catch (error) {
    throw systemFailure(`${uri.href} is not open: pass it on when starting this process`, error);
  }
  // Not closed: the number may belong to something else.
  if (isUnixStream(descriptor)) return descriptor;
  throw new VfioUserError('VFU_CONFIG_INVALID', `${uri.href} is no AF_UNIX stream socket`);
}
