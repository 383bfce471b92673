import type { BarDefinition, PciDevice, RegionDefinition } from '../device/device.js';
import { Region } from '../protocol/enums.js';
import { BAR_INDEXES, type Bars } from './bars.js';
import { invalid } from './invalid.js';
import type { PlacedWindow } from './msix-placement.js';
import { Overlay } from './overlay.js';
import { validateRegion } from './region-validation.js';
import type { RegisterSet } from './register-set.js';

/**
 * The regions of a PCI device by index. `bars` includes BARs added by the core; `placed` are the
 * ranges that the core serves.
 * @throws {VfioUserError} `VFU_CONFIG_INVALID`
 */
export function buildRegions(
  device: PciDevice,
  bars: Bars,
  placed: readonly PlacedWindow[],
  config: RegisterSet,
): readonly (RegionDefinition | undefined)[] {
  const regions: (RegionDefinition | undefined)[] = [];
  for (const index of BAR_INDEXES) {
    const bar = bars[index];
    if (bar === undefined) continue;
    const windows = placed.filter((window) => window.bar === index);
    regions[index] = barRegion(`BAR${index}`, bar, windows);
  }
  if (device.rom !== undefined) {
    validateRegion('ROM', device.rom, []);
    regions[Region.ROM] = { ...device.rom, writable: device.rom.writable ?? false };
  }
  regions[Region.CONFIG] = { size: config.length, access: config };
  if (device.vga !== undefined) {
    validateRegion('VGA', device.vga, []);
    regions[Region.VGA] = device.vga;
  }
  return regions;
}

function barRegion(
  name: string,
  bar: BarDefinition,
  windows: readonly PlacedWindow[],
): RegionDefinition {
  if (bar.kind === 'io' && (bar.mappable?.length ?? 0) > 0) {
    invalid(`${name} is I/O, only memory can be mappable`);
  }
  validateRegion(name, bar, windows);
  if (windows.length === 0) return bar;
  // The core's ranges are always accessible, whatever the device allows for the rest.
  return { ...bar, readable: true, writable: true, access: new Overlay(bar, windows) };
}
