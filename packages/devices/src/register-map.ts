/** A register, or an array of them, in a BAR. */
export interface NamedRegister {
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
  /** `i` is the number in an array, 0 otherwise. */
  name(i: number): string;
  /** An array: how many, and bytes from one to the next. */
  readonly repeat?: { readonly count: number; readonly stride: number };
  /** The specification names it, the device of this package does not have it. */
  readonly absent?: boolean;
}

/** What tells devices apart, from configuration space. */
export interface PciIds {
  readonly vendorId: number;
  readonly deviceId: number;
  /** 24 bits. */
  readonly classCode: number;
}

/** Names of a device's registers, for tools that show accesses to them. */
export interface RegisterMap {
  /** The device, for people. */
  readonly title: string;
  describes(ids: PciIds): boolean;
  /** By BAR. One that is not here is memory, whose places have no names. */
  readonly bars: Readonly<Record<number, readonly NamedRegister[]>>;
}

/** The register at an offset. */
export interface FoundRegister {
  readonly name: string;
  /** Where it starts. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
  readonly absent: boolean;
}

/** Which register `offset` of a BAR lies in, `undefined` when none does. */
export function findRegister(
  { bars }: RegisterMap,
  bar: number,
  offset: number,
): FoundRegister | undefined {
  for (const { offset: first, size, name, repeat, absent = false } of bars[bar] ?? []) {
    const { count, stride } = repeat ?? { count: 1, stride: size };
    const i = Math.floor((offset - first) / stride);
    if (i < 0 || i >= count) continue;
    const start = first + i * stride;
    if (offset < start + size) return { name: name(i), offset: start, size, absent };
  }
  return undefined;
}

/** Registers of one size in a table of name and offset. */
export function registersOf(
  offsets: Readonly<Record<string, number>>,
  size: number,
): NamedRegister[] {
  return Object.entries(offsets).map(([text, offset]) => ({ offset, size, name: () => text }));
}
