import { type Iova, iovaText } from '../address.js';
import { publishError } from '../diagnostics/channels.js';
import { EACCES, ENOENT } from '../errno.js';
import { DmaFaultError } from '../errors.js';
import type { DmaMapping } from './mapping.js';

/** Nothing is mapped at this address. */
export function notMapped(iova: Iova): DmaFaultError {
  return published(
    new DmaFaultError(ENOENT, `DMA to ${iovaText(iova)}: the client did not map this address`),
  );
}

/** @throws {DmaFaultError} EACCES if the mapping does not allow the access. */
export function checkRights(
  mapping: DmaMapping,
  iova: Iova,
  writes: boolean,
  reads: boolean,
): void {
  if ((writes && !mapping.writable) || (reads && !mapping.readable)) {
    const direction = writes ? 'write' : 'read';
    throw published(
      new DmaFaultError(
        EACCES,
        `DMA ${direction} at ${iovaText(iova)}: mapping ${mapping} does not allow it`,
      ),
    );
  }
}

function published(error: DmaFaultError): DmaFaultError {
  publishError(error);
  return error;
}
