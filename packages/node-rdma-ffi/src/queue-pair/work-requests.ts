import { invalid } from '../errors.js';
import { NativeStruct } from '../native/native-struct.js';
import { structs } from '../native/structs.js';

const { ibv_sge: SGE, ibv_send_wr: SEND, ibv_recv_wr: RECV } = structs;
const POINTER_BYTES = 8;

// Properties with quoted names, read once.
const REMOTE_ADDRESS = SEND['wr.rdma.remote_addr'];
const REMOTE_KEY = SEND['wr.rdma.rkey'];

/** The address list of a work request: always one entry, which an empty message leaves out. */
function setMemory(
  native: NativeStruct,
  countOffset: number,
  entry: number,
  address: number,
  length: number,
  localKey: number,
): void {
  if (length >>> 0 !== length) throw invalid(`a message of ${length} bytes: 0 to 2^32 - 1 it is`);
  native.setUint32(countOffset, length === 0 ? 0 : 1);
  native.setWord(entry + SGE.addr, address);
  native.setUint32(entry + SGE.length, length);
  native.setUint32(entry + SGE.lkey, localKey);
}

/** A `struct ibv_send_wr` that is written anew for each call: posting allocates nothing. */
export class SendRequest {
  readonly native = new NativeStruct(SEND.size + SGE.size + POINTER_BYTES);
  /** Where the verb reports a refused work request. */
  readonly badAddress = this.native.address + SEND.size + SGE.size;

  constructor() {
    this.native.setWord(SEND.sg_list, this.native.address + SEND.size);
  }

  set(
    opcode: number,
    id: number,
    address: number,
    length: number,
    localKey: number,
    flags: number,
  ): void {
    const { native } = this;
    setMemory(native, SEND.num_sge, SEND.size, address, length, localKey);
    native.setWord(SEND.wr_id, id);
    native.setUint32(SEND.opcode, opcode);
    native.setUint32(SEND.send_flags, flags);
  }

  setRemote(address: number, key: number): void {
    this.native.setWord(REMOTE_ADDRESS, address);
    this.native.setUint32(REMOTE_KEY, key);
  }

  /** In network byte order, which makes it the same number at the peer. */
  setImmediate(immediate: number): void {
    this.native.view.setUint32(SEND.imm_data, immediate);
  }
}

/** A `struct ibv_recv_wr` that is written anew for each call. */
export class ReceiveRequest {
  readonly native = new NativeStruct(RECV.size + SGE.size + POINTER_BYTES);
  /** Where the verb reports a refused work request. */
  readonly badAddress = this.native.address + RECV.size + SGE.size;

  constructor() {
    this.native.setWord(RECV.sg_list, this.native.address + RECV.size);
  }

  set(id: number, address: number, length: number, localKey: number): void {
    setMemory(this.native, RECV.num_sge, RECV.size, address, length, localKey);
    this.native.setWord(RECV.wr_id, id);
  }
}
