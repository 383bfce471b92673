import { Command } from '@commander-js/extra-typings';
import type { CommandContext } from '../../io.js';
import { addLogOptions, createLogger, logLevel } from '../../logging.js';
import { INSECURE_HELP } from '../../registry.js';
import { socketGroupOption, socketModeOption } from '../../server-options.js';

const DEVICE_HELP = 'whose register names to show; without it, recognised by its PCI ids';

const NOTES = `
Examples:
  vfio-user trace --listen unix:///tmp/seen.sock --connect unix:///tmp/disk.sock
  vfio-user trace --listen tcp://127.0.0.1:0 --connect tcp://host:7000 \\
    --pcap disk.pcap
  vfio-user trace --listen unix:///tmp/seen.sock \\
    --connect unix:///tmp/disk.sock --pcap - | wireshark -k -i -
  vfio-user trace read disk.pcap
  vfio-user trace stats disk.pcap

It prints "listening <uri>" when it is ready and runs until SIGTERM or Ctrl-C;
SIGHUP reads certificates again.
Messages pass unchanged, with their descriptors. Both URIs must speak the same
encoding; what is passed as a descriptor needs UNIX sockets on both sides. What
goes through shared memory or an eventfd is not seen.
Nothing is left out: when stdout or the file is written more slowly than the
session runs, the session is slowed down. Redirect stdout to a file, or watch a
quieter one, if that matters.`;

/** `vfio-user trace`, with its subcommands. */
export function traceCommand(context: CommandContext) {
  const command = new Command('trace')
    .summary('pass a session through and show every message')
    .description('Stand between a client and its server and print what they say to each other.')
    // `--json` behind a subcommand is the subcommand's.
    .enablePositionalOptions()
    .option('--listen <uri>', 'where clients come to')
    .option('--connect <uri>', 'where the server is')
    .option(
      '--pcap <file>',
      'also write a capture, which Wireshark reads with docs/vfio-user.lua; -: to stdout, instead of text',
    )
    .option('--device <device>', DEVICE_HELP)
    .option('--json', 'print one JSON object per line')
    .option('--stats', 'print counts and latencies at the end')
    .option('--insecure', INSECURE_HELP)
    .addOption(socketModeOption())
    .addOption(socketGroupOption())
    .addCommand(readCommand(context))
    .addCommand(statsCommand(context))
    .addHelpText('after', NOTES);
  return addLogOptions(command, 'warn').action(async (options) => {
    const { runTrace } = await import('./run-trace.js');
    const logger = await createLogger(logLevel(options, 'warn'));
    await runTrace(options, context, logger);
  });
}

function readCommand({ io }: CommandContext) {
  return new Command('read')
    .summary('print a capture')
    .description('Print the messages of a file that `trace --pcap` wrote.')
    .argument('<file>', 'a capture')
    .option('--device <device>', DEVICE_HELP)
    .option('--json', 'print one JSON object per line')
    .action(async (file, options) => {
      const { printCapture } = await import('./read-capture.js');
      await printCapture(file, options, io);
    });
}

function statsCommand({ io }: CommandContext) {
  return new Command('stats')
    .summary('counts and latencies of a capture')
    .description(
      'Count the messages of a file that `trace --pcap` wrote: by command, and by register with what the device does not implement.',
    )
    .argument('<file>', 'a capture')
    .option('--device <device>', DEVICE_HELP)
    .option('--json', 'print JSON')
    .action(async (file, options) => {
      const { printStatistics } = await import('./read-capture.js');
      await printStatistics(file, options, io);
    });
}
