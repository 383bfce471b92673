import { EIO } from '../errno.js';
import { DmaFaultError, RemoteError } from '../errors.js';
import type { Attachment } from './attachment.js';
import { type DmaPath, diagnostics } from './channels.js';

type Direction = 'read' | 'write' | 'readwrite';

/** Publishes a synchronous access. */
export function publishAccess(
  { device, peer }: Attachment,
  path: DmaPath,
  direction: Direction,
  bytes: number,
): void {
  if (!diagnostics.dma.hasSubscribers) return;
  diagnostics.dma.publish({ device, peer, path, direction, bytes, errno: 0 });
}

/** Start time for {@link publishTransfer}; 0 without subscribers. */
export function transferStart(): number {
  return diagnostics.dma.hasSubscribers ? performance.now() : 0;
}

/** Publishes a transfer once it has ended. */
export function publishTransfer(
  attachment: Attachment,
  path: DmaPath,
  direction: Direction,
  bytes: number,
  startedAt: number,
  transfer: Promise<void>,
): Promise<void> {
  if (startedAt !== 0) tellEnd(attachment, path, direction, bytes, startedAt, transfer);
  return transfer;
}

function tellEnd(
  { device, peer }: Attachment,
  path: DmaPath,
  direction: Direction,
  bytes: number,
  startedAt: number,
  transfer: Promise<void>,
): void {
  const tell = (errno: number): void => {
    const durationMs = performance.now() - startedAt;
    diagnostics.dma.publish({ device, peer, path, direction, bytes, durationMs, errno });
  };
  transfer.then(
    () => tell(0),
    (error) => tell(errnoOf(error)),
  );
}

function errnoOf(error: unknown): number {
  const told = error instanceof DmaFaultError || error instanceof RemoteError;
  return told && error.errno !== 0 ? error.errno : EIO;
}
