import type { CompletionQueue } from '../completion/completion-queue.js';
import { invalid, shown, verbFailed } from '../errors.js';
import { QueuePairType } from '../native/constants.js';
import type { DeviceContext } from '../native/device-context.js';
import { foreign, NativeStruct } from '../native/native-struct.js';
import { structs } from '../native/structs.js';

const { ibv_qp_init_attr: INIT, ibv_qp: QP } = structs;

/** Options of {@link ProtectionDomain.createQueuePair}. */
export interface QueuePairOptions {
  /** Completion queue for sends, reads and writes. */
  readonly sendQueue: CompletionQueue;
  /** Completion queue for receives. May be the same. */
  readonly receiveQueue: CompletionQueue;
  /** Work requests that may be outstanding. */
  readonly maxSend: number;
  readonly maxReceive: number;
  /** Most bytes with `SendFlag.INLINE`. Default 0. */
  readonly maxInline?: number;
  /** The first is 1. */
  readonly port: number;
  /** Index of the port's GID to use as source address. */
  readonly gidIndex: number;
}

/** A `struct ibv_qp` that was made. */
export interface CreatedQueuePair {
  readonly pointer: number;
  readonly number: number;
  /** As granted by the device, at least what was requested. */
  readonly maxInline: number;
}

/** Creates a reliable connected queue pair in the state RESET. */
export function createQueuePair(
  context: DeviceContext,
  protectionDomain: number,
  { sendQueue, receiveQueue, maxSend, maxReceive, maxInline = 0 }: QueuePairOptions,
): CreatedQueuePair {
  if (sendQueue.context !== context || receiveQueue.context !== context) {
    throw invalid(`a queue pair of ${context.name} needs completion queues of the same device`);
  }
  for (const [name, value] of Object.entries({ maxSend, maxReceive, maxInline })) {
    if (value >>> 0 !== value) throw invalid(`${name} ${shown(value)}: give a whole number`);
  }
  const init = new NativeStruct(INIT.size);
  init.setWord(INIT.send_cq, sendQueue.pointer);
  init.setWord(INIT.recv_cq, receiveQueue.pointer);
  init.setUint32(INIT['cap.max_send_wr'], maxSend);
  init.setUint32(INIT['cap.max_recv_wr'], maxReceive);
  init.setUint32(INIT['cap.max_send_sge'], 1);
  init.setUint32(INIT['cap.max_recv_sge'], 1);
  init.setUint32(INIT['cap.max_inline_data'], maxInline);
  init.setUint32(INIT.qp_type, QueuePairType.RC);
  const { library } = context;
  const pointer = library.createQp(protectionDomain, init.address);
  if (pointer === 0) {
    throw verbFailed(
      'ibv_create_qp',
      library.errno[0] as number,
      `${maxSend} sends, ${maxReceive} receives, ${maxInline} bytes inline`,
    );
  }
  return {
    pointer,
    number: foreign(pointer, QP.size).getUint32(QP.qp_num, true),
    maxInline: init.uint32(INIT['cap.max_inline_data']),
  };
}
