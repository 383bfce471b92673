import { Command, Option } from '@commander-js/extra-typings';
import type { CommandContext } from '../../io.js';
import { INSECURE_HELP } from '../../registry.js';

const NOTES = `
Examples:
  vfio-user bench                                    every transport, every test
  vfio-user bench --transport unix --transport tcp --tests region-read,doorbell
  vfio-user bench --connect tcp://host:7000 --echo tcp://10.0.0.2:7001
                                                     a device elsewhere; on its
                                                     host runs \`bench echo\`
  vfio-user bench --json now.json --html now.html
  vfio-user bench compare before.json now.json --html both.html

Tests: connect, region-read, region-write, posted-write, doorbell, interrupts,
nvme-read, nvme-write, dma-read, dma-write. A server elsewhere takes those that
its device can: any vfio-user server connect and region-read, \`serve bench\` all
but nvme-*, an NVMe controller these (they write to the disk: --overwrite).

Server and client are processes of their own, and take turns with a floor: the
same bytes over a plain socket, or a copy within memory. Data is compared; wrong
data ends the run with status 1. A run takes about as long as --duration says,
however many tests and transports there are: each measurement gets its share.
With the usual 90 seconds it ends within three minutes even on a slow machine,
where large blocks take longer than their share. Do not use it meanwhile.

\`docs/benchmarks.md\` says how to read the figures.`;

const list = (value: string, previous: readonly string[]): readonly string[] => [
  ...previous,
  ...value.split(','),
];

/** `vfio-user bench`, with its subcommands. */
export function benchCommand(context: CommandContext) {
  return (
    new Command('bench')
      .summary('measure transports, or a server, against plain sockets')
      .description('Measure what a device behind each transport of this machine costs.')
      // `--html` behind a subcommand is the subcommand's.
      .enablePositionalOptions()
      .addOption(
        listOption('--transport <name>', 'a transport of this machine; may be repeated', 'all'),
      )
      .addOption(
        listOption('--connect <uri>', 'a server that is there already; may be repeated', 'none'),
      )
      .option('--echo <uri>', 'an echo server beside it, for floors: unix:, tcp: or vsock:')
      .addOption(listOption('--tests <names>', 'which tests, separated by commas', 'all'))
      .addOption(listOption('--sizes <bytes>', 'blocks of DMA tests', '64,4K,64K,1M,16M'))
      .addOption(listOption('--depth <numbers>', 'DMA transfers under way at once', '1,32'))
      .option('--duration <time>', 'about how long the run takes: 90s, 5m', '90s')
      .option('--rounds <number>', 'rounds that count, after one to warm up', '5')
      .option('--rate <number>', 'operations a second in open loops', '2000')
      .option('--overwrite', 'with --connect: tests may overwrite the disk')
      .option('--json <file>', 'write the results as JSON, for `bench compare`')
      .option('--csv <file>', 'write a table for spreadsheets')
      .option('--html <file>', 'write a report with plots, in one file')
      .option('--png <file>', 'write the plots as a picture')
      .option('--markdown <file>', 'write the tables as a document')
      .addCommand(compareCommand(context))
      .addCommand(echoCommand(context))
      .addCommand(clientCommand(), { hidden: true })
      .addHelpText('after', NOTES)
      .action(async (options) => {
        const { runBenchCommand } = await import('./run-bench-command.js');
        await runBenchCommand(options, context.io);
      })
  );
}

function listOption<Flags extends string>(flags: Flags, description: string, fallback: string) {
  return new Option(flags, description).argParser(list).default([] as readonly string[], fallback);
}

function compareCommand({ io }: CommandContext) {
  return new Command('compare')
    .summary('compare saved runs')
    .description('Compare runs that `bench --json` wrote, the first one with the others.')
    .argument('<files...>', 'what --json wrote')
    .option('--html <file>', 'write a report with plots, in one file')
    .option('--png <file>', 'write the plots as a picture')
    .action(async (files, options) => {
      const { runCompare } = await import('./run-compare.js');
      await runCompare(files, options, io);
    });
}

function echoCommand({ io }: CommandContext) {
  return new Command('echo')
    .summary('run the server that floors are measured with')
    .description('Answer the benchmark over a plain socket, beside a device on the same host.')
    .requiredOption('--listen <uri>', 'unix:///path, tcp://address:port or vsock://any:port')
    .option('--insecure', INSECURE_HELP)
    .action(async (options) => {
      const { runEcho } = await import('./run-echo.js');
      await runEcho(options, io);
    });
}

function clientCommand() {
  return new Command('client')
    .description('Measure for the `vfio-user bench` that started this.')
    .action(async () => {
      const { runClient } = await import('./run-client.js');
      await runClient();
    });
}
