import type { Contender, Measurement, Row } from './row.js';

/** All measurements of each contender, in the order of the rounds. */
export type Rounds = ReadonlyMap<Contender, readonly Measurement[]>;

/**
 * Measure all contenders by turns, so that whatever the machine does meanwhile meets them alike.
 * The first round warms up and does not count.
 */
export async function runRounds(row: Row, count: number): Promise<Rounds> {
  const rounds = new Map<Contender, Measurement[]>(row.contenders.map((each) => [each, []]));
  for (let round = 0; round <= count; round++) {
    for (const [contender, measurements] of rounds) {
      const measurement = await contender.measure();
      if (round > 0) measurements.push(measurement);
    }
  }
  return rounds;
}
