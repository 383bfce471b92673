import type { RequestMessage } from '../protocol/messages.js';

/** A copy of a request that outlives the frame it was decoded from: bulk data is copied. */
export function ownedRequest(request: RequestMessage): RequestMessage {
  if (request.body === undefined) return request;
  const body: Record<string, unknown> = { ...request.body };
  for (const [name, value] of Object.entries(body)) {
    if (value instanceof Uint8Array) body[name] = value.slice();
  }
  // The same fields with the same types, only the bytes have moved.
  return { ...request, body } as unknown as RequestMessage;
}
