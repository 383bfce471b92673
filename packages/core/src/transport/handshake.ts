/**
 * What both sides of a byte stream exchange before the first frame: the encoding's knowledge, lent
 * to stream transports. One instance serves one connection. It may take more than one round.
 */
export interface Handshake {
  /**
   * Leaves first, before anything of the peer is awaited. Empty: whoever began the handshake sends
   * it as soon as it is known, in front of the first frame.
   */
  readonly greeting: Uint8Array;
  /** What the peer's transport attached to its greeting; there once that is complete. */
  readonly attachment?: Uint8Array | undefined;
  /**
   * Look at everything the peer sent so far, from its first byte on.
   * @returns how many bytes its greeting takes up, `undefined` while that is incomplete. Frames
   * begin behind it.
   * @throws {ProtocolViolationError} when the peer speaks something else, saying what it seems to be.
   */
  consume(bytes: Uint8Array): number | undefined;
  /** What must be sent now that {@link consume} has looked; each part is returned once. */
  takeAnswer?(): Uint8Array | undefined;
  /** The connection ended before it was complete. */
  abandoned?(): void;
}
