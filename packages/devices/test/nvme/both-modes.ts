import t, { type Test } from 'tap';
import { Driver, type MemoryMode } from './driver.js';

/** Run a test with guest memory at hand, and with guest memory behind messages, posted ones or not. */
export function inBothModes(
  title: string,
  body: (t: Test, driver: Driver, mode: MemoryMode) => Promise<unknown>,
  set: Record<string, unknown> = {},
): void {
  for (const mode of ['mapped', 'messages', 'posted'] as const) {
    t.test(`${title} (${mode})`, async (t) => {
      const driver = await Driver.create(mode, set);
      t.teardown(() => driver.device.close?.());
      driver.enable();
      await body(t, driver, mode);
    });
  }
}
