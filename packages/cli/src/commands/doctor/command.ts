import { Command } from '@commander-js/extra-typings';
import { ExitCode } from '../../errors.js';
import type { CommandContext } from '../../io.js';

/** `vfio-user doctor`. */
export function doctorCommand(context: CommandContext) {
  return new Command('doctor')
    .summary('say what this machine offers, and how to get what is missing')
    .description(
      'Look at what this machine offers: descriptor passing, shared memory, RDMA,\n' +
        'vsock, QEMU, huge pages. Exit status 1 when something is missing that\n' +
        'nothing works without.',
    )
    .option('--json', 'print JSON')
    .action(async (options) => {
      const { runChecks } = await import('./checks.js');
      const { doctorText } = await import('./finding.js');
      const findings = await runChecks();
      const text =
        options.json === true ? JSON.stringify(findings, undefined, 2) : doctorText(findings);
      context.io.stdout(`${text}\n`);
      if (findings.some((one) => one.required && !one.ok)) context.exitCode = ExitCode.FAILURE;
    });
}
