import { Argument, Command, type CommandUnknownOpts } from '@commander-js/extra-typings';
import type { CommandContext } from '../../io.js';

const NOTES = `
Examples:
  bash, for this shell, or in ~/.bashrc:
    source <(vfio-user completion bash)
  zsh, in ~/.zshrc behind compinit:
    source <(vfio-user completion zsh)
  fish, for good:
    vfio-user completion fish > ~/.config/fish/completions/vfio-user.fish

The script completes commands, options, devices, the settings of --set with
their values, tests and transports of bench, the schemes of URIs and the names
of files. It is complete in itself: no process is started
when you press Tab. Make it anew after an update.`;

/** `vfio-user completion`. `program` is what is completed. */
export function completionCommand({ io }: CommandContext, program: CommandUnknownOpts) {
  return new Command('completion')
    .summary('print a script that lets a shell complete this command')
    .description('Print a script that lets a shell complete vfio-user with the Tab key.')
    .addArgument(new Argument('<shell>', 'which shell').choices(['bash', 'zsh', 'fish'] as const))
    .addHelpText('after', NOTES)
    .action(async (shell) => {
      const { completionScript } = await import('./script.js');
      io.stdout(completionScript(shell, program));
    });
}
