import t from 'tap';
import { CompletionOpcode, CompletionStatus, SendFlag } from '../src/index.js';
import * as constants from '../src/native/constants.js';
import { structs } from '../src/native/structs.js';
import { noVerbsHeaders, runC } from './c-compiler.js';

const skip = noVerbsHeaders();

/** Values of C expressions, by expression. */
function valuesInC(folder: string, expressions: readonly string[]): Record<string, number> {
  const printed = runC(
    folder,
    expressions.map((expression) => `printf("%lld\\n", (long long)(${expression}));`),
  );
  const values = printed.trim().split('\n').map(Number);
  return Object.fromEntries(expressions.map((expression, i) => [expression, values[i] as number]));
}

t.test('sizes and offsets are those of the C headers', { skip }, async (t) => {
  const ours: Record<string, number> = {};
  for (const [name, { size, ...offsets }] of Object.entries(structs)) {
    ours[`sizeof(struct ${name})`] = size;
    for (const [field, offset] of Object.entries(offsets)) {
      ours[`offsetof(struct ${name}, ${field})`] = offset;
    }
  }
  t.same(valuesInC(t.testdir(), Object.keys(ours)), ours);
});

t.test('constants are those of the C headers', { skip }, async (t) => {
  const groups: Record<string, Readonly<Record<string, number>>> = {
    IBV_ACCESS_: constants.Access,
    IBV_QPS_: constants.QueuePairState,
    IBV_QP_: constants.QueuePairAttribute,
    IBV_QPT_: constants.QueuePairType,
    IBV_WR_: constants.WorkRequestOpcode,
    IBV_MTU_: constants.Mtu,
    IBV_PORT_: constants.PortState,
    IBV_LINK_LAYER_: constants.LinkLayer,
    IBV_TRANSPORT_: constants.TransportType,
    IBV_EVENT_: constants.EventType,
    IBV_SEND_: SendFlag,
    IBV_WC_: { ...CompletionStatus, ...CompletionOpcode, ...constants.CompletionFlag },
  };
  const ours: Record<string, number> = {};
  for (const [prefix, group] of Object.entries(groups)) {
    for (const [name, value] of Object.entries(group)) ours[prefix + name] = value;
  }
  t.same(valuesInC(t.testdir(), Object.keys(ours)), ours);
});
