import { EINVAL } from '../../errno.js';
import { RequestRefusedError } from '../../errors.js';
import type { SetIrqs } from '../../protocol/messages.js';
import type { Received } from '../../session/request-table.js';
import type { Notifier } from '../../transport/resources.js';
import type { RequestContext } from './context.js';

/** "DEVICE_SET_IRQS". Interrupts are signalled through descriptors, or by messages without them. */
export function handleSetIrqs(context: RequestContext, body: SetIrqs, received: Received): void {
  const { interrupts } = context.device;
  const events = context.peer.extensions.interrupts ? (body.events ?? 0) : received.length;
  interrupts.validate(body, events);
  const notifiers = context.peer.extensions.interrupts
    ? context.interruptMessages.notifiers(body.index, body.start, events)
    : notifiersOf(context, received);
  interrupts.apply(body, notifiers);
}

function notifiersOf(context: RequestContext, received: Received): readonly Notifier[] {
  const notifiers: Notifier[] = [];
  const { resources } = context.peer.connection;
  try {
    for (let next = received.shift(); next !== undefined; next = received.shift()) {
      if (resources === undefined) {
        next.close();
        throw new RequestRefusedError(EINVAL, 'this transport passes no descriptors');
      }
      notifiers.push(resources.notifier(next));
    }
  } catch (error) {
    for (const notifier of notifiers) notifier.close();
    const why = error instanceof Error ? error.message : String(error);
    throw new RequestRefusedError(EINVAL, `DEVICE_SET_IRQS: ${why}`, { cause: error });
  }
  return notifiers;
}
