import type { InterruptMode, Interrupts } from '../device/device.js';
import type { NotificationFence } from '../device/notification-fence.js';
import type { Attachment } from '../diagnostics/channels.js';
import { EINVAL } from '../errno.js';
import { RequestRefusedError } from '../errors.js';
import {
  IRQ_FLAG_AUTOMASKED,
  IRQ_FLAG_EVENTFD,
  IRQ_FLAG_MASKABLE,
  IRQ_SET_ACTION_MASK,
  IRQ_SET_ACTION_TRIGGER,
  IRQ_SET_DATA_EVENTFD,
} from '../protocol/constants.js';
import { Irq } from '../protocol/enums.js';
import type { SetIrqs } from '../protocol/messages.js';
import type { Notifier } from '../transport/resources.js';
import type { InterruptControls } from './interrupt-controls.js';
import type { InterruptIndex } from './interrupt-index.js';
import { IntxLine } from './intx-line.js';
import { MessageVectors } from './message-vectors.js';
import { validateSetIrqs } from './set-irqs.js';

/** Which interrupts a device has. */
export interface InterruptCounts {
  readonly intx: boolean;
  /** Vectors of the MSI capability, 0 without one. */
  readonly msi: number;
  /** Vectors of the MSI-X capability, 0 without one. */
  readonly msix: number;
}

/** The DEVICE_GET_IRQ_INFO reply for one index. */
export interface InterruptInfo {
  readonly flags: number;
  readonly count: number;
}

/**
 * All interrupts of a device: raised by the device ({@link Interrupts}), switched by the driver
 * through registers ({@link InterruptControls}) and assigned by the client (DEVICE_SET_IRQS).
 *
 * It is created before the device; until {@link describe} is called it has no interrupts.
 */
export class InterruptController implements Interrupts, InterruptControls {
  readonly #fence: NotificationFence;
  readonly #attachment: Attachment;
  #intx: IntxLine;
  #msi: MessageVectors;
  #msix: MessageVectors;
  readonly #error: MessageVectors;
  readonly #release: MessageVectors;
  #msiGranted = 1;

  constructor(fence: NotificationFence, attachment: Attachment) {
    this.#fence = fence;
    this.#attachment = attachment;
    this.#intx = this.#line(false);
    this.#msi = this.#vectors(Irq.MSI, 0);
    this.#msix = this.#vectors(Irq.MSIX, 0);
    this.#error = this.#vectors(Irq.ERR, 1);
    this.#release = this.#vectors(Irq.REQ, 1);
  }

  /** Called once, when the device is created, before there is a client. */
  describe(counts: InterruptCounts): void {
    this.#intx = this.#line(counts.intx);
    this.#msi = this.#vectors(Irq.MSI, counts.msi);
    this.#msix = this.#vectors(Irq.MSIX, counts.msix);
  }

  /**
   * What the driver has enabled, otherwise what the client has assigned, as a client need not
   * forward the driver's writes.
   */
  get mode(): InterruptMode {
    if (this.#msix.enabled) return 'msix';
    if (this.#msi.enabled) return 'msi';
    if (this.#msix.assigned) return 'msix';
    if (this.#msi.assigned) return 'msi';
    return this.#intx.count > 0 ? 'intx' : 'none';
  }

  raise(vector: number): void {
    const mode = this.mode;
    if (mode === 'msix') {
      this.#msix.raise(vector);
    } else if (mode === 'msi') {
      // A driver that was granted fewer vectors than the device has shares them: the device may
      // only alter the low bits of the message.
      this.#msi.raise(this.#msi.enabled ? vector & (this.#msiGranted - 1) : vector);
    }
  }

  setIntx(asserted: boolean): void {
    this.#intx.drive(asserted);
  }

  raiseError(): void {
    this.#error.raise(0);
  }

  requestRelease(): void {
    this.#release.raise(0);
  }

  get intxAsserted(): boolean {
    return this.#intx.asserted;
  }

  disableIntx(disabled: boolean): void {
    this.#intx.disableByDriver(disabled);
  }

  configureMsi(enabled: boolean, granted: number): void {
    this.#msiGranted = granted;
    this.#msi.configure(enabled, false);
    this.#intx.update();
  }

  maskMsi(bits: number): void {
    for (let vector = 0; vector < this.#msi.count; vector++) {
      this.#msi.maskByDriver(vector, ((bits >>> vector) & 1) === 1);
    }
  }

  get msiPending(): number {
    const [a = 0, b = 0, c = 0, d = 0] = this.#msi.pending;
    return (a | (b << 8) | (c << 16) | (d << 24)) >>> 0;
  }

  configureMsix(enabled: boolean, functionMasked: boolean): void {
    this.#msix.configure(enabled, functionMasked);
    this.#intx.update();
  }

  maskMsixVector(vector: number, masked: boolean): void {
    this.#msix.maskByDriver(vector, masked);
  }

  get msixPending(): Uint8Array {
    return this.#msix.pending;
  }

  /**
   * DEVICE_GET_IRQ_INFO.
   * @throws {RequestRefusedError} EINVAL when there is no such index.
   */
  info(index: number): InterruptInfo {
    const { count } = this.#index(index);
    return { flags: count === 0 ? 0 : flagsOf(index), count };
  }

  /**
   * Check DEVICE_SET_IRQS before its descriptors are made into notifiers.
   * @throws {RequestRefusedError} EINVAL: nothing was changed.
   */
  validate(request: SetIrqs, descriptorCount: number): void {
    validateSetIrqs(request, descriptorCount, this.#index(request.index).count);
  }

  /** Carry out a validated request. Takes over the notifiers. */
  apply(request: SetIrqs, notifiers: readonly Notifier[]): void {
    const { flags, start, count, bools } = request;
    const index = this.#index(request.index);
    if (count === 0) {
      index.disable();
    } else if ((flags & IRQ_SET_DATA_EVENTFD) !== 0) {
      if (notifiers.length > 0) index.assign(start, notifiers);
      else if ((flags & IRQ_SET_ACTION_TRIGGER) !== 0) index.deassign(start, count);
    } else {
      for (let i = 0; i < count; i++) {
        if (bools === undefined || bools[i] !== 0) act(index, flags, start + i);
      }
    }
    // Without MSI and MSI-X the line is in use again.
    this.#intx.update();
  }

  /** The client is gone: close its notifiers and forget its masks. */
  releaseAll(): void {
    this.reset();
    this.#intx.disable();
    for (const vectors of this.#messages()) vectors.disable();
  }

  /**
   * Power-on state of what the device and its driver control. The client's notifiers stay: it does
   * not see resets by the driver, and would not assign them again.
   */
  reset(): void {
    this.#intx.reset();
    for (const vectors of this.#messages()) vectors.reset();
  }

  #line(present: boolean): IntxLine {
    return new IntxLine(present, this.#fence, this.#attachment, () => this.mode !== 'intx');
  }

  #vectors(index: number, count: number): MessageVectors {
    return new MessageVectors(index, count, this.#fence, this.#attachment);
  }

  #messages(): readonly MessageVectors[] {
    return [this.#msi, this.#msix, this.#error, this.#release];
  }

  #index(index: number): InterruptIndex {
    switch (index) {
      case Irq.INTX:
        return this.#intx;
      case Irq.MSI:
        return this.#msi;
      case Irq.MSIX:
        return this.#msix;
      case Irq.ERR:
        return this.#error;
      case Irq.REQ:
        return this.#release;
      default:
        throw new RequestRefusedError(EINVAL, `there is no interrupt index ${index}`);
    }
  }
}

function flagsOf(index: number): number {
  switch (index) {
    case Irq.INTX:
      return IRQ_FLAG_EVENTFD | IRQ_FLAG_MASKABLE | IRQ_FLAG_AUTOMASKED;
    case Irq.MSI:
    case Irq.MSIX:
      return IRQ_FLAG_EVENTFD | IRQ_FLAG_MASKABLE;
    default:
      return IRQ_FLAG_EVENTFD;
  }
}

function act(index: InterruptIndex, flags: number, vector: number): void {
  if ((flags & IRQ_SET_ACTION_TRIGGER) !== 0) index.trigger(vector);
  else index.setMask(vector, (flags & IRQ_SET_ACTION_MASK) !== 0);
}
