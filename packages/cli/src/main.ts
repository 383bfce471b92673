import { CommanderError, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { ExitCode, reportError, unexpectedText } from './errors.js';
import { type CommandContext, type Io, processIo } from './io.js';
import { buildProgram } from './program.js';

/**
 * Run the command with `args` (without node and script) and resolve with its exit status. Never
 * rejects: errors are printed.
 */
export async function run(args: readonly string[], io: Io = processIo): Promise<number> {
  const context: CommandContext = { io, exitCode: ExitCode.OK };
  try {
    const program = buildProgram(context, await devicesText(args));
    captureOutput(program, io);
    await program.parseAsync(args, { from: 'user' });
    return context.exitCode;
  } catch (error) {
    // Commander has printed its own message, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.OK : ExitCode.USAGE;
    const report = await reportError(error);
    io.stderr(`${report.text}\n`);
    return report.exitCode;
  }
}

/**
 * End for an error that nothing caught. What the log has to say about it is written first, as far as
 * somebody reads it.
 */
export function fail(error: unknown, io: Io = processIo): void {
  io.stderr(`${unexpectedText(error)}\n`);
  io.exit(ExitCode.FAILURE);
}

/**
 * Help is printed synchronously, and only this one needs the devices: they are not loaded otherwise.
 * Where a file is named, it is about the device in it.
 */
async function devicesText(args: readonly string[]): Promise<string> {
  const wantsHelp = args.some((arg) => ['-h', '--help', 'help'].includes(arg));
  if (!wantsHelp || !args.includes('serve')) return '';
  const [{ builtinDevices }, { devicesHelp }, { isDeviceFile, loadDeviceFile }] = await Promise.all(
    [
      import('@vfio-user/devices'),
      import('./commands/serve/device-help.js'),
      import('./commands/serve/device-file.js'),
    ],
  );
  // The value of an option is no device.
  const file = args.find(
    (arg, at) => isDeviceFile(arg) && !/^-|:\/\//.test(arg) && !takesValue(args[at - 1]),
  );
  return devicesHelp(file === undefined ? builtinDevices.values() : [await loadDeviceFile(file)]);
}

function takesValue(option: string | undefined): boolean {
  return option?.startsWith('--') === true && option !== '--help' && !option.includes('=');
}

function captureOutput(command: CommandUnknownOpts, io: Io): void {
  command
    .exitOverride()
    .configureOutput({ writeOut: io.stdout, writeErr: io.stderr })
    .showHelpAfterError('`vfio-user --help` shows what there is.');
  for (const child of command.commands) captureOutput(child, io);
}
