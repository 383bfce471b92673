import type { BlockAccess } from '../device/access.js';
import type { PciDevice, RegionDefinition, ResetKind } from '../device/device.js';
import type { InterruptController } from '../interrupts/interrupt-controller.js';
import { Region } from '../protocol/enums.js';
import { buildConfigSpace } from './config-space.js';
import { barsWithMsix, placeMsix } from './msix-placement.js';
import { MsixTable } from './msix-table.js';
import { buildRegions } from './regions.js';
import type { RegisterSet } from './register-set.js';

/** What a bus reads where no device answers. */
const NO_ANSWER: BlockAccess = {
  readBlock: (_offset, target) => void target.fill(0xff),
  writeBlock: () => {},
};

/** The PCI function of a device: configuration space, MSI-X structures, and regions. */
export class PciFunction {
  /** The configuration space. */
  readonly config: RegisterSet;
  readonly #interrupts: InterruptController;
  readonly #msixTable: MsixTable | undefined;
  readonly #working: readonly (RegionDefinition | undefined)[];
  #regions: readonly (RegionDefinition | undefined)[];

  /**
   * @param onReset called when a driver resets the function through a register. Answer the access
   * first; then quiesce and reset the device, and call {@link resetState}.
   * @throws {VfioUserError} `VFU_CONFIG_INVALID` when the description of the device is impossible.
   */
  constructor(
    device: PciDevice,
    interrupts: InterruptController,
    onReset: (kind: ResetKind) => void,
  ) {
    const capabilities = device.capabilities ?? [];
    const msix = capabilities.find((c) => c.msix !== undefined)?.msix;
    const bars = barsWithMsix(device.bars ?? {}, msix);
    this.#interrupts = interrupts;
    interrupts.describe({
      intx: device.intx === true,
      msi: capabilities.find((c) => c.msiVectors !== undefined)?.msiVectors ?? 0,
      msix: msix?.vectors ?? 0,
    });
    this.config = buildConfigSpace(device, bars, { interrupts, requestReset: onReset });
    this.#msixTable = msix === undefined ? undefined : new MsixTable(msix.vectors, interrupts);
    const placed = msix && this.#msixTable ? placeMsix(msix, this.#msixTable, interrupts) : [];
    this.#working = buildRegions(device, bars, placed, this.config);
    this.#regions = this.#working;
  }

  /** The region of an index, `undefined` if there is none. */
  region(index: number): RegionDefinition | undefined {
    return this.#regions[index];
  }

  /** Until {@link resetState} only the configuration space responds. */
  fail(): void {
    this.#regions = this.#working.map((region, index) =>
      region === undefined || index === Region.CONFIG ? region : { ...region, access: NO_ANSWER },
    );
  }

  /**
   * Power-on state of everything a driver can program, at each reset. Notifiers assigned by
   * DEVICE_SET_IRQS stay.
   */
  resetState(): void {
    this.#regions = this.#working;
    this.config.reset();
    this.#msixTable?.reset();
    this.#interrupts.reset();
  }
}
