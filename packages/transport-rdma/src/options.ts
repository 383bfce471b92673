import { type Transport, VfioUserError } from '@vfio-user/core';
import { nodeVerbs } from './node-verbs.js';
import type { Verbs } from './verbs.js';

/** What can be tuned; every default is meant to be right. */
export interface RdmaTransportOptions {
  /**
   * Carries the connections that set up queue pairs and, where there are none, everything. Needs
   * the schemes `tcp` and, for URIs with certificates, `tls`: `tcpTransport()` has both.
   */
  readonly bootstrap: Transport;
  /** The RDMA library. Default: `node-rdma-ffi`. */
  readonly verbs?: Verbs;
  /** Largest message, bytes: bounds what one peer can make us allocate. Default 32 MiB. */
  readonly maxFrameBytes?: number;
  /** Messages that a peer may have on their way to us. Default 256. */
  readonly receiveSlots?: number;
  /** Bytes of one of them; a longer frame takes several. Default 8192. */
  readonly slotBytes?: number;
  /** Registered memory that passes what is sent, read and written, bytes. Default 4 MiB. */
  readonly stagingBytes?: number;
  /** Most bytes of one RDMA READ or WRITE. Default 256 KiB. */
  readonly chunkBytes?: number;
  /** How long the first message over a new queue pair may take, ms. Default 3000. */
  readonly setupTimeoutMs?: number;
  /**
   * Clients of one listener that have set up a queue pair and not said anything, at a time; the
   * oldest makes room for the next. Default 16.
   */
  readonly maxPending?: number;
  /** How long `close()` waits for the peer to read what is queued, ms. Default 5000. */
  readonly closeTimeoutMs?: number;
  /** `send()` asks the caller to stop above this many queued bytes. Default 1 MiB. */
  readonly highWaterBytes?: number;
  /** `onDrain()` asks it to go on below this many. Default 256 KiB. */
  readonly lowWaterBytes?: number;
  /** A connection whose peer leaves more than this unread is ended. Default 256 MiB. */
  readonly maxQueuedBytes?: number;
  /** For how long the next completion is awaited actively, at most, microseconds. Default 100. */
  readonly maxSpinUs?: number;
}

/** The options with the defaults filled in. */
export type Settings = Required<RdmaTransportOptions>;

const defaults = {
  verbs: nodeVerbs,
  maxFrameBytes: 32 * 1024 * 1024,
  receiveSlots: 256,
  slotBytes: 8192,
  stagingBytes: 4 * 1024 * 1024,
  chunkBytes: 256 * 1024,
  setupTimeoutMs: 3000,
  maxPending: 16,
  closeTimeoutMs: 5000,
  highWaterBytes: 1024 * 1024,
  lowWaterBytes: 256 * 1024,
  maxQueuedBytes: 256 * 1024 * 1024,
  maxSpinUs: 100,
};

/** @throws {VfioUserError} `VFU_CONFIG_INVALID` naming the option that makes no sense. */
export function resolveOptions(options: RdmaTransportOptions): Settings {
  const settings = { ...defaults, ...options };
  for (const [name, value] of Object.entries(settings)) {
    if (typeof value === 'number' && !(value >= 0)) throw invalid(`${name} must not be negative`);
  }
  const { stagingBytes, chunkBytes, slotBytes, lowWaterBytes, highWaterBytes } = settings;
  if (stagingBytes < 4 * Math.max(chunkBytes, slotBytes)) {
    throw invalid('stagingBytes must hold at least four chunks and four slots');
  }
  if (lowWaterBytes > highWaterBytes) throw invalid('lowWaterBytes is above highWaterBytes');
  return settings;
}

function invalid(text: string): VfioUserError {
  return new VfioUserError('VFU_CONFIG_INVALID', text);
}
