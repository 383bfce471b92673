import { EINVAL } from '../errno.js';
import { RequestRefusedError } from '../errors.js';
import {
  IRQ_SET_ACTION_MASK,
  IRQ_SET_ACTION_TRIGGER,
  IRQ_SET_ACTION_UNMASK,
  IRQ_SET_DATA_BOOL,
  IRQ_SET_DATA_EVENTFD,
  IRQ_SET_DATA_NONE,
} from '../protocol/constants.js';
import { Irq } from '../protocol/enums.js';
import type { SetIrqs } from '../protocol/messages.js';
import { SET_IRQS_HEAD_BYTES } from '../protocol/struct-sizes.js';

const DATA_MASK = IRQ_SET_DATA_NONE | IRQ_SET_DATA_BOOL | IRQ_SET_DATA_EVENTFD;
const ACTION_MASK = IRQ_SET_ACTION_MASK | IRQ_SET_ACTION_UNMASK | IRQ_SET_ACTION_TRIGGER;

/**
 * Check a DEVICE_SET_IRQS request against an index of `available` vectors.
 *
 * MASK and UNMASK with a descriptor would let the client mask by signalling it. That is not
 * offered: refusing it makes a client fall back to UNMASK messages, while accepting and ignoring
 * it, as the reference server does, would leave INTx masked for ever. Without descriptors there is
 * nothing to take back, so that is accepted and does nothing.
 * @throws {RequestRefusedError} EINVAL, naming the fault.
 */
export function validateSetIrqs(
  request: SetIrqs,
  descriptorCount: number,
  available: number,
): void {
  const { argsz, flags, index, start, count } = request;
  const data = flags & DATA_MASK;
  const action = flags & ACTION_MASK;
  if (argsz < SET_IRQS_HEAD_BYTES) refuse(`argsz ${argsz} is below ${SET_IRQS_HEAD_BYTES}`);
  if ((flags & ~(DATA_MASK | ACTION_MASK)) !== 0) refuse(`unknown flags 0x${flags.toString(16)}`);
  if (!isOneBit(data)) refuse('exactly one of DATA_NONE, DATA_BOOL and DATA_EVENTFD is needed');
  if (!isOneBit(action)) refuse('exactly one of MASK, UNMASK and TRIGGER is needed');
  if (action !== IRQ_SET_ACTION_TRIGGER && (index === Irq.ERR || index === Irq.REQ)) {
    refuse(`index ${index} cannot be masked`);
  }
  if (data !== IRQ_SET_DATA_EVENTFD && descriptorCount > 0) {
    refuse(`${descriptorCount} descriptors came along without DATA_EVENTFD`);
  }
  if (count === 0) {
    if (start !== 0 || data !== IRQ_SET_DATA_NONE || action !== IRQ_SET_ACTION_TRIGGER) {
      refuse('count 0 is only for disabling a whole index: TRIGGER and DATA_NONE from 0 on');
    }
    return;
  }
  if (start + count > available) {
    refuse(`vectors ${start} to ${start + count - 1} of index ${index}, which has ${available}`);
  }
  if (data === IRQ_SET_DATA_BOOL && request.bools?.length !== count) {
    refuse(`${request.bools?.length ?? 0} bytes of DATA_BOOL for ${count} vectors`);
  }
  if (data === IRQ_SET_DATA_EVENTFD && descriptorCount > 0) {
    if (action !== IRQ_SET_ACTION_TRIGGER) refuse('descriptors are taken for TRIGGER only');
    if (descriptorCount !== count) refuse(`${descriptorCount} descriptors for ${count} vectors`);
  }
}

function isOneBit(bits: number): boolean {
  return bits !== 0 && (bits & (bits - 1)) === 0;
}

function refuse(reason: string): never {
  throw new RequestRefusedError(EINVAL, `DEVICE_SET_IRQS: ${reason}`);
}
