/** What any program may need to start, to find its files and to write text. */
const ANY = words(`
  PATH HOME USER LOGNAME SHELL LANG LANGUAGE LC_\\w+ TZ TERM TMPDIR TMP TEMP XDG_CACHE_HOME
  LD_LIBRARY_PATH LD_PRELOAD LD_BIND_NOW DYLD_\\w+ NIX_LD NIX_LD_LIBRARY_PATH GLIBC_TUNABLES MALLOC_\\w+
  SystemRoot SystemDrive windir ComSpec PATHEXT OS USERPROFILE APPDATA LOCALAPPDATA ProgramData ProgramW6432
  ProgramFiles(\\(x86\\))? CommonProgramFiles(\\(x86\\))? NUMBER_OF_PROCESSORS PROCESSOR_\\w+
  NODE_ENV NODE_OPTIONS NODE_PATH NODE_EXTRA_CA_CERTS NODE_V8_COVERAGE NODE_COMPILE_CACHE UV_THREADPOOL_SIZE`);

/** What TensorFlow, CUDA and the libraries under them read. Terraform's TF_VAR_... and NVIDIA_API_KEY are not of these. */
const COMPUTING = words(`
  CUDA_\\w+ CUDNN_\\w+ CUBLAS\\w* NCCL_\\w+ NVIDIA_(VISIBLE_DEVICES|DRIVER_CAPABILITIES|TF32_OVERRIDE|REQUIRE_\\w+|DISABLE_REQUIRE)
  TF_(CPP|GPU|FORCE|XLA|ENABLE|DISABLE|ALLOW|USE|NUM|CUDA|CUDNN|CUBLAS|CUBLASLT|DETERMINISTIC|AUTOTUNE|OVERRIDE|MLIR|DUMP|SYNC)_\\w+
  TF2_BEHAVIOR XLA_\\w+ (ONEDNN|DNNL|MKL|MKLDNN|OMP|GOMP|KMP|OPENBLAS|GOTO|VECLIB|BLIS|EIGEN)_\\w+`);

/** Proxies, certificates, and what Python, pip and version managers read. */
export const DOWNLOADING = words(`
  (HTTP|HTTPS|ALL|NO)_PROXY SSL_CERT_(FILE|DIR) REQUESTS_CA_BUNDLE CURL_CA_BUNDLE NETRC PIP_\\w+ PYTHON\\w* VIRTUAL_ENV
  XDG_(CONFIG|DATA)_(HOME|DIRS) (PYENV|ASDF|MISE|CONDA|NIX)_\\w+`);

/** What compilers and the wrappers around them read. */
export const COMPILING = words(`
  CC CXX CFLAGS CXXFLAGS CPPFLAGS LDFLAGS CPATH (C|CPLUS|OBJC)_INCLUDE_PATH LIBRARY_PATH COMPILER_PATH GCC_\\w+ SDKROOT
  DEVELOPER_DIR MACOSX_DEPLOYMENT_TARGET (CCACHE|SCCACHE|DISTCC|CONDA|NIX)_\\w+`);

/** Excluded even where a pattern above matches. */
const SECRET = /TOKEN|SECRET|PASS|KEY|CREDENTIAL|AUTH|PRIVATE|MNEMONIC|SEED/i;
const INSPECTOR = /(^|\s)--inspect(-brk|-wait)?(=\S+)?(?=\s|$)/g;

export interface ChildEnvironmentParameters {
  env: NodeJS.ProcessEnv;
  /** Names that the child gets too, whatever they are. */
  names?: readonly string[];
  /** Further groups, such as {@link COMPILING}. */
  groups?: readonly RegExp[];
}

/**
 * The part of an environment that a child process gets: what is on the list and what is asked for by name, no wallets,
 * tokens and addresses of databases. Two processes cannot share a debugger's port, so that is not passed on either.
 */
export function childEnvironment({ env, names = [], groups = [] }: ChildEnvironmentParameters): NodeJS.ProcessEnv {
  const isPlain = (name: string) => (ANY.test(name) || COMPUTING.test(name)) && !SECRET.test(name);
  const isPassed = (name: string) => names.includes(name) || isPlain(name) || groups.some((group) => group.test(name));
  const passed = Object.fromEntries(Object.entries(env).filter(([name]) => isPassed(name)));
  if (passed.NODE_OPTIONS) passed.NODE_OPTIONS = passed.NODE_OPTIONS.replace(INSPECTOR, '');
  return passed;
}

/** The flags of this process that a child runs under. */
export function childFlags(flags: readonly string[] = process.execArgv): string[] {
  return flags.filter((flag) => flag.replace(INSPECTOR, '') !== '');
}

/** Case-insensitive, as names are on Windows, and those of proxies everywhere. */
function words(patterns: string): RegExp {
  return new RegExp(`^(${patterns.trim().split(/\s+/).join('|')})$`, 'i');
}
