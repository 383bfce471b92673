import { Command } from '@commander-js/extra-typings';
import type { CommandContext } from '../../io.js';
import { addLogOptions, createLogger, logLevel, SERVER_VERBOSE_HELP } from '../../logging.js';
import { INSECURE_HELP } from '../../registry.js';
import { metricsOption, socketGroupOption, socketModeOption } from '../../server-options.js';

const EXAMPLES = `
Examples:
  Beside QEMU, so that it can use a device on another host:
    vfio-user bridge --listen unix:///run/dev.sock \\
      --connect tcp://device-host:7000
  Beside an existing vfio-user server, to offer it to the network:
    vfio-user bridge \\
      --listen 'tls://0.0.0.0:7000?cert=own.pem&key=own.key&ca=ca.pem' \\
      --connect unix:///run/server.sock

It prints "listening <uri>" when it is ready and runs until SIGTERM or Ctrl-C.
The client is answered within 5 s whatever the network does: a register read
that takes longer gives all ones. Nothing is lost if the network is back within
--link-timeout, within ?timeout=<time> of a network URI (30s), and within the
30 s after which a device server gives up a client that is silent. After that
the device is out of reach: all register reads give all ones. The bridge keeps
trying, and tells a device that is back what it must know; the device starts
from reset then.
--connect must lead to where interrupts can come from: not encoding=native on a
network.
SIGHUP reads certificates again. SIGUSR2 logs statistics at level info: without
--metrics the first one begins to count, later ones show the counts.`;

/** `vfio-user bridge`. */
export function bridgeCommand(context: CommandContext) {
  const command = new Command('bridge')
    .summary('join clients on one transport to a device on another')
    .description(
      'Listen for vfio-user clients such as QEMU and connect each to a device elsewhere.',
    )
    .requiredOption('--listen <uri>', 'where clients come to')
    .requiredOption('--connect <uri>', 'where the device is')
    .option('--link-timeout <time>', 'how long the device may be silent: 30s, 2m', '30s')
    .addOption(metricsOption())
    .option('--insecure', INSECURE_HELP)
    .addOption(socketModeOption())
    .addOption(socketGroupOption())
    .addHelpText('after', EXAMPLES);
  return addLogOptions(command, 'info', SERVER_VERBOSE_HELP).action(async (options) => {
    const { runBridge } = await import('./run-bridge.js');
    const logger = await createLogger(logLevel(options, 'info'));
    await runBridge(options, { io: context.io, logger });
  });
}
