// Builds QEMU's command line from guest options.

import type { GuestDevice, GuestOptions } from './guest-options.js';
import type { GuestFiles } from './setup.js';
import { insideRoot } from './socket-folder.js';

/** A device as the value of `-device` or the arguments of QMP `device_add`. */
export function deviceProperties(files: GuestFiles, device: GuestDevice): Record<string, unknown> {
  return {
    driver: device.driver ?? 'vfio-user-pci',
    ...(device.socketPath === undefined
      ? {}
      : { socket: { type: 'unix', path: insideRoot(files, device.socketPath) } }),
    ...(device.id === undefined ? {} : { id: device.id }),
    ...(device.rootPort === undefined ? {} : { bus: device.rootPort }),
    ...device.properties,
  };
}

/** The whole command line but for the program's name. `qmpPath` is the path inside the chroot. */
export function qemuArguments(files: GuestFiles, options: GuestOptions, qmpPath: string): string[] {
  const memory = `${options.memoryMiB ?? 512}M`;
  // Without a memory backend the guest's RAM is anonymous: no descriptor reaches the device, DMA goes by message.
  const machine =
    (options.memory ?? 'shared') === 'shared'
      ? [
          '-object',
          `memory-backend-memfd,id=ram,size=${memory},share=on`,
          '-machine',
          'q35,memory-backend=ram',
        ]
      : ['-machine', 'q35'];
  const clock =
    options.clock === 'instructions'
      ? ['-accel', 'tcg,thread=single', '-icount', 'shift=0,sleep=off']
      : ['-accel', 'tcg,thread=multi'];
  const devices = options.devices ?? [];
  const rootPorts = [...new Set(devices.flatMap((device) => device.rootPort ?? []))];
  const kernelArguments = [
    'console=ttyS0',
    'quiet',
    'panic=0',
    'mitigations=off',
    'tsc=reliable',
    'no_timer_check',
    `vfu.tests=${(options.testScripts ?? []).join(',')}`,
    `vfu.end=${options.end ?? 'commands'}`,
    ...(options.kernelArguments ?? []),
  ];
  return [
    ...clock,
    '-cpu',
    'Nehalem',
    '-smp',
    String(options.smp ?? 1),
    '-m',
    memory,
    ...machine,
    '-nodefaults',
    '-no-user-config',
    '-display',
    'none',
    '-serial',
    'stdio',
    '-qmp',
    `unix:${qmpPath}`,
    '-kernel',
    files.kernel,
    '-initrd',
    files.initramfs,
    '-append',
    kernelArguments.join(' '),
    ...rootPorts.flatMap((id, index) => [
      '-device',
      `pcie-root-port,id=${id},chassis=${index + 1},slot=${index + 1}`,
    ]),
    ...(options.qemuArguments ?? []),
    ...devices.flatMap((device) => ['-device', JSON.stringify(deviceProperties(files, device))]),
  ];
}
