import { Command } from '@commander-js/extra-typings';
import type { CommandContext } from '../../io.js';
import { addLogOptions, createLogger, logLevel } from '../../logging.js';

const EXAMPLES = `
Examples:
  vfio-user info unix:///tmp/counter.sock
  vfio-user info unix:///tmp/counter.sock --json

A device serves one client at a time: while it has one, or holds the session of
one whose link is lost, this says so (on a network also whose it is), and
disturbs nobody.`;

/** `vfio-user info`. */
export function infoCommand(context: CommandContext) {
  const command = new Command('info')
    .summary('show what device a server offers, like lspci')
    .description('Connect to a vfio-user server as a client and show its device.')
    .argument('<uri>', 'where the server listens')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES);
  return addLogOptions(command, 'warn').action(async (uri, options) => {
    const { collectInfo } = await import('./collect.js');
    const { infoText } = await import('./report.js');
    const { stringify } = await import('@vfio-user/trace');
    const logger = await createLogger(logLevel(options, 'warn'));
    const info = await collectInfo(uri, logger);
    context.io.stdout(`${options.json === true ? stringify(info, 2) : infoText(info)}\n`);
  });
}
