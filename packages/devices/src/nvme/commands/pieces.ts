/** Copy `payload` into the pieces of a buffer, whose lengths add up to at most its own. */
export function scatter(payload: Uint8Array, pieces: readonly Uint8Array[]): void {
  let done = 0;
  for (const piece of pieces) {
    piece.set(payload.subarray(done, done + piece.length));
    done += piece.length;
  }
}

/** The contents of the pieces in one buffer of our own. */
export function gather(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let done = 0;
  for (const piece of pieces) {
    bytes.set(piece, done);
    done += piece.length;
  }
  return bytes;
}
