import { Command, Option } from '@commander-js/extra-typings';
import type { CommandContext } from '../../io.js';
import { addLogOptions, createLogger, logLevel, SERVER_VERBOSE_HELP } from '../../logging.js';
import { INSECURE_HELP } from '../../registry.js';
import {
  holdOption,
  metricsOption,
  socketGroupOption,
  socketModeOption,
} from '../../server-options.js';

const EXAMPLES = `
Examples:
  Run the tutorial device for a virtual machine to connect to:
    vfio-user serve counter --listen unix:///tmp/counter.sock
  A 64 MiB NVMe disk in memory, started the way QEMU's backends are:
    vfio-user serve nvme --set size=64M --socket-path=/tmp/disk.sock
  A device of your own, the default export of a file, and its settings:
    vfio-user serve ./my-device.ts --listen unix:///tmp/mine.sock
    vfio-user serve ./my-device.ts --help
  For Prometheus to watch at http://127.0.0.1:9464/metrics:
    vfio-user serve gpio --listen unix:///tmp/gpio.sock --metrics 127.0.0.1:9464

It prints "listening <uri>" when it is ready and serves one client after the
other until SIGTERM or Ctrl-C. Under systemd socket activation no listen option
is needed.
A client on a network that loses its connection and is back within --hold goes
on as if nothing had happened; the device is kept for it meanwhile. A new client
with the same certificate (without TLS: from the same address) gets it at once.
SIGHUP reads certificates again. SIGUSR2 logs statistics at level info: without
--metrics the first one begins to count, later ones show the counts.`;

/** `vfio-user serve`. `devices` is the text about devices and settings for `--help`. */
export function serveCommand(context: CommandContext, devices: string) {
  const command = new Command('serve')
    .summary('run a device that virtual machines can be connected to')
    .description('Run a PCI device and serve it to vfio-user clients such as QEMU.')
    .argument('[device]', 'which device, see below, or a file: ./device.ts, ./device.js')
    .option('--listen <uri>', 'where to listen, for example unix:///tmp/dev.sock')
    .addOption(
      new Option('--set <key=value>', 'a setting of the device; may be repeated')
        .argParser(collect)
        .default([], 'none'),
    )
    .option('--insecure', INSECURE_HELP)
    .addOption(socketModeOption())
    .addOption(socketGroupOption())
    .addOption(holdOption())
    .addOption(metricsOption())
    .option('--once', 'end after the first client has left')
    .option('--socket-path <path>', 'listen on this UNIX socket (QEMU backend convention)')
    .option(
      '--fd <number>',
      'use this inherited socket, listening or connected (QEMU backend convention)',
    )
    .option('--print-capabilities', 'print what this backend can do as JSON and exit')
    .addHelpText('after', `\n${devices}\n${EXAMPLES}`);
  return addLogOptions(command, 'info', SERVER_VERBOSE_HELP).action(async (device, options) => {
    const { printCapabilities, serveDevice } = await import('./serve-device.js');
    if (options.printCapabilities === true) return printCapabilities(device, context.io);
    const logger = await createLogger(logLevel(options, 'info'));
    await serveDevice(device, options, { io: context.io, logger });
  });
}

function collect(value: string, previous: readonly string[]): readonly string[] {
  return [...previous, value];
}
