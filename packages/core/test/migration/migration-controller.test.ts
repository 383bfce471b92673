import fc from 'fast-check';
import t from 'tap';
import type { DeviceMigration } from '../../src/device/device.js';
import { EBUSY, ECANCELED, EINVAL } from '../../src/errno.js';
import { RequestRefusedError } from '../../src/errors.js';
import { MigrationController } from '../../src/migration/migration-controller.js';
import { Command, DeviceState } from '../../src/protocol/enums.js';

const { ERROR, STOP, RUNNING, STOP_COPY, RESUMING, RUNNING_P2P, PRE_COPY, PRE_COPY_P2P } =
  DeviceState;
const STATES = [STOP, RUNNING, STOP_COPY, RESUMING, PRE_COPY];
const REFUSED = { code: 'VFU_REQUEST_REFUSED', errno: EINVAL };

/** By start, then target: the states passed through. `undefined` is refused. */
const PATHS: Record<number, Record<number, number[] | undefined>> = {
  [STOP]: {
    [STOP]: [],
    [RUNNING]: [RUNNING],
    [STOP_COPY]: [STOP_COPY],
    [RESUMING]: [RESUMING],
    [PRE_COPY]: [RUNNING, PRE_COPY],
  },
  [RUNNING]: {
    [STOP]: [STOP],
    [RUNNING]: [],
    [STOP_COPY]: [STOP, STOP_COPY],
    [RESUMING]: [STOP, RESUMING],
    [PRE_COPY]: [PRE_COPY],
  },
  [STOP_COPY]: {
    [STOP]: [STOP],
    [RUNNING]: [STOP, RUNNING],
    [STOP_COPY]: [],
    [RESUMING]: [STOP, RESUMING],
    [PRE_COPY]: undefined,
  },
  [RESUMING]: {
    [STOP]: [STOP],
    [RUNNING]: [STOP, RUNNING],
    [STOP_COPY]: [STOP, STOP_COPY],
    [RESUMING]: [],
    [PRE_COPY]: [STOP, RUNNING, PRE_COPY],
  },
  [PRE_COPY]: {
    [STOP]: [RUNNING, STOP],
    [RUNNING]: [RUNNING],
    [STOP_COPY]: [STOP_COPY],
    [RESUMING]: [RUNNING, STOP, RESUMING],
    [PRE_COPY]: [],
  },
};

function setUp(overrides: Partial<DeviceMigration> = {}) {
  const events: unknown[] = [];
  const written: Uint8Array[] = [];
  const device: DeviceMigration = {
    preCopy: true,
    transition: (from, to) => void events.push([from, to]),
    readData: (size) => Uint8Array.from({ length: Math.min(size, 6) }, (_, index) => index),
    writeData: (data) => void written.push(Uint8Array.from(data)),
    ...overrides,
  };
  const controller = new MigrationController(device, () => void events.push('quiesce'));
  return { controller, device, events, written };
}

t.test(
  'every pair of states takes the shortest legal path, quiesced before every arc',
  async (t) => {
    for (const from of STATES) {
      for (const to of STATES) {
        const { controller, events } = setUp();
        await controller.setState(from);
        events.length = 0;
        const path = PATHS[from]?.[to];
        if (path === undefined) {
          await t.rejects(controller.setState(to), REFUSED, `${from} to ${to}`);
          t.strictSame(events, []);
          t.equal(controller.state, from);
          continue;
        }
        await controller.setState(to);
        const arcs = path.map((next, index) => [path[index - 1] ?? from, next]);
        const expected = arcs.flatMap((arc) => ['quiesce', arc]);
        t.strictSame(events, expected, `${from} to ${to}`);
        t.equal(controller.state, to);
      }
    }
  },
);

t.test('states that cannot be asked for are refused from everywhere', async (t) => {
  for (const from of STATES) {
    const { controller, events } = setUp();
    await controller.setState(from);
    events.length = 0;
    for (const to of [ERROR, RUNNING_P2P, PRE_COPY_P2P, 8, 0xabcd, 0xffff_ffff]) {
      await t.rejects(controller.setState(to), REFUSED, `${from} to ${to}`);
    }
    t.strictSame(events, []);
    t.equal(controller.state, from);
  }
});

t.test('without pre-copy no path leads there', async (t) => {
  const { controller } = setUp({ preCopy: false });
  t.notOk(controller.preCopy);
  await t.rejects(controller.setState(PRE_COPY), REFUSED);
  await controller.setState(STOP_COPY);
  t.equal(controller.state, STOP_COPY);
});

t.test('a device without migration stays in RUNNING', async (t) => {
  const controller = new MigrationController(undefined, () => {
    t.fail('quiesced');
  });
  t.notOk(controller.supported);
  t.equal(controller.state, RUNNING);
  await t.rejects(controller.setState(STOP), REFUSED);
  await t.rejects(controller.setState(RUNNING), REFUSED);
  t.throws(() => controller.readData({ argsz: 100, size: 4 }, 100), REFUSED);
  t.throws(
    () => controller.writeData({ argsz: 100, size: 1, data: new Uint8Array(1) }, 100),
    REFUSED,
  );
});

t.test('an arc the device refuses ends the way there, with the device’s errno', async (t) => {
  const { controller } = setUp({
    transition(_from, to) {
      if (to === STOP_COPY) throw new RequestRefusedError(0xbeef, 'not now');
    },
  });
  await t.rejects(controller.setState(STOP_COPY), { ...REFUSED, errno: 0xbeef });
  t.equal(controller.state, STOP, 'the last state reached');
  await controller.setState(RUNNING);
});

t.test('a device that refuses to quiesce keeps its state', async (t) => {
  const arcs: unknown[] = [];
  const device = { ...setUp().device, transition: () => void arcs.push(1) };
  const controller = new MigrationController(device, () =>
    Promise.reject(new RequestRefusedError(EBUSY, 'busy')),
  );
  await t.rejects(controller.setState(STOP), { ...REFUSED, errno: EBUSY });
  t.strictSame(arcs, []);
  t.equal(controller.state, RUNNING);
});

t.test('a device that fails an arc is in ERROR until it is reset', async (t) => {
  let broken = true;
  const { controller } = setUp({
    transition() {
      if (broken) throw new TypeError('a bug');
    },
  });
  await t.rejects(controller.setState(STOP), TypeError);
  t.equal(controller.state, ERROR);
  await t.rejects(controller.setState(RUNNING), REFUSED);
  t.ok(controller.allows(Command.DEVICE_RESET));
  controller.reset();
  broken = false;
  t.equal(controller.state, RUNNING);
  await controller.setState(STOP);
});

t.test('a reset during a transition wins', async (t) => {
  let arcs = 0;
  let release = (): void => {};
  const { controller } = setUp({
    transition() {
      arcs++;
      return new Promise((resolve) => {
        release = resolve;
      });
    },
  });
  const set = controller.setState(STOP_COPY);
  while (arcs === 0) await new Promise(setImmediate);
  controller.reset();
  release();
  await t.rejects(set, { ...REFUSED, errno: ECANCELED });
  t.equal(controller.state, RUNNING);
  t.equal(arcs, 1);
});

t.test('a reset during a transition that then fails leaves no ERROR', async (t) => {
  let reset = (): void => {};
  const { controller } = setUp({
    async transition() {
      reset();
      throw new TypeError('a bug');
    },
  });
  reset = () => controller.reset();
  await t.rejects(controller.setState(STOP), TypeError);
  t.equal(controller.state, RUNNING);
});

t.test('what may run depends on the state', async (t) => {
  const all = Object.values(Command);
  const { MIG_DATA_READ, MIG_DATA_WRITE } = Command;
  const stopped = [
    Command.REGION_READ,
    Command.REGION_WRITE,
    Command.REGION_WRITE_MULTI,
    Command.DEVICE_FEATURE,
  ];
  const usual = all.filter((command) => command !== MIG_DATA_READ && command !== MIG_DATA_WRITE);
  const expected: [number, number[]][] = [
    [RUNNING, usual],
    [STOP, stopped],
    [STOP_COPY, [...stopped, MIG_DATA_READ]],
    [PRE_COPY, [...usual, MIG_DATA_READ]],
    [RESUMING, [...usual, MIG_DATA_WRITE]],
  ];
  for (const [state, commands] of expected) {
    const { controller } = setUp();
    await controller.setState(state);
    const allowed = all.filter((command) => controller.allows(command));
    t.strictSame(
      allowed,
      commands.toSorted((a, b) => a - b),
      `state ${state}`,
    );
  }
  const never = new MigrationController(undefined, () => {});
  t.strictSame(
    all.filter((command) => never.allows(command)),
    usual,
  );
});

t.test('MIG_DATA_READ gives the device’s bytes in the saving states only', async (t) => {
  for (const state of STATES) {
    const { controller } = setUp();
    await controller.setState(state);
    const read = () => controller.readData({ argsz: 12, size: 4 }, 4);
    if (state !== PRE_COPY && state !== STOP_COPY) {
      t.throws(read, REFUSED, `state ${state}`);
      continue;
    }
    t.strictSame(read(), { argsz: 12, size: 4, data: Uint8Array.of(0, 1, 2, 3) });
    const short = controller.readData({ argsz: 100, size: 10 }, 100);
    t.match(short, { argsz: 14, size: 6 }, 'shorter at the end');
    t.throws(() => controller.readData({ argsz: 100, size: 5 }, 4), REFUSED, 'above the limit');
    t.throws(() => controller.readData({ argsz: 11, size: 4 }, 4), REFUSED, 'argsz too small');
    t.throws(() => controller.readData({ argsz: 2 ** 32 - 1, size: 2 ** 32 - 1 }, 4), REFUSED);
  }
});

t.test('migration data that was read is the reply’s own', async (t) => {
  const state = new Uint8Array(4);
  const { controller } = setUp({ readData: () => Buffer.from(state.buffer) });
  await controller.setState(STOP_COPY);
  const { data } = controller.readData({ argsz: 12, size: 4 }, 4);
  state.fill(1);
  t.strictSame([...data], [0, 0, 0, 0]);
});

t.test('what a device throws while it gives or takes data passes through', async (t) => {
  const fail = (): never => {
    throw new RequestRefusedError(0xbeef, 'no');
  };
  const { controller } = setUp({ readData: fail, writeData: fail });
  await controller.setState(STOP_COPY);
  t.throws(() => controller.readData({ argsz: 12, size: 4 }, 4), { ...REFUSED, errno: 0xbeef });
  await controller.setState(RESUMING);
  const data = new Uint8Array(1);
  t.throws(() => controller.writeData({ argsz: 9, size: 1, data }, 4), {
    ...REFUSED,
    errno: 0xbeef,
  });
});

t.test('a device that gives more data than asked for is at fault, not the client', async (t) => {
  const { controller } = setUp({ readData: (size) => new Uint8Array(size + 1) });
  await controller.setState(STOP_COPY);
  t.throws(() => controller.readData({ argsz: 12, size: 4 }, 4), { code: 'VFU_SYSTEM_ERROR' });
});

t.test('MIG_DATA_WRITE hands on exactly its bytes, in RESUMING only', async (t) => {
  const data = Uint8Array.of(9, 8, 7, 6);
  for (const state of STATES) {
    const { controller, written } = setUp();
    await controller.setState(state);
    const write = () => controller.writeData({ argsz: 12, size: 4, data }, 4);
    if (state !== RESUMING) {
      t.throws(write, REFUSED, `state ${state}`);
      t.strictSame(written, []);
      continue;
    }
    write();
    t.strictSame(written, [data]);
    const cases = [
      { argsz: 13, size: 5, data: new Uint8Array(5) },
      { argsz: 12, size: 4, data: data.subarray(1) },
      { argsz: 11, size: 3, data },
      { argsz: 11, size: 4, data },
    ];
    for (const body of cases) t.throws(() => controller.writeData(body, 4), REFUSED);
    t.equal(written.length, 1);
  }
});

t.test('any sequence of requests leaves a state that the device was told of', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 9 })), async (targets) => {
      let told: number = RUNNING;
      const { controller } = setUp({
        transition(from, to) {
          if (from !== told) throw new Error('the arc does not start here');
          told = to;
        },
      });
      for (const target of targets) {
        await controller.setState(target).catch((error: unknown) => {
          if (!(error instanceof RequestRefusedError)) throw error;
        });
        if (controller.state !== told) return false;
      }
      return STATES.some((state) => state === controller.state);
    }),
  );
  t.pass();
});
