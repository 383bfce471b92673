import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { attemptFailed } from '@vfio-user/core/internal';

/**
 * A file to write to, created or emptied.
 * @throws {VfioUserError} `VFU_CONFIG_INVALID` when it cannot be written.
 */
export async function createFile(path: string): Promise<WriteStream> {
  const stream = createWriteStream(path);
  try {
    await once(stream, 'open');
    return stream;
  } catch (error) {
    const what = `--pcap ${path}: the file cannot be written`;
    throw attemptFailed('write-file', what, error, { code: 'VFU_CONFIG_INVALID' });
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
