/** What a link reports. Nothing more comes after `onEnd` or `onError`. */
export interface LinkEvents {
  /** Bytes of the stream, to keep. */
  onData(bytes: Uint8Array): void;
  /** The peer closed in an orderly way. */
  onEnd(): void;
  onError(error: Error): void;
}

/** A byte stream that Node delivers: a socket, TLS, or the messages of a WebSocket. */
export interface Link {
  /** Begin to report. */
  start(events: LinkEvents): void;
  /** Send these bytes as one piece, by reference; `onLeft` runs when they may change again. */
  write(parts: readonly Uint8Array[], onLeft: () => void): void;
  pause(): void;
  resume(): void;
  /** Tell the peer that nothing more comes, behind what was written. */
  end(): void;
  /** Close now. */
  destroy(): void;
}
