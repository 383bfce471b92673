import type { Connection, Frame, FrameSink } from '../transport/transport.js';

/** The two ends of a session that is passed through. */
export type RelaySide = 'client' | 'server';

/** Sees a session go by. Must not throw: the session does not know that it is watched. */
export interface RelayObserver {
  /**
   * A whole message of `sender`, just before it is passed on. Valid until this returns; its
   * descriptors can be looked at, but belong to the message.
   */
  onFrame(sender: RelaySide, frame: Frame): void;
  /** Called exactly once, when both connections have ended. `error`: why, unless one side left. */
  onEnd(error?: Error): void;
}

/**
 * Stand between a client and its server: pass whole messages on, with their descriptors, and show
 * them to `observer`. Both connections must speak the same encoding and pass the same kind of
 * descriptors; nothing is translated. Back-pressure is passed on too, and so is the end of either.
 *
 * ```ts
 * await transport.listen(
 *   uri,
 *   (client) => relaySession(client, (sink) => transport.connect(server, sink, context), observer),
 *   context,
 * );
 * ```
 *
 * @returns what the client's connection delivers to; it is not read before the server is connected.
 */
export function relaySession(
  client: Connection,
  connectServer: (sink: FrameSink) => Promise<Connection>,
  observer: RelayObserver,
): FrameSink {
  const fromClient = new RelayEnd('client', observer);
  const fromServer = new RelayEnd('server', observer);
  fromClient.opposite = fromServer;
  fromServer.opposite = fromClient;
  fromClient.connection = client;
  client.pause();
  connectServer(fromServer).then(
    (server) => {
      fromServer.connection = server;
      if (fromClient.hasEnded) void server.close();
      else client.resume();
    },
    (error: Error) => {
      fromServer.hasEnded = true;
      if (fromClient.hasEnded) observer.onEnd(error);
      else client.abort(error);
    },
  );
  return fromClient;
}

/** Receives from one side and sends to the opposite one. */
class RelayEnd implements FrameSink {
  readonly #side: RelaySide;
  readonly #observer: RelayObserver;
  opposite: RelayEnd | undefined;
  connection: Connection | undefined;
  hasEnded = false;
  error: Error | undefined;

  constructor(side: RelaySide, observer: RelayObserver) {
    this.#side = side;
    this.#observer = observer;
  }

  onFrame(frame: Frame): void {
    this.#observer.onFrame(this.#side, frame);
    const { bytes, start, length, descriptors } = frame;
    // All of it as the head, which is copied if it cannot leave at once: the frame ends with this call.
    const message = bytes.subarray(start, start + length);
    const hasRoom = this.opposite?.connection?.send(message, undefined, descriptors);
    if (hasRoom === false) this.connection?.pause();
  }

  onDrain(): void {
    this.opposite?.connection?.resume();
  }

  onClose(error?: Error): void {
    this.hasEnded = true;
    this.error = error;
    const { opposite } = this;
    if (opposite?.hasEnded === false) void opposite.connection?.close();
    else this.#observer.onEnd(opposite?.error ?? error);
  }
}
