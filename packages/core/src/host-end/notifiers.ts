import { EINVAL } from '../errno.js';
import { RequestRefusedError } from '../errors.js';
import { MAX_VECTORS } from '../pci/constants.js';
import { IRQ_SET_DATA_EVENTFD } from '../protocol/constants.js';
import type { SetIrqs } from '../protocol/messages.js';
import type { Peer } from '../session/peer.js';
import type { ReceivedDescriptors } from '../session/request-table.js';
import { closeAll, type Notifier } from '../transport/resources.js';
import { InterruptMessages } from './interrupt-messages.js';

/**
 * Makes the notifiers that a client asks for ("DEVICE_SET_IRQS"): passed descriptors, or messages.
 */
export class Notifiers {
  readonly #peer: Peer;
  readonly #messages: InterruptMessages;

  constructor(peer: Peer) {
    this.#peer = peer;
    this.#messages = new InterruptMessages(peer);
  }

  /**
   * The number of events that the client attached.
   * @throws {RequestRefusedError} EINVAL when they are not possible: descriptors cannot be passed
   * here, or messages were not negotiated.
   */
  count({ flags, events = 0 }: SetIrqs, { length }: ReceivedDescriptors): number {
    const peer = this.#peer;
    if (peer.extensions.interrupts) return events;
    if (events > 0) throw refused('events by message, but not both sides named interrupt');
    // Lost descriptors would look like a request to unassign.
    if (!peer.carriesInterrupts && (flags & IRQ_SET_DATA_EVENTFD) !== 0) {
      throw refused('this connection carries no interrupts: use encoding=portable on both sides');
    }
    return length;
  }

  /**
   * A notifier for each attached event. Takes the descriptors over.
   * @throws {RequestRefusedError} EINVAL when one is not an eventfd.
   */
  take(body: SetIrqs, received: ReceivedDescriptors): readonly Notifier[] {
    const { extensions, connection } = this.#peer;
    const events = this.count(body, received);
    if (extensions.interrupts) {
      if (events > MAX_VECTORS)
        throw refused(`${events} events, a device has ${MAX_VECTORS} vectors`);
      return this.#messages.notifiers(body.index, body.start, events);
    }
    const notifiers: Notifier[] = [];
    try {
      for (let next = received.shift(); next !== undefined; next = received.shift()) {
        if (connection.resources === undefined) {
          next.close();
          throw refused('this connection passes no descriptors');
        }
        notifiers.push(connection.resources.notifier(next));
      }
    } catch (error) {
      closeAll(notifiers);
      throw error instanceof RequestRefusedError ? error : refused(String(error), error);
    }
    return notifiers;
  }
}

function refused(why: string, cause?: unknown): RequestRefusedError {
  return new RequestRefusedError(EINVAL, `DEVICE_SET_IRQS: ${why}`, { cause });
}
