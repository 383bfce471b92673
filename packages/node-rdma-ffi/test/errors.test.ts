import t from 'tap';
import { verbFailed } from '../src/errors.js';
import {
  CompletionStatus,
  completionError,
  completionStatusText,
  RdmaError,
} from '../src/index.js';

const ENOMEM = 12;
const ENOENT = 2;
const EINVAL = 22;

t.test('a failed verb is named, with the errno and what to do', async (t) => {
  const error = verbFailed('ibv_reg_mr', ENOMEM, '4096 bytes');
  t.ok(error instanceof RdmaError);
  t.match(error, { code: 'RDMA_VERB_FAILED', verb: 'ibv_reg_mr', errno: ENOMEM });
  t.match(
    error.message,
    /^ibv_reg_mr of 4096 bytes failed: not enough memory \(ENOMEM\); .*ulimit -l, LimitMEMLOCK=/,
  );
  t.match(verbFailed('ibv_open_device', ENOENT, 'mlx5_0').message, '--device=/dev/infiniband');
  t.match(verbFailed('ibv_post_send', ENOMEM).message, 'send queue is full');
  t.equal(
    verbFailed('ibv_alloc_pd', EINVAL).message,
    'ibv_alloc_pd failed: invalid argument (EINVAL)',
  );
  t.match(verbFailed('ibv_alloc_pd', 9999).message, 'errno 9999');
});

t.test('a completion status has a meaning and its C name', async (t) => {
  for (const [name, status] of Object.entries(CompletionStatus)) {
    t.match(completionStatusText(status), new RegExp(`^.{4,} \\(IBV_WC_${name}\\)$`));
  }
  t.equal(completionStatusText(999), 'unknown completion status 999');
  const error = completionError(CompletionStatus.REM_ACCESS_ERR, 'the write of 12 bytes');
  t.match(error, { code: 'RDMA_COMPLETION_FAILED', status: CompletionStatus.REM_ACCESS_ERR });
  t.match(error.message, /^the write of 12 bytes failed: the memory of the peer is not registered/);
});
