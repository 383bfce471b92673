/**
 * The exchange before the first frame of a byte stream, which an encoding defines for stream
 * transports. One instance serves one connection. It may take more than one round.
 */
export interface Handshake {
  /** Sent first. Empty for a side that waits for its peer. */
  readonly greeting: Uint8Array;
  /** What the peer's transport attached to its greeting, once that is complete. */
  readonly attachment?: Uint8Array | undefined;
  /**
   * Examine everything received so far, from the first byte on.
   * @returns the length of the peer's greeting, after which frames begin, or `undefined` while it
   * is incomplete.
   * @throws {ProtocolViolationError} when the peer uses another protocol, naming it if known.
   */
  consume(bytes: Uint8Array): number | undefined;
  /** What to send after {@link consume}; each part is returned once. */
  takeAnswer?(): Uint8Array | undefined;
  /** The connection ended before the handshake was complete. */
  abandoned?(): void;
}
