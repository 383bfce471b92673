import { libc } from './libc.js';

/**
 * Let another process that is ready to run have this processor first. Where none is, the call
 * returns at once.
 */
export function yieldProcessor(): void {
  libc().schedYield();
}
