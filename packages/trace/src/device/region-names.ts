import { Irq, Region } from '@vfio-user/core';

const REGIONS = names(Region);
const INTERRUPTS = names(Irq);

/** The name the specification gives to a region, for example `BAR0`. */
export function regionName(index: number): string {
  return REGIONS.get(index) ?? `REGION${index}`;
}

/** The name the specification gives to an interrupt index, for example `MSIX`. */
export function interruptName(index: number): string {
  return INTERRUPTS.get(index) ?? `IRQ${index}`;
}

function names(numbers: Readonly<Record<string, number>>): ReadonlyMap<number, string> {
  return new Map(Object.entries(numbers).map(([name, number]) => [number, name]));
}
