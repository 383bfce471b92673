import { verbFailed } from '../errors.js';
import type { DeviceContext } from '../native/device-context.js';
import { foreign, NativeStruct } from '../native/native-struct.js';
import { Poller } from '../native/poller.js';
import { structs } from '../native/structs.js';

const POINTER_BYTES = 8;
const EAGAIN = 11;
/** Events that are acknowledged together, as that takes a lock. */
const ACKNOWLEDGE_AFTER = 64;

/** Wakes the event loop when the completion queue it belongs to has been armed and gets an entry. */
export class CompletionChannel {
  readonly pointer: number;
  readonly #context: DeviceContext;
  readonly #fd: number;
  readonly #event = new NativeStruct(2 * POINTER_BYTES);
  #poller: Poller | undefined;
  #unacknowledged = 0;

  constructor(context: DeviceContext) {
    const { library } = context;
    this.#context = context;
    this.pointer = library.createCompChannel(context.pointer);
    if (this.pointer === 0) {
      throw verbFailed('ibv_create_comp_channel', library.errno[0] as number);
    }
    const { ibv_comp_channel } = structs;
    this.#fd = foreign(this.pointer, ibv_comp_channel.size).getInt32(ibv_comp_channel.fd, true);
    library.setNonBlocking(this.#fd);
  }

  /** Calls `onEvent` from the event loop; get the events with {@link take}. */
  watch(onEvent: () => void): void {
    this.#poller = new Poller(this.#fd, onEvent);
  }

  /**
   * Takes the event of `queue`, its only one: arming it once causes one. Returns the errno when the
   * channel failed.
   */
  take(queue: number): number {
    const { library } = this.#context;
    const { address } = this.#event;
    if (library.getCqEvent(this.pointer, address, address + POINTER_BYTES) !== 0) {
      const errno = library.errno[0] as number;
      return errno === EAGAIN ? 0 : errno;
    }
    this.#unacknowledged += 1;
    if (this.#unacknowledged >= ACKNOWLEDGE_AFTER) this.#acknowledge(queue);
    return 0;
  }

  /** Stop reporting. Destroying the queue waits for acknowledgements: they are made here. */
  stop(queue: number): void {
    this.#poller?.close();
    this.#poller = undefined;
    this.#acknowledge(queue);
  }

  /** After its queue. Returns the errno. */
  destroy(): number {
    return this.#context.library.destroyCompChannel(this.pointer);
  }

  #acknowledge(queue: number): void {
    if (this.#unacknowledged > 0) {
      this.#context.library.ackCqEvents(queue, this.#unacknowledged);
    }
    this.#unacknowledged = 0;
  }
}
