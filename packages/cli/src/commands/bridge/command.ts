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
A network that fails costs the time that it is away and nothing else, while the
device's server holds the session (its --hold, 60s). The bridge connects again;
writes, DMA and interrupts wait, and are carried out once. A register read that
takes longer than --answer-timeout gives all ones, as QEMU gives its device up
after 5s. To let reads wait as well, make both longer than an outage: in QEMU's
-device "x-msg-timeout":90000 (ms; 0 is no time at all), here
--answer-timeout 80s. The guest stands still in such a read.
After the hold, or when the server was restarted, the device is out of reach:
all register reads give all ones. The bridge keeps trying, and tells a device
that is back what it must know; the device starts from reset then.
A link counts as lost when nothing came for --link-timeout; a session that can
go on over another link looks for one after 4s at most. With encoding=native,
as on UNIX sockets, or --hold 0 none can: the device is out of reach then.
--connect must lead to where interrupts can come from: not encoding=native on a
network. --hold is for clients that come over one.
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
      'how long the device may take to answer; less than the client waits',
      '4s',
    )
    .option(
      '--link-timeout <time>',
      'how long the device may be silent before its link counts as lost',
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
