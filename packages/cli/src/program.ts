import { Command } from '@commander-js/extra-typings';
import { benchCommand } from './commands/bench/command.js';
import { bridgeCommand } from './commands/bridge/command.js';
import { completionCommand } from './commands/completion/command.js';
import { doctorCommand } from './commands/doctor/command.js';
import { infoCommand } from './commands/info/command.js';
import { serveCommand } from './commands/serve/command.js';
import { traceCommand } from './commands/trace/command.js';
import type { CommandContext } from './io.js';
import { addManuals } from './manuals.js';
import { packageVersion } from './package.js';

const INTRODUCTION = `PCI devices written in TypeScript, plugged into virtual machines over vfio-user.

A device is a process that listens on a URI. A virtual machine (QEMU,
cloud-hypervisor) or another program connects to it, and there the device
appears as a PCI card.`;

const EXAMPLES = `
Examples:
  vfio-user serve counter --listen unix:///tmp/counter.sock   run a device
  vfio-user info unix:///tmp/counter.sock                     look at it
  vfio-user bridge --listen unix:///tmp/far.sock --connect tcp://host:7000
                                                              use a far device
  vfio-user trace --listen unix:///tmp/seen.sock \\
      --connect unix:///tmp/counter.sock                      watch a session
  vfio-user bench                                             how fast is it?
  vfio-user doctor                                            what is missing?
  source <(vfio-user completion bash)                         complete with Tab

\`vfio-user <command> --help\` says more.`;

/** The whole command line. `devices` is what `serve --help` says about devices. */
export function buildProgram(context: CommandContext, devices: string): Command {
  const program = new Command('vfio-user')
    .description(INTRODUCTION)
    .version(packageVersion())
    // What stands behind a command belongs to it.
    .enablePositionalOptions()
    .addHelpText('after', EXAMPLES);
  for (const command of [
    serveCommand(context, devices),
    bridgeCommand(context),
    infoCommand(context),
    traceCommand(context),
    benchCommand(context),
    doctorCommand(context),
    completionCommand(context, program),
  ]) {
    program.addCommand(command);
  }
  addManuals(program);
  return program;
}
