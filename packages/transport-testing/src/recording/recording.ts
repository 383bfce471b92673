import { readFileSync, writeFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';

/** What a passed descriptor was. `file` tells which are the same memory: numbered from 0 on. */
export type RecordedDescriptor =
  | { readonly kind: 'memory'; readonly size: number; readonly file: number }
  | { readonly kind: 'event' };

/** One whole message as it went over the wire. */
export interface RecordedMessage {
  /** Milliseconds since the first message. */
  readonly t: number;
  readonly from: 'client' | 'server';
  /** Header and payload, hexadecimal. */
  readonly bytes: string;
  readonly descriptors?: readonly RecordedDescriptor[];
}

/** How a recording was made, for whoever plays it or makes it again. */
export interface RecordingOrigin {
  /** The device that was served, and its settings. */
  readonly device: string;
  readonly settings: Readonly<Record<string, string>>;
  /** The client, with its version. */
  readonly client: string;
  /** What happened, in words. */
  readonly scenario: string;
}

/** A session between a client and a server. What went on in shared memory is not part of it. */
export interface Recording {
  readonly origin: RecordingOrigin;
  readonly messages: readonly RecordedMessage[];
}

/** Write a recording as gzipped JSON Lines: the origin, then a line for each message. */
export function writeRecording(path: string, { origin, messages }: Recording): void {
  const lines = [origin, ...messages].map((line) => `${JSON.stringify(line)}\n`);
  writeFileSync(path, gzipSync(lines.join(''), { level: 9 }));
}

/** Read what {@link writeRecording} has written. */
export function readRecording(path: string): Recording {
  const lines = gunzipSync(readFileSync(path)).toString().trimEnd().split('\n');
  // The file is one of our own making.
  const [origin, ...messages] = lines.map((line) => JSON.parse(line) as unknown);
  return { origin: origin as RecordingOrigin, messages: messages as RecordedMessage[] };
}
