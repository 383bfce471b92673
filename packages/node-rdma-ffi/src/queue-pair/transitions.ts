import { GID_BYTES, gidFromText } from '../discovery/gid.js';
import { mtuValue } from '../discovery/mtu.js';
import type { PortInfo } from '../discovery/port.js';
import { verbFailed } from '../errors.js';
import { Access, QueuePairAttribute as Attribute, QueuePairState } from '../native/constants.js';
import type { Ibverbs } from '../native/library.js';
import { NativeStruct } from '../native/native-struct.js';
import { structs } from '../native/structs.js';
import type { QueuePairConnectOptions, QueuePairParameters } from './parameters.js';

const { ibv_qp_attr: AT, ibv_qp_init_attr: INIT } = structs;
const HOPS = 64;

/** Where a queue pair is attached, and what it takes part with. */
export interface LocalEnd {
  readonly port: PortInfo;
  readonly gidIndex: number;
  readonly packetSequence: number;
  /** RDMA reads to serve at a time. */
  readonly maxReads: number;
  /** RDMA reads to have under way at a time. */
  readonly maxOwnReads: number;
}

/** Leads a queue pair through its states. */
export class Transitions {
  readonly #library: Ibverbs;
  readonly #attributes = new NativeStruct(AT.size);

  constructor(library: Ibverbs) {
    this.#library = library;
  }

  toInit(queuePair: number, port: number): void {
    const to = this.#begin(QueuePairState.INIT);
    to.setUint8(AT.port_num, port);
    // The permissions that count are those of each memory region.
    to.setUint32(AT.qp_access_flags, Access.LOCAL_WRITE | Access.REMOTE_READ | Access.REMOTE_WRITE);
    this.#modify(
      queuePair,
      Attribute.STATE | Attribute.PKEY_INDEX | Attribute.PORT | Attribute.ACCESS_FLAGS,
      'INIT',
    );
  }

  toReadyToReceive(
    queuePair: number,
    local: LocalEnd,
    remote: QueuePairParameters,
    { minRnrTimer }: Required<QueuePairConnectOptions>,
  ): void {
    const to = this.#begin(QueuePairState.RTR);
    const mtuBytes = Math.min(local.port.activeMtuBytes, remote.mtuBytes);
    to.setUint32(AT.path_mtu, mtuValue(mtuBytes) as number); // both were checked to be one
    to.setUint32(AT.dest_qp_num, remote.queuePair);
    to.setUint32(AT.rq_psn, remote.packetSequence);
    to.setUint8(AT.max_dest_rd_atomic, local.maxReads);
    to.setUint8(AT.min_rnr_timer, minRnrTimer);
    to.setUint16(AT['ah_attr.dlid'], remote.lid);
    to.setUint8(AT['ah_attr.port_num'], local.port.number);
    // Ethernet has no LIDs: packets carry the global address.
    if (local.port.linkLayer === 'ethernet' || remote.lid === 0) {
      to.setUint8(AT['ah_attr.is_global'], 1);
      to.setUint8(AT['ah_attr.grh.sgid_index'], local.gidIndex);
      to.setUint8(AT['ah_attr.grh.hop_limit'], HOPS);
      new Uint8Array(to.view.buffer, AT['ah_attr.grh.dgid'], GID_BYTES).set(
        gidFromText(remote.gid),
      );
    }
    this.#modify(
      queuePair,
      Attribute.STATE |
        Attribute.AV |
        Attribute.PATH_MTU |
        Attribute.DEST_QPN |
        Attribute.RQ_PSN |
        Attribute.MAX_DEST_RD_ATOMIC |
        Attribute.MIN_RNR_TIMER,
      'RTR',
    );
  }

  toReadyToSend(
    queuePair: number,
    local: LocalEnd,
    remote: QueuePairParameters,
    { timeout, retryCount, rnrRetry }: Required<QueuePairConnectOptions>,
  ): void {
    const to = this.#begin(QueuePairState.RTS);
    to.setUint32(AT.sq_psn, local.packetSequence);
    to.setUint8(AT.timeout, timeout);
    to.setUint8(AT.retry_cnt, retryCount);
    to.setUint8(AT.rnr_retry, rnrRetry);
    to.setUint8(AT.max_rd_atomic, Math.min(local.maxOwnReads, remote.maxReads));
    this.#modify(
      queuePair,
      Attribute.STATE |
        Attribute.TIMEOUT |
        Attribute.RETRY_CNT |
        Attribute.RNR_RETRY |
        Attribute.SQ_PSN |
        Attribute.MAX_QP_RD_ATOMIC,
      'RTS',
    );
  }

  toError(queuePair: number): void {
    this.#begin(QueuePairState.ERR);
    this.#modify(queuePair, Attribute.STATE, 'ERR');
  }

  /** The state the adapter has it in. */
  current(queuePair: number): number {
    return this.#query(queuePair, Attribute.STATE).uint32(AT.qp_state);
  }

  /** Sequence number of the next packet of the peer. */
  expectedPacket(queuePair: number): number {
    return this.#query(queuePair, Attribute.RQ_PSN).uint32(AT.rq_psn);
  }

  #query(queuePair: number, mask: number): NativeStruct {
    const attributes = this.#attributes;
    const init = new NativeStruct(INIT.size);
    const errno = this.#library.queryQp(queuePair, attributes.address, mask, init.address);
    if (errno !== 0) throw verbFailed('ibv_query_qp', errno);
    return attributes;
  }

  #begin(state: number): NativeStruct {
    this.#attributes.clear();
    this.#attributes.setUint32(AT.qp_state, state);
    return this.#attributes;
  }

  #modify(queuePair: number, mask: number, state: string): void {
    const errno = this.#library.modifyQp(queuePair, this.#attributes.address, mask);
    if (errno !== 0) throw verbFailed('ibv_modify_qp', errno, `a queue pair to ${state}`);
  }
}
