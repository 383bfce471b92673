import { EINVAL } from '../../errno.js';
import { RequestRefusedError } from '../../errors.js';
import type { SetIrqs } from '../../protocol/messages.js';
import type { Received } from '../../session/request-table.js';
import type { Notifier } from '../../transport/resources.js';
import type { RequestContext } from './context.js';

/** "DEVICE_SET_IRQS". */
export function handleSetIrqs(context: RequestContext, body: SetIrqs, received: Received): void {
  const { interrupts } = context.device;
  interrupts.validate(body, received.length);
  const notifiers: Notifier[] = [];
  try {
    const { resources } = context.peer.connection;
    for (let next = received.shift(); next !== undefined; next = received.shift()) {
      if (resources === undefined) {
        next.close();
        throw new RequestRefusedError(
          EINVAL,
          'DEVICE_SET_IRQS: this transport passes no descriptors',
        );
      }
      notifiers.push(resources.notifier(next));
    }
  } catch (error) {
    for (const notifier of notifiers) notifier.close();
    const why = error instanceof Error ? error.message : String(error);
    throw new RequestRefusedError(EINVAL, `DEVICE_SET_IRQS: ${why}`, { cause: error });
  }
  interrupts.apply(body, notifiers);
}
