import type { DeviceMigration } from '../device/device.js';
import { ECANCELED, EINVAL } from '../errno.js';
import { RequestRefusedError, VfioUserError } from '../errors.js';
import { Command, DeviceState } from '../protocol/enums.js';
import type { MigData, MigDataRead } from '../protocol/messages.js';
import { MIG_DATA_HEAD_BYTES } from '../protocol/struct-sizes.js';
import { deviceStateName, isSaving, statePath } from './state-machine.js';

/** Requests that are allowed on a stopped device. */
const ALLOWED_WHEN_STOPPED: ReadonlySet<number> = new Set([
  Command.REGION_READ,
  Command.REGION_WRITE,
  Command.REGION_WRITE_MULTI,
  Command.DEVICE_FEATURE,
]);

/**
 * The state of a device in a live migration ("MIG_DEVICE_STATE"), and what it permits. A device
 * that does not support migration stays in RUNNING.
 *
 * The session runs the requests that end here one after the other.
 */
export class MigrationController {
  readonly #device: DeviceMigration | undefined;
  readonly #quiesce: () => void | Promise<void>;
  #state: number = DeviceState.RUNNING;
  /** Counts resets, so that a running transition notices one. */
  #resets = 0;

  constructor(device: DeviceMigration | undefined, quiesce: () => void | Promise<void>) {
    this.#device = device;
    this.#quiesce = quiesce;
  }

  get supported(): boolean {
    return this.#device !== undefined;
  }

  get preCopy(): boolean {
    return this.#device?.preCopy ?? false;
  }

  get state(): number {
    return this.#state;
  }

  /** Whether a request of this kind may run in the current state. */
  allows(command: number): boolean {
    if (command === Command.MIG_DATA_READ) return isSaving(this.#state);
    if (command === Command.MIG_DATA_WRITE) return this.#state === DeviceState.RESUMING;
    return (
      (this.#state !== DeviceState.STOP && this.#state !== DeviceState.STOP_COPY) ||
      ALLOWED_WHEN_STOPPED.has(command)
    );
  }

  /**
   * Bring the device to `target`, one transition at a time. If the device refuses one it stays in
   * the state reached; after any other error it is in ERROR.
   * @throws {RequestRefusedError} EINVAL when no path leads there; or what the device threw.
   */
  async setState(target: number): Promise<void> {
    const device = this.#device;
    const path = statePath(this.#state, target, this.preCopy);
    if (device === undefined || path === undefined) {
      throw new RequestRefusedError(
        EINVAL,
        `no way from migration state ${deviceStateName(this.#state)} to ${deviceStateName(target)}`,
      );
    }
    const resets = this.#resets;
    for (const next of path) {
      await this.#quiesce();
      this.#checkNotReset(resets, target);
      try {
        await device.transition(this.#state, next);
      } catch (error) {
        const refused = error instanceof RequestRefusedError;
        if (!refused && this.#resets === resets) this.#state = DeviceState.ERROR;
        throw error;
      }
      this.#checkNotReset(resets, target);
      this.#state = next;
    }
  }

  /** "MIG_DATA_READ": the next piece of the device's state; shorter than requested at its end. */
  readData(body: MigDataRead, maxDataXferSize: number): MigData {
    const { argsz, size } = body;
    if (this.#device === undefined || !isSaving(this.#state)) {
      throw this.#wrongState('MIG_DATA_READ');
    }
    checkSize('MIG_DATA_READ', argsz, size, maxDataXferSize);
    const piece = this.#device.readData(size);
    if (piece.length > size) {
      throw new VfioUserError(
        'VFU_SYSTEM_ERROR',
        `the device gave ${piece.length} bytes of migration data where ${size} were asked for: fix its readData`,
      );
    }
    // A copy, as the device may go on while the reply waits to be sent.
    const data = new Uint8Array(piece);
    return { argsz: MIG_DATA_HEAD_BYTES + data.length, size: data.length, data };
  }

  /** "MIG_DATA_WRITE": the next piece of the state to resume from. */
  writeData(body: MigData, maxDataXferSize: number): void {
    const { argsz, size, data } = body;
    if (this.#device === undefined || this.#state !== DeviceState.RESUMING) {
      throw this.#wrongState('MIG_DATA_WRITE');
    }
    checkSize('MIG_DATA_WRITE', argsz, size, maxDataXferSize);
    if (data.length !== size) {
      throw new RequestRefusedError(
        EINVAL,
        `MIG_DATA_WRITE carries ${data.length} bytes of data and says ${size}`,
      );
    }
    this.#device.writeData(data);
  }

  /** The device was reset, or its client has left: back to RUNNING. */
  reset(): void {
    this.#resets++;
    this.#state = DeviceState.RUNNING;
  }

  #checkNotReset(resets: number, target: number): void {
    if (this.#resets === resets) return;
    throw new RequestRefusedError(
      ECANCELED,
      `the device was reset on its way to migration state ${deviceStateName(target)}`,
    );
  }

  #wrongState(request: string): RequestRefusedError {
    return new RequestRefusedError(
      EINVAL,
      `${request} is not possible in migration state ${deviceStateName(this.#state)}`,
    );
  }
}

function checkSize(request: string, argsz: number, size: number, maxDataXferSize: number): void {
  if (size > maxDataXferSize) {
    throw new RequestRefusedError(
      EINVAL,
      `${request} of ${size} bytes: max_data_xfer_size is ${maxDataXferSize}`,
    );
  }
  if (argsz < MIG_DATA_HEAD_BYTES + size) {
    throw new RequestRefusedError(
      EINVAL,
      `${request} of ${size} bytes: argsz ${argsz} is too small, it takes ${MIG_DATA_HEAD_BYTES + size}`,
    );
  }
}
