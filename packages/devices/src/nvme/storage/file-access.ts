import { fstatSync, read, readSync, statfsSync, write, writeSync } from 'node:fs';

/** `f_type` of file systems whose files live in memory (linux/magic.h). */
const MEMORY_FILE_SYSTEMS = [0x0102_1994 /* tmpfs */, 0x8584_58f6 /* ramfs */];

/** Whether a file has no disk behind it. */
export function isInMemory(fd: number): boolean {
  if (!fstatSync(fd).isFile()) return false;
  try {
    return MEMORY_FILE_SYSTEMS.includes(statfsSync(`/proc/self/fd/${fd}`).type);
  } catch {
    return false; // without /proc
  }
}

/** Fill all targets. What lies behind the end of the file, which somebody shortened, is zeros. */
export function readNow(fd: number, position: number, targets: readonly Uint8Array[]): void {
  let at = position;
  for (let index = 0; index < targets.length; index++) {
    const target = targets[index]!; // below its length
    for (let done = 0; done < target.length; ) {
      const count = readSync(fd, target, done, target.length - done, at + done);
      if (count === 0) target.fill(0, done);
      done += count || target.length;
    }
    at += target.length;
  }
}

export function writeNow(fd: number, position: number, sources: readonly Uint8Array[]): void {
  let at = position;
  for (let index = 0; index < sources.length; index++) {
    const source = sources[index]!; // below its length
    for (let done = 0; done < source.length; ) {
      done += writeSync(fd, source, done, source.length - done, at + done);
    }
    at += source.length;
  }
}

/** As {@link readNow}, by a thread. */
export function readAll(
  fd: number,
  position: number,
  target: Uint8Array,
  done: (error?: unknown) => void,
): void {
  const from = (at: number): void => {
    read(fd, target, at, target.length - at, position + at, (error, count) => {
      if (error !== null) done(error);
      else if (count === 0) {
        target.fill(0, at);
        done();
      } else if (at + count === target.length) done();
      else from(at + count);
    });
  };
  from(0);
}

/** As {@link writeNow}, by a thread. */
export function writeAll(
  fd: number,
  position: number,
  source: Uint8Array,
  done: (error?: unknown) => void,
): void {
  const from = (at: number): void => {
    write(fd, source, at, source.length - at, position + at, (error, count) => {
      if (error !== null) done(error);
      else if (at + count === source.length) done();
      else from(at + count);
    });
  };
  from(0);
}
