import { RemoteError } from '../errors.js';
import type { HostEnd } from '../host-end/host-end.js';
import type { DmaSpace } from '../memory/dma-space.js';
import { handleDeviceFeature } from '../migration/device-feature.js';
import { MigrationController } from '../migration/migration-controller.js';
import { FEATURE_MASK, FEATURE_PROBE } from '../protocol/constants.js';
import { Command, Feature } from '../protocol/enums.js';
import type { DeviceFeature, DmaUnmap } from '../protocol/messages.js';
import { call } from '../session/call.js';
import type { Peer } from '../session/peer.js';
import type { RestoreStep } from './client-state.js';
import type { DeviceLink } from './device-link.js';
import { refusedByDevice } from './forwarded-access.js';

export interface DirtyPagesContext {
  readonly space: DmaSpace;
  readonly link: DeviceLink;
  readonly host: HostEnd;
}

/** Whether the flags of a "DEVICE_FEATURE" name one of the DMA logging features. */
export function isDmaLogging(flags: number): boolean {
  const feature = flags & FEATURE_MASK;
  return (
    feature === Feature.DMA_LOGGING_START ||
    feature === Feature.DMA_LOGGING_STOP ||
    feature === Feature.DMA_LOGGING_REPORT
  );
}

/**
 * Dirty pages of a bridged device. Writes by message are logged here, where the memory is. Writes
 * by RDMA are logged by the device, whose report is merged in.
 */
export class BridgedDirtyPages {
  readonly #context: DirtyPagesContext;
  /** Handles DMA logging only; migration itself is forwarded to the device. */
  readonly #migration = new MigrationController(undefined, () => {});
  /** The DMA_LOGGING_START request in force. */
  #started: DeviceFeature | undefined;

  constructor(context: DirtyPagesContext) {
    this.#context = context;
  }

  async handle(body: DeviceFeature): Promise<DeviceFeature> {
    const asked = { ...body, data: body.data.slice() };
    if ((body.flags & FEATURE_PROBE) !== 0) return this.#handleHere(asked);
    const feature = body.flags & FEATURE_MASK;
    const device = this.#rdmaDevice();
    if (feature === Feature.DMA_LOGGING_START) {
      const own = await this.#handleHere(asked);
      await this.#startAt(device, asked);
      return own;
    }
    if (feature === Feature.DMA_LOGGING_STOP) {
      const own = await this.#handleHere(asked);
      this.#started = undefined;
      if (device !== undefined) await this.#request(device, asked);
      return own;
    }
    // Reporting clears the log: ask the device first, as it may refuse.
    const theirs = device && (await this.#request(device, asked));
    const own = await this.#handleHere(asked);
    return theirs === undefined ? own : { ...own, data: union(own.data, theirs) };
  }

  /** A reconnected device does not log yet. */
  restoreSteps(device: Peer): readonly RestoreStep[] {
    const started = this.#started;
    if (started === undefined || device.connection.oneSided === undefined) return [];
    return [async () => void (await this.#request(device, started))];
  }

  /** What it wrote since its last report is unknown: mark everything dirty. */
  onLost(device: Peer): void {
    const { space } = this.#context;
    if (device.connection.oneSided === undefined || space.dirtyLog === undefined) return;
    for (const { writable, firstPage, size } of space.mappings()) {
      if (writable) space.dirtyLog.mark(firstPage, 0, size);
    }
  }

  /** The device has dropped its log of the range: mark all of it dirty. */
  beforeUnmap({ address, size }: DmaUnmap): void {
    const { space } = this.#context;
    if (space.dirtyLog === undefined || this.#rdmaDevice() === undefined) return;
    const mapping = space.exact(address, Number(size));
    if (mapping?.writable) space.dirtyLog.mark(mapping.firstPage, 0, mapping.size);
  }

  /** The device, if it writes guest memory by RDMA. */
  #rdmaDevice(): Peer | undefined {
    const { link } = this.#context;
    return link.up && link.peer.connection.oneSided !== undefined ? link.peer : undefined;
  }

  #handleHere(body: DeviceFeature): DeviceFeature | Promise<DeviceFeature> {
    const { space, host } = this.#context;
    const { maxDataXferSize } = host.client;
    return handleDeviceFeature(body, { migration: this.#migration, dma: space, maxDataXferSize });
  }

  /** Start the local log only if the device starts its own. */
  async #startAt(device: Peer | undefined, body: DeviceFeature): Promise<void> {
    try {
      if (device !== undefined) await this.#request(device, body);
      this.#started = body;
    } catch (error) {
      if (this.#started === undefined) this.#context.space.stopDirtyLog();
      throw error;
    }
  }

  /** `undefined` when the device is lost meanwhile. */
  async #request(device: Peer, body: DeviceFeature): Promise<Uint8Array | undefined> {
    try {
      return await call(device, Command.DEVICE_FEATURE, body, ({ data }) => data.slice());
    } catch (error) {
      if (error instanceof RemoteError) throw refusedByDevice(error);
      return undefined;
    }
  }
}

/** The bits of both reports, whose heads are the same. */
function union(own: Uint8Array, theirs: Uint8Array): Uint8Array {
  return own.map((byte, i) => byte | (theirs[i] ?? 0));
}
