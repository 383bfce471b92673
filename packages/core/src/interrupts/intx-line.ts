import type { NotificationFence } from '../device/notification-fence.js';
import type { Attachment } from '../diagnostics/channels.js';
import { publishInterrupt } from '../diagnostics/channels.js';
import { Irq } from '../protocol/enums.js';
import type { Notifier } from '../transport/resources.js';
import type { InterruptIndex } from './interrupt-index.js';

/**
 * The INTx line: level-triggered, but signalled by edges. Each notification masks the line until
 * the client unmasks it at the end of interrupt; if the level is still high then, it is notified
 * again.
 */
export class IntxLine implements InterruptIndex {
  readonly count: number;
  readonly #fence: NotificationFence;
  readonly #attachment: Attachment;
  readonly #replaced: () => boolean;
  readonly #notify = (): void => this.#notifyNow();
  #notifier: Notifier | undefined;
  #asserted = false;
  #masked = false;
  #disabled = false;

  /** @param isReplaced whether MSI or MSI-X is in use, which silences the line. */
  constructor(
    present: boolean,
    fence: NotificationFence,
    attachment: Attachment,
    isReplaced: () => boolean,
  ) {
    this.count = present ? 1 : 0;
    this.#fence = fence;
    this.#attachment = attachment;
    this.#replaced = isReplaced;
  }

  /** The level that the device drives, masked or not. */
  get asserted(): boolean {
    return this.#asserted;
  }

  drive(asserted: boolean): void {
    this.#asserted = asserted && this.count > 0;
    this.update();
  }

  /** "Interrupt Disable" of the command register. */
  disableByDriver(disabled: boolean): void {
    this.#disabled = disabled;
    this.update();
  }

  /** Notify if the line is asserted and not masked or disabled. */
  update(): void {
    if (!this.#asserted) return;
    if (this.#fence.open) this.#notifyNow();
    else this.#fence.run(this.#notify);
  }

  assign(_start: number, notifiers: readonly Notifier[]): void {
    const old = this.#notifier;
    this.#notifier = notifiers[0];
    this.#masked = false;
    old?.close();
    this.update();
  }

  deassign(): void {
    this.#notifier?.close();
    this.#notifier = undefined;
  }

  setMask(_vector: number, masked: boolean): void {
    this.#masked = masked;
    this.update();
  }

  trigger(): void {
    if (this.#notifier !== undefined) this.#signal(this.#notifier);
  }

  disable(): void {
    this.deassign();
    this.#masked = false;
  }

  reset(): void {
    this.#asserted = false;
    this.#disabled = false;
  }

  #notifyNow(): void {
    // Checked again: the fence may run this after the line was deasserted.
    const silent = !this.#asserted || this.#masked || this.#disabled || this.#replaced();
    if (silent || this.#notifier === undefined) return;
    this.#masked = true;
    this.#signal(this.#notifier);
  }

  #signal(notifier: Notifier): void {
    publishInterrupt(this.#attachment, Irq.INTX, 0, 1);
    notifier.signal();
  }
}
