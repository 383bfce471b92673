import type { DmaSpace } from '../dma/dma-space.js';
import { RemoteError } from '../errors.js';
import { handleDeviceFeature } from '../migration/device-feature.js';
import { MigrationController } from '../migration/migration-controller.js';
import type { Capabilities } from '../protocol/capabilities.js';
import {
  Command,
  FEATURE_GET,
  FEATURE_MASK,
  FEATURE_PROBE,
  Feature,
} from '../protocol/constants.js';
import type { DeviceFeature, DmaUnmap } from '../protocol/messages.js';
import { call } from '../session/call.js';
import type { Peer } from '../session/peer.js';
import type { FarLink } from './far-link.js';
import { refusedByDevice } from './forwarded-access.js';

/** What the log of a bridge works with. */
export interface DirtyPagesContext {
  readonly device: { readonly dma: DmaSpace };
  readonly link: FarLink;
  readonly client: Capabilities;
}

/** Whether the flags of a "DEVICE_FEATURE" name one of the features that log DMA. */
export function isDmaLogging(flags: number): boolean {
  const feature = flags & FEATURE_MASK;
  return (
    feature === Feature.DMA_LOGGING_START ||
    feature === Feature.DMA_LOGGING_STOP ||
    feature === Feature.DMA_LOGGING_REPORT
  );
}

/**
 * Which pages a bridged device wrote. What it writes by messages is logged here, where the memory
 * is. What it writes by itself is known to the device only: it logs that, and is asked.
 */
export class BridgedDirtyPages {
  readonly #context: DirtyPagesContext;
  /** Devices migrate themselves; only the memory is here. */
  readonly #migration = new MigrationController(undefined, () => {});
  /** Data of the DMA_LOGGING_START in force. */
  #started: DeviceFeature | undefined;

  constructor(context: DirtyPagesContext) {
    this.#context = context;
  }

  async handle(body: DeviceFeature): Promise<DeviceFeature> {
    const { device, client } = this.#context;
    const asked = { ...body, data: body.data.slice() };
    const own = await handleDeviceFeature(asked, {
      migration: this.#migration,
      dma: device.dma,
      maxDataXferSize: client.maxDataXferSize,
    });
    if ((body.flags & FEATURE_PROBE) !== 0) return own;
    const feature = body.flags & FEATURE_MASK;
    if (feature === Feature.DMA_LOGGING_START) this.#started = asked;
    if (feature === Feature.DMA_LOGGING_STOP) this.#started = undefined;
    const far = this.#farWriter();
    if (far === undefined) return own;
    const theirs = await this.#ask(far, asked);
    return (body.flags & FEATURE_GET) !== 0 && theirs !== undefined
      ? { ...own, data: union(own.data, theirs) }
      : own;
  }

  /** A device that was reached anew does not log yet. */
  async restore(far: Peer): Promise<void> {
    if (this.#started !== undefined && far.connection.oneSided !== undefined) {
      await this.#ask(far, this.#started);
    }
  }

  /** The device has forgotten by now what it wrote there: so it may have written everything. */
  beforeUnmap({ address, size }: DmaUnmap): void {
    const { dma } = this.#context.device;
    if (dma.dirtyLog === undefined || this.#farWriter() === undefined) return;
    const mapping = dma.exact(address, Number(size));
    if (mapping?.writable) dma.dirtyLog.mark(mapping.firstPage, 0, mapping.size);
  }

  /** The device, if it writes guest memory by itself. */
  #farWriter(): Peer | undefined {
    const { link } = this.#context;
    return link.up && link.peer.connection.oneSided !== undefined ? link.peer : undefined;
  }

  /** `undefined` when the device was lost meanwhile: what it wrote last is unknown, as it was reset. */
  async #ask(far: Peer, body: DeviceFeature): Promise<Uint8Array | undefined> {
    try {
      return await call(far, Command.DEVICE_FEATURE, body, ({ data }) => data.slice());
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
