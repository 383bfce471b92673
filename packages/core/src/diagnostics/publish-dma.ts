import { EIO } from '../errno.js';
import { DmaFaultError, RemoteError } from '../errors.js';
import { type Attachment, type DmaPath, diagnostics } from './channels.js';

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
  if (startedAt !== 0) publishEnd(attachment, path, direction, bytes, startedAt, transfer);
  return transfer;
}

function publishEnd(
  { device, peer }: Attachment,
  path: DmaPath,
  direction: Direction,
  bytes: number,
  startedAt: number,
  transfer: Promise<void>,
): void {
  const publish = (errno: number): void => {
    const durationMs = performance.now() - startedAt;
    diagnostics.dma.publish({ device, peer, path, direction, bytes, durationMs, errno });
  };
  transfer.then(
    () => publish(0),
    (error) => publish(errnoOf(error)),
  );
}

function errnoOf(error: unknown): number {
  const hasErrno = error instanceof DmaFaultError || error instanceof RemoteError;
  return hasErrno && error.errno !== 0 ? error.errno : EIO;
}
