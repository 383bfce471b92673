import { type Transport, VfioUserError } from '@vfio-user/core';
import { type ConnectionOptions, resolveOptions as resolve } from '@vfio-user/core/transport';
import { completionStatusText, NativeBuffer, openDevice, probe } from 'node-rdma-ffi';
import type { Verbs } from './verbs.js';

/** The adapters of this machine. */
export const nodeVerbs: Verbs = {
  probe,
  openDevice,
  allocate: (length) => new NativeBuffer(length),
  statusText: completionStatusText,
};

/** Options of `rdmaTransport`. */
export interface RdmaTransportOptions extends ConnectionOptions {
  /**
   * Carries the connections that set up queue pairs and, where there are none, everything. Needs
   * the schemes `tcp` and, for URIs with certificates, `tls`: `tcpTransport()` has both.
   */
  readonly bootstrap: Transport;
  /** The RDMA library. Default: `node-rdma-ffi`. */
  readonly verbs?: Verbs;
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
  /** For how long the next completion is awaited actively, at most, microseconds. Default 100. */
  readonly maxSpinUs?: number;
}

/** The options with the defaults filled in. */
export type RdmaSettings = Required<RdmaTransportOptions>;

/** @throws {VfioUserError} `VFU_CONFIG_INVALID` naming the option that makes no sense. */
export function resolveOptions(options: RdmaTransportOptions): RdmaSettings {
  const settings = resolve(options, {
    verbs: nodeVerbs,
    receiveSlots: 256,
    slotBytes: 8192,
    stagingBytes: 4 * 1024 * 1024,
    chunkBytes: 256 * 1024,
    setupTimeoutMs: 3000,
    maxPending: 16,
    maxSpinUs: 100,
  });
  const { stagingBytes, chunkBytes, slotBytes } = settings;
  if (stagingBytes < 4 * Math.max(chunkBytes, slotBytes)) {
    const text = 'stagingBytes must hold at least four chunks and four slots';
    throw new VfioUserError('VFU_CONFIG_INVALID', text);
  }
  return settings;
}
