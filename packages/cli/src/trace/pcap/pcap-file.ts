import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { UsageError } from '../../errors.js';

/**
 * A file to write to, created or emptied.
 * @throws {UsageError} when it cannot be written.
 */
export async function createFile(path: string): Promise<WriteStream> {
  const stream = createWriteStream(path);
  try {
    await once(stream, 'open');
    return stream;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`--pcap ${path}: the file cannot be written: ${reason}`);
  }
}

/** Write everything that is left, and close it. Does not reject: an error was reported as an event. */
export async function closeFile(stream: WriteStream): Promise<void> {
  if (stream.destroyed) return;
  await new Promise<void>((resolve) => {
    stream.once('close', resolve);
    stream.end();
  });
}
