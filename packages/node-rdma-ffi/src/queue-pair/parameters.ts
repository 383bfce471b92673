import { gidFromText } from '../discovery/gid.js';
import { mtuValue } from '../discovery/mtu.js';
import { invalid, shown } from '../errors.js';

/** What the peer needs to connect to a queue pair. Plain values, fit for JSON. */
export interface QueuePairParameters {
  /** 24 bits. */
  readonly queuePair: number;
  /** 24 bits. */
  readonly packetSequence: number;
  /** In the text form of IPv6. */
  readonly gid: string;
  /** Local identifier, 0 for Ethernet. */
  readonly lid: number;
  readonly mtuBytes: number;
  /** RDMA reads of the peer that this side serves at a time. */
  readonly maxReads: number;
}

/** Timeouts and retries of a connection. */
export interface QueuePairConnectOptions {
  /** Until a packet counts as lost: 4.096 us * 2^timeout, 1 to 31. 14 (67 ms) by default. */
  readonly timeout?: number;
  /** How often a lost packet is sent again, 0 to 7. 6 by default: soft RoCE takes 7 for "for ever". */
  readonly retryCount?: number;
  /** How often to try again when the peer has no receive buffer, 0 to 7. 7 (for ever) by default. */
  readonly rnrRetry?: number;
  /** Code of the time to wait before that, 0 to 31. 12 (0.64 ms) by default. */
  readonly minRnrTimer?: number;
}

const BITS_16 = 0xffff;
const BITS_24 = 0xff_ffff;
const BITS_8 = 0xff;

/**
 * Refuses impossible parameters; the peer is not trusted.
 * @throws {RdmaError} RDMA_INVALID naming the field.
 */
export function checkParameters(remote: QueuePairParameters): void {
  checkRange('queuePair', remote.queuePair, 0, BITS_24);
  checkRange('packetSequence', remote.packetSequence, 0, BITS_24);
  checkRange('lid', remote.lid, 0, BITS_16);
  checkRange('maxReads', remote.maxReads, 0, BITS_8);
  if (mtuValue(remote.mtuBytes) === undefined) {
    throw invalid(`mtuBytes ${shown(remote.mtuBytes)}: 256, 512, 1024, 2048 or 4096 it must be`);
  }
  gidFromText(remote.gid);
}

/** The options with the defaults filled in, checked. */
export function connectOptions(
  options: QueuePairConnectOptions,
): Required<QueuePairConnectOptions> {
  const { timeout = 14, retryCount = 6, rnrRetry = 7, minRnrTimer = 12 } = options;
  // 0 would be no timeout.
  checkRange('timeout', timeout, 1, 31);
  checkRange('retryCount', retryCount, 0, 7);
  checkRange('rnrRetry', rnrRetry, 0, 7);
  checkRange('minRnrTimer', minRnrTimer, 0, 31);
  return { timeout, retryCount, rnrRetry, minRnrTimer };
}

function checkRange(name: string, value: number, lowest: number, highest: number): void {
  if (!Number.isInteger(value) || value < lowest || value > highest) {
    throw invalid(`${name} ${shown(value)}: ${lowest} to ${highest} it must be`);
  }
}
