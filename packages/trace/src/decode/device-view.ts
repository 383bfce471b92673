import { Region, type RegisterMap } from '@vfio-user/core';
import { configFieldNames } from '../pci/config-fields.js';
import { ConfigView, msixName } from './config-view.js';

/** Register names that a decoder knows. */
export interface DeviceNames {
  /** The device, where it is known beforehand. */
  readonly device?: RegisterMap | undefined;
  /** Devices that may be recognised by their PCI ids, once these were read. */
  readonly candidates?: readonly RegisterMap[];
}

/** What is at an offset of a region. */
export interface RegisterName {
  /** `undefined` where no name is known. */
  readonly name: string | undefined;
  /** `false`: the registers of this BAR are known, and this is none of them. */
  readonly isImplemented: boolean;
}

const UNKNOWN: RegisterName = { name: undefined, isImplemented: true };
const NOTHING: RegisterName = { name: undefined, isImplemented: false };

/** What is known of the device of a session so far. */
export class DeviceView {
  readonly config = new ConfigView();
  readonly #names: DeviceNames;
  #map: RegisterMap | undefined;

  constructor(names: DeviceNames = {}) {
    this.#names = names;
    this.#map = names.device;
  }

  learnConfig(offset: number, data: Uint8Array): void {
    this.config.learn(offset, data);
    const { ids } = this.config;
    if (ids === undefined) return;
    const { device, candidates = [] } = this.#names;
    this.#map = device ?? candidates.find((map) => map.describes(ids));
  }

  registerAt(region: number, offset: number, count: number): RegisterName {
    if (region === Region.CONFIG) {
      const name = configFieldNames(this.config.capabilities, offset, count);
      return name === undefined ? UNKNOWN : { name, isImplemented: true };
    }
    if (region > Region.BAR5) return UNKNOWN;
    const { msix } = this.config;
    const interrupt = msix && msixName(msix, region, offset);
    if (interrupt !== undefined) return { name: interrupt, isImplemented: true };
    const map = this.#map;
    const registers = map?.bars[region];
    if (map === undefined || registers === undefined) return UNKNOWN;
    const register = registers.find(offset);
    if (register === undefined) return NOTHING;
    const within = offset - register.offset;
    const suffix = within === 0 ? '' : `+${within}`;
    return { name: `${map.title} ${register.name}${suffix}`, isImplemented: !register.absent };
  }
}
