import { DEFAULT_MAX_DATA_XFER_SIZE, DEFAULT_MAX_DMA_MAPS } from '../protocol/constants.js';

/** What one client can make the server use. Each limit protects against a peer that asks for more. */
export interface ServerLimits {
  /** Most bytes of data in one message, both directions. */
  readonly maxDataXferSize: number;
  /** Most descriptors in one message we send or accept. */
  readonly maxMsgFds: number;
  /** Most DMA mappings at once. */
  readonly maxDmaMaps: number;
  /** Largest single DMA mapping, bytes. */
  readonly maxDmaMapBytes: number;
  /** DMA_READ requests of ours under way at once. */
  readonly maxDmaReads: number;
  /** How long the client may leave a request of ours unanswered before it fails, ms. If nothing at
   * all moves meanwhile, the client counts as gone. */
  readonly replyTimeoutMs: number;
  /** How long the client may be silent before it counts as gone, ms, where it can be asked for
   * signs of life; 0: for ever. */
  readonly silenceMs: number;
  /** How long a new connection may take to send VERSION, ms. */
  readonly negotiationTimeoutMs: number;
  /** Connections that have not sent VERSION, at a time; the oldest makes room for the next. As many
   * that were refused and have not gone. */
  readonly maxSilentConnections: number;
  /** Requests that wait behind one that takes its time, before the connection stops being read. */
  readonly maxDeferredRequests: number;
  /** Clients that wait while another is served. One more is told at once that the device is busy. */
  readonly maxWaitingClients: number;
  /** How long they wait before they are told that, ms. */
  readonly busyTimeoutMs: number;
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
};
