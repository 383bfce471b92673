import type { PciDeviceDefinition } from '@vfio-user/core';
import { settingsHelp } from './device-help.js';

/**
 * What `--print-capabilities` answers: the shape of QEMU's vhost-user backends (`type`,
 * `features`), and the devices behind it.
 */
export function backendCapabilities(definitions: Iterable<PciDeviceDefinition<unknown>>): object {
  return {
    type: 'pci',
    features: ['socket-path', 'fd'],
    devices: Array.from(definitions, (definition) => ({
      name: definition.name,
      description: definition.summary,
      settings: settingsHelp(definition),
    })),
  };
}
