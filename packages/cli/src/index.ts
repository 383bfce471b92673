/**
 * The `vfio-user` command as a function.
 *
 * ```ts
 * import { run } from 'vfio-user';
 * process.exitCode = await run(['doctor', '--json']);
 * ```
 *
 * @packageDocumentation
 */
export { ExitCode } from './errors.js';
export { type Io, processIo } from './io.js';
export { fail, run } from './main.js';
