import type { Framing, SharedResources, TransportCapabilities } from '@vfio-user/core';

/** What can be tuned about a connection. */
export interface StreamSettings {
  /** Largest frame accepted, bytes. */
  readonly maxFrameBytes: number;
  /** `send()` asks the caller to stop above this many queued bytes. */
  readonly highWaterBytes: number;
  /** `onDrain()` asks it to go on below this many. */
  readonly lowWaterBytes: number;
  /** A peer that leaves more than this unread is given up. */
  readonly maxQueuedBytes: number;
  /** How long `close()` waits for the peer, ms. */
  readonly closeTimeoutMs: number;
  /** For how long the next message is awaited actively, at most. */
  readonly maxSpinUs: number;
}

/** What a connection is made of besides its socket. */
export interface StreamConnectionParts {
  /** For logs. */
  readonly peer: string;
  readonly capabilities: TransportCapabilities;
  readonly resources: SharedResources | undefined;
  readonly framing: Framing;
  readonly settings: StreamSettings;
  /**
   * Across a network, a segment costs more than a copy: messages of one turn leave together. And a
   * close takes back what was sent if something is left unread: it waits for the end of the peer.
   */
  readonly network: boolean;
  /** Runs when the socket is closed. */
  onClosed?(): void;
}
