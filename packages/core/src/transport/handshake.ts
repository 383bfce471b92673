/**
 * What both sides of a byte stream exchange before the first frame: the encoding's knowledge, lent
 * to stream transports. One instance serves one connection.
 */
export interface Handshake {
  /** Leaves first, before anything of the peer is awaited. */
  readonly greeting: Uint8Array;
  /**
   * Look at everything the peer sent so far, from its first byte on.
   * @returns how many bytes its greeting takes up, `undefined` while that is incomplete. Frames
   * begin behind it.
   * @throws {ProtocolViolationError} when the peer speaks something else, saying what it seems to be.
   */
  consume(bytes: Uint8Array): number | undefined;
}
