import { DEFAULT_MAX_DATA_XFER_SIZE, DEFAULT_MAX_DMA_MAPS } from '../protocol/constants.js';

/** Limits on what one client can make the server use. */
export interface ServerLimits {
  /** Most bytes of data in one message, both directions. */
  readonly maxDataXferSize: number;
  /** Most descriptors in one message, both directions. */
  readonly maxMsgFds: number;
  /** Most DMA mappings at once. */
  readonly maxDmaMaps: number;
  /** Largest single DMA mapping, bytes. */
  readonly maxDmaMapBytes: number;
  /** Most DMA_READ requests in flight. */
  readonly maxDmaReads: number;
  /**
   * Timeout of requests to the client, ms. If nothing at all is received meanwhile, the client
   * counts as gone.
   */
  readonly replyTimeoutMs: number;
  /** How long nothing may be received from a client that supports KEEP_ALIVE, ms; 0: for ever. */
  readonly silenceMs: number;
  /** How long a new connection may take to send VERSION, ms. */
  readonly negotiationTimeoutMs: number;
  /**
   * Most connections before VERSION; the oldest is dropped for a new one. Also the most refused
   * connections that are still open.
   */
  readonly maxSilentConnections: number;
  /** Most requests that wait behind a slow one, before the connection is paused. */
  readonly maxDeferredRequests: number;
  /**
   * Most clients that wait while another is served. Further ones are refused at once: the device is
   * busy.
   */
  readonly maxWaitingClients: number;
  /** How long they wait before they are refused, ms. */
  readonly busyTimeoutMs: number;
  /**
   * How long the session of a client is kept after its connection was lost, ms, where the encoding
   * can take it up again; 0: it ends with its connection.
   */
  readonly holdMs: number;
}

export const defaultLimits: ServerLimits = {
  maxDataXferSize: DEFAULT_MAX_DATA_XFER_SIZE,
  maxMsgFds: 16,
  maxDmaMaps: DEFAULT_MAX_DMA_MAPS,
  maxDmaMapBytes: 8 * 2 ** 40,
  maxDmaReads: 32,
  replyTimeoutMs: 30_000,
  silenceMs: 30_000,
  negotiationTimeoutMs: 10_000,
  maxSilentConnections: 64,
  maxDeferredRequests: 64,
  maxWaitingClients: 8,
  busyTimeoutMs: 2_000,
  holdMs: 60_000,
};
