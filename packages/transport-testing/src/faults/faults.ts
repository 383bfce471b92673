/** What goes wrong on each connection of a faulty transport. Nothing does by default. */
export interface TransportFaults {
  /** Abort once this many frames have passed, both directions counted. */
  readonly abortAfterFrames?: number;
  /** Close in order once this many frames have passed. */
  readonly closeAfterFrames?: number;
  /**
   * Deliver what arrives this many turns of the event loop later, still in order. Notifications are
   * not delayed, so that they overtake.
   */
  readonly delayTurns?: number;
  /** `send` always asks the caller to stop; the drain follows in the next turn. */
  readonly alwaysFull?: boolean;
  /** Everything that ends a connection is done twice. */
  readonly endTwice?: boolean;
}
