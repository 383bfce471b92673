import { EINVAL } from '../errno.js';
import { RequestRefusedError } from '../errors.js';
import { IRQ_SET_DATA_EVENTFD } from '../protocol/constants.js';
import type { SetIrqs } from '../protocol/messages.js';
import type { Peer } from '../session/peer.js';
import type { Received } from '../session/request-table.js';
import type { Notifier } from '../transport/resources.js';
import type { RequestContext } from './context.js';
import type { InterruptMessages } from './interrupt-messages.js';

/** PCI 3.0, 6.8.2: the largest MSI-X table. */
export const MAX_VECTORS = 2048;

/** What making notifiers of a request takes. */
export interface NotifierContext {
  readonly peer: Peer;
  /** Interrupts by message, for a client that takes them so. */
  readonly interruptMessages: InterruptMessages;
}

/** "DEVICE_SET_IRQS". Interrupts are signalled through descriptors, or by messages without them. */
export function handleSetIrqs(context: RequestContext, body: SetIrqs, received: Received): void {
  const { interrupts } = context.device;
  interrupts.validate(body, eventCount(context, body, received));
  interrupts.apply(body, notifiersFor(context, body, received));
}

/**
 * How many events the client attached.
 * @throws {RequestRefusedError} EINVAL when they cannot come: they would be descriptors, but none
 * travel here, or messages, and that was not agreed on.
 */
export function eventCount(
  { peer }: NotifierContext,
  { flags, events = 0 }: SetIrqs,
  { length }: Received,
): number {
  if (peer.extensions.interrupts) return events;
  if (events > 0) throw refused('events by message, but not both sides named interrupt');
  // Descriptors that got lost on the way look like none, which takes interrupts back.
  if (!peer.carriesInterrupts && (flags & IRQ_SET_DATA_EVENTFD) !== 0) {
    throw refused('this connection carries no interrupts: use encoding=portable on both sides');
  }
  return length;
}

/**
 * One notifier for each event that the client attached. Takes the descriptors.
 * @throws {RequestRefusedError} EINVAL when one is no event.
 */
export function notifiersFor(
  context: NotifierContext,
  body: SetIrqs,
  received: Received,
): readonly Notifier[] {
  const { extensions, connection } = context.peer;
  const events = eventCount(context, body, received);
  if (extensions.interrupts) {
    if (events > MAX_VECTORS)
      throw refused(`${events} events, a device has ${MAX_VECTORS} vectors`);
    return context.interruptMessages.notifiers(body.index, body.start, events);
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
    for (const notifier of notifiers) notifier.close();
    throw error instanceof RequestRefusedError ? error : refused(String(error), error);
  }
  return notifiers;
}

function refused(why: string, cause?: unknown): RequestRefusedError {
  return new RequestRefusedError(EINVAL, `DEVICE_SET_IRQS: ${why}`, { cause });
}
