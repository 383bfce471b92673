import { commandName, diagnostics } from '@vfio-user/core';
import type { Logger } from 'pino';

/** Log what the library tells of each message, for as long as this process lives. */
export function logMessages(logger: Logger): void {
  diagnostics.request.subscribe(({ command, ...request }) =>
    logger.trace({ command: commandName(command), ...request }, 'request'),
  );
  diagnostics.dma.subscribe((access) => logger.trace(access, 'DMA'));
  diagnostics.interrupt.subscribe((interrupt) => logger.trace(interrupt, 'interrupt'));
}
