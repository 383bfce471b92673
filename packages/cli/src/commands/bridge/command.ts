import { Command } from '@commander-js/extra-typings';
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
  Beside QEMU, so that it can use a device on another host:
    vfio-user bridge --listen unix:///run/dev.sock \\
      --connect tcp://device-host:7000
  Beside an existing vfio-user server, to offer it to the network:
    vfio-user bridge \\
      --listen 'tls://0.0.0.0:7000?cert=own.pem&key=own.key&ca=ca.pem' \\
      --connect unix:///run/server.sock

It prints "listening <uri>" when it is ready and runs until SIGTERM or Ctrl-C.
A network that fails costs the time that it was away, and nothing else, if it is
back within the time for which the device's server holds the session (--hold
there, 60s). Meanwhile the bridge tries to connect, writes and I/O wait, and a
register read that takes longer than --answer-timeout gives all ones: QEMU gives
its device up after 5s, or what -device ...,"x-msg-timeout": says in ms. Both can
be longer than an outage; the guest's processor stands still in such a read.
After the hold, or when the server was restarted, the device is out of reach:
all register reads give all ones. The bridge keeps trying, and tells a device
that is back what it must know; the device starts from reset then.
Where a session cannot go on (UNIX sockets, encoding=native, --hold 0) that is
so after --link-timeout without a byte; elsewhere at most 4s of it count, until
another connection is tried. --hold is for clients that come over a network.
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
    .option(
      '--answer-timeout <time>',
      'how long a register read may take; less than the client waits',
      '4s',
    )
    .option(
      '--link-timeout <time>',
      'how long the device may be silent before the link counts as lost',
      '30s',
    )
    .addOption(holdOption())
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
