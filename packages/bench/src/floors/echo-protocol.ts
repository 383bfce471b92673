/** The first message of a client of the echo server: three 32-bit numbers. */
export interface EchoRequest {
  readonly requestBytes: number;
  readonly replyBytes: number;
  readonly requestsPerReply: number;
}

export const ECHO_HEAD_BYTES = 12;

/** A client may not make the server allocate more. */
const MAX_BYTES = 2 ** 26;

export function writeEchoHead(view: DataView, request: EchoRequest): void {
  view.setUint32(0, request.requestBytes, true);
  view.setUint32(4, request.replyBytes, true);
  view.setUint32(8, request.requestsPerReply, true);
}

/** `undefined` when it asks for nothing or for too much. */
export function readEchoHead(view: DataView): EchoRequest | undefined {
  const [requestBytes, replyBytes, requestsPerReply] = [0, 4, 8].map((at) =>
    view.getUint32(at, true),
  ) as [number, number, number];
  const fits = (bytes: number): boolean => bytes > 0 && bytes <= MAX_BYTES;
  if (!fits(requestBytes) || !fits(replyBytes) || requestsPerReply === 0) return undefined;
  return { requestBytes, replyBytes, requestsPerReply };
}
