import { closed } from '../errors.js';
import { type DeviceCalls, type Ibverbs, verbs } from './library.js';
import { foreign, foreignPointer } from './native-struct.js';
import { structs } from './structs.js';

/** An opened device as its parts see it: the `struct ibv_context` and what to call on it. */
export class DeviceContext {
  readonly name: string;
  readonly library: Ibverbs = verbs();
  readonly calls: DeviceCalls;
  /** Readable when an asynchronous event is there. */
  readonly asyncFd: number;
  /** Numbers of the open queue pairs by their pointers, for events. */
  readonly queuePairs = new Map<number, number>();
  #pointer: number;

  constructor(name: string, pointer: number) {
    this.name = name;
    this.#pointer = pointer;
    const { ibv_context } = structs;
    const view = foreign(pointer, ibv_context.size);
    const call = <Name extends keyof DeviceCalls>(which: Name, offset: number): DeviceCalls[Name] =>
      this.library.deviceCall(which, foreignPointer(view, offset));
    this.calls = {
      pollCq: call('pollCq', ibv_context['ops.poll_cq']),
      reqNotifyCq: call('reqNotifyCq', ibv_context['ops.req_notify_cq']),
      postSend: call('postSend', ibv_context['ops.post_send']),
      postRecv: call('postRecv', ibv_context['ops.post_recv']),
    };
    this.asyncFd = view.getInt32(ibv_context.async_fd, true);
  }

  /** @throws {RdmaError} RDMA_CLOSED after {@link invalidate}. */
  get pointer(): number {
    if (this.#pointer === 0) throw closed(`the device ${this.name}`);
    return this.#pointer;
  }

  /** Returns the pointer one last time, 0 when that has been. */
  invalidate(): number {
    const pointer = this.#pointer;
    this.#pointer = 0;
    return pointer;
  }
}
