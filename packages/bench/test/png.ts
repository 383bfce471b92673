import { inflateSync } from 'node:zlib';

/** A picture as colours: `#rrggbb`. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  at(x: number, y: number): string;
}

const SIGNATURE_BYTES = 8;
/** By the PNG colour type: those of pictures without a palette and with colours. */
const CHANNELS: Readonly<Record<number, number>> = { 2: 3, 6: 4 };

/** Read a PNG of 8 bits a channel, not interlaced: what Chromium and resvg write. */
export function decodePng(file: Uint8Array): Picture {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const data: Uint8Array[] = [];
  let [width, height, channels] = [0, 0, 0];
  for (let at = SIGNATURE_BYTES; at < file.length; ) {
    const length = view.getUint32(at);
    const type = Buffer.from(file.subarray(at + 4, at + 8)).toString();
    const start = at + 8;
    if (type === 'IHDR') {
      width = view.getUint32(start);
      height = view.getUint32(start + 4);
      channels = CHANNELS[view.getUint8(start + 9)] ?? 0;
    }
    if (type === 'IDAT') data.push(file.subarray(start, start + length));
    at = start + length + 4;
  }
  const pixels = unfilter(inflateSync(Buffer.concat(data)), { width, height, channels });
  return {
    width,
    height,
    at(x, y) {
      const first = (y * width + x) * channels;
      return `#${Buffer.from(pixels.subarray(first, first + 3)).toString('hex')}`;
    },
  };
}

/** Each line says how its bytes were predicted from those before (PNG, section 9). */
function unfilter(
  raw: Uint8Array,
  { width, height, channels }: Record<'width' | 'height' | 'channels', number>,
): Uint8Array {
  const stride = width * channels;
  const out = new Uint8Array(stride * height);
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (stride + 1)];
    for (let x = 0; x < stride; x++) {
      const at = y * stride + x;
      const left = x < channels ? 0 : (out[at - channels] as number);
      const up = y === 0 ? 0 : (out[at - stride] as number);
      const corner = x < channels || y === 0 ? 0 : (out[at - stride - channels] as number);
      const predictions = [0, left, up, (left + up) >> 1, paeth(left, up, corner)];
      out[at] = (raw[y * (stride + 1) + 1 + x] as number) + (predictions[filter ?? 0] as number);
    }
  }
  return out;
}

function paeth(left: number, up: number, corner: number): number {
  const estimate = left + up - corner;
  const [toLeft, toUp, toCorner] = [left, up, corner].map((value) =>
    Math.abs(estimate - value),
  ) as [number, number, number];
  if (toLeft <= toUp && toLeft <= toCorner) return left;
  return toUp <= toCorner ? up : corner;
}
