// A socket that passes one session on to a server and records it.

import type { Listener } from '@vfio-user/core';
import { nativeEncodingFor } from '@vfio-user/core/internal';
import { relaySession } from '@vfio-user/trace';
import { unixTransport } from '@vfio-user/transport-unix';
import { Recorder } from './recorder.js';

/** More than any client of ours negotiates. */
const MAX_DATA_BYTES = 1024 * 1024;

/** Listens on one URI and connects to the other for the client that comes. */
export async function recordingRelay(
  listen: string,
  server: string,
): Promise<{ recorder: Recorder; listener: Listener }> {
  const recorder = new Recorder();
  const transport = unixTransport();
  const context = { framing: nativeEncodingFor(MAX_DATA_BYTES).framing };
  const uri = new URL(server);
  const listener = await transport.listen(
    new URL(listen),
    (client) => relaySession(client, (accept) => transport.connect(uri, accept, context), recorder),
    context,
  );
  return { recorder, listener };
}
