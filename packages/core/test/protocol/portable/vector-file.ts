import { readFile, writeFile } from 'node:fs/promises';
import { Unpackr } from 'msgpackr/unpack';

/** One test vector: bytes, and the same as JSON, for implementations in any language. */
export interface Vector {
  readonly name: string;
  /** The whole frame, or preface, in hexadecimal. */
  readonly hex: string;
  /** The record, or the map of the preface; `null` for a frame without a record. */
  readonly record: unknown;
  /** The data segment in hexadecimal. */
  readonly data: string;
}

const file = new URL('./vectors.json', import.meta.url);
const DESCRIPTION =
  'Test vectors of the portable encoding (docs/portable-protocol.md). In `record`, {"$uint64": "..."} ' +
  'is an integer of 2^53 or more in decimal and {"$bin": "..."} binary data in hexadecimal.';

export async function readVectors(): Promise<readonly Vector[]> {
  return JSON.parse(await readFile(file, 'utf8')).vectors;
}

/** Run a test with UPDATE_VECTORS=1 to write the file anew. */
export async function writeVectors(vectors: readonly Vector[]): Promise<void> {
  await writeFile(file, `${JSON.stringify({ description: DESCRIPTION, vectors }, null, 2)}\n`);
}

const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'auto' });

/** A record as the JSON of a vector, read by the library and nothing of ours. */
export function recordJson(record: Uint8Array): unknown {
  return toJson(unpackr.unpack(record));
}

function toJson(value: unknown): unknown {
  if (typeof value === 'bigint' || value === 2 ** 53) return { $uint64: String(value) };
  if (value instanceof Uint8Array) return { $bin: Buffer.from(value).toString('hex') };
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toJson(item)]));
}
