import { expect, test } from 'vitest';
import { COMPILING, childEnvironment, childFlags, DOWNLOADING } from '../../src/shared/child-environment.ts';

const SECRETS =
  `WALLET_SEED DATABASE_URL GH_PAT HF_TOKEN AWS_SECRET_ACCESS_KEY AWS_PROFILE BT_PW__HOME_ANN BT_WALLET_NAME
  npm_config__authToken NPM_TOKEN TF_VAR_db_password TF_VAR_region TF_TOKEN_app_terraform_io TF_HTTP_PASSWORD NVIDIA_API_KEY
  NODE_AUTH_TOKEN LD_SDK_KEY OMP_SECRET CUDA_API_TOKEN LC_PASSWORD MALLOC_KEY SSH_AUTH_SOCK XDG_RUNTIME_DIR`.split(
    /\s+/,
  );
const NEEDED = `PATH HOME LANG LC_ALL TZ TMPDIR LD_LIBRARY_PATH LD_PRELOAD CUDA_VISIBLE_DEVICES CUDA_CACHE_PATH
  NVIDIA_VISIBLE_DEVICES TF_CPP_MIN_LOG_LEVEL TF_NUM_INTRAOP_THREADS TF_ENABLE_ONEDNN_OPTS TF_FORCE_GPU_ALLOW_GROWTH
  TF_GPU_ALLOCATOR TF_XLA_FLAGS TF_CUDNN_DETERMINISTIC TF_DETERMINISTIC_OPS XLA_FLAGS ONEDNN_MAX_CPU_ISA DNNL_VERBOSE
  OMP_NUM_THREADS MKL_NUM_THREADS KMP_AFFINITY OPENBLAS_NUM_THREADS SystemRoot SYSTEMROOT Path ProgramFiles(x86)
  NODE_EXTRA_CA_CERTS`.split(/\s+/);
const set = (names: string[]) => Object.fromEntries(names.map((name) => [name, `value of ${name}`]));

test('a child gets what it needs and no secret, whatever group it belongs to', () => {
  const env = set([...SECRETS, ...NEEDED]);
  for (const groups of [[], [DOWNLOADING], [COMPILING]]) expect(childEnvironment({ env, groups })).toEqual(set(NEEDED));
});

test('pip gets its settings and proxies, a compiler its own, and others neither', () => {
  const pip = ['PIP_INDEX_URL', 'HTTPS_PROXY', 'no_proxy', 'SSL_CERT_FILE', 'PYENV_ROOT'];
  const compiler = ['CPATH', 'CCACHE_DIR', 'CXX', 'SDKROOT'];
  const env = set([...pip, ...compiler]);
  expect(childEnvironment({ env })).toEqual({});
  expect(childEnvironment({ env, groups: [DOWNLOADING] })).toEqual(set(pip));
  expect(childEnvironment({ env, groups: [COMPILING] })).toEqual(set(compiler));
});

test('what is asked for by name is passed, and nothing like it', () => {
  expect(childEnvironment({ env: set(['MY_TOKEN', 'MY_TOKENS']), names: ['MY_TOKEN', 'ABSENT'] })).toEqual(
    set(['MY_TOKEN']),
  );
});

test('a debugger is not asked for twice', () => {
  const options = (NODE_OPTIONS: string) => childEnvironment({ env: { NODE_OPTIONS } }).NODE_OPTIONS;
  expect(options('--max-old-space-size=9 --inspect-brk=0 --require "./a b.cjs" --inspect')).toBe(
    '--max-old-space-size=9 --require "./a b.cjs"',
  );
  expect(options('--inspect-port=1 --import ./--inspect.js')).toBe('--inspect-port=1 --import ./--inspect.js');
  expect(childFlags(['--inspect', '--import', 'tsx', '--inspect-brk=127.0.0.1:1'])).toEqual(['--import', 'tsx']);
});
