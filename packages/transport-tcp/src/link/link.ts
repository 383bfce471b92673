/** Events of a link. None follows `onEnd` or `onError`. */
export interface LinkEvents {
  /** Received bytes, which the receiver may keep. */
  onData(bytes: Uint8Array): void;
  /** The peer closed in an orderly way. */
  onEnd(): void;
  onError(error: Error): void;
}

/** A byte stream that Node delivers: a socket or TLS. */
export interface Link {
  /** Start reporting. */
  start(events: LinkEvents): void;
  /** Send these bytes as one piece, by reference; `onLeft` is called when they may change again. */
  write(parts: readonly Uint8Array[], onLeft: () => void): void;
  pause(): void;
  resume(): void;
  /** End the stream after what was written. */
  end(): void;
  /** Close now. */
  destroy(): void;
}
