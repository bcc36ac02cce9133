/** A node that TensorFlow's executor ran. */
export interface TracedNode {
  name: string;
  op: string;
  /** As in `GPU:0`. */
  device: string;
  /** Names of the nodes that it reads. */
  inputs: string[];
}

/** The nodes that ran, out of the log of TensorFlow under `VERBOSE_LOGGING`. */
export function tracedNodes(log: string): TracedNode[] {
  const line = /Process node: .*?\{\{node (\S+)\}\} = (\w+)\[.*\]\((.*?)\) device: \S*\/device:(\w+:\d+)/g;
  return [...log.matchAll(line)].map(([, name, op, inputs, device]) => ({
    name: name!,
    op: op!,
    device: device!,
    inputs: inputs!.split(', ').map((input) => input.replace(/^\^|:\d+$/g, '')),
  }));
}

/** What TensorFlow itself runs on the host to hand over arguments and results. */
const HANDING_OVER = /^(_Arg|_Retval|_Send|_Recv|_HostSend|_HostRecv|NoOp)$/;

/** Operations that computed on the host, each once. */
export function computedOnHost(nodes: TracedNode[]): string[] {
  return unique(
    nodes.filter(({ op, device }) => device.startsWith('CPU') && !HANDING_OVER.test(op)).map(({ op }) => op),
  );
}

/** Which operations read what was copied to the device and is no feed: `operation input`, each once. */
export function crossingsUp(nodes: TracedNode[]): string[] {
  const copied = new Set(
    nodes
      .filter((node) => node.op === '_Recv' && node.device.startsWith('GPU') && !isFeed(node))
      .map(({ name }) => name),
  );
  return unique(
    nodes.flatMap(({ op, inputs }) => inputs.flatMap((input, place) => (copied.has(input) ? [`${op} ${place}`] : []))),
  );
}

/** Names of what was copied to the host and is no feed that is read there, each once. */
export function crossingsDown(nodes: TracedNode[]): string[] {
  const arrives = ({ op, device }: TracedNode) => op === (device.startsWith('CPU') ? '_Recv' : '_HostRecv');
  return unique(nodes.filter((node) => arrives(node) && !isFeed(node)).map(({ name }) => sender(name)));
}

/** TensorFlow calls what hands a value over as the node that made it, with a number. */
const sender = (name: string) => name.replace(/\/_\d+$/, '');
const isFeed = ({ name }: TracedNode) => name.startsWith('_arg_');

function unique(values: string[]): string[] {
  return [...new Set(values)].sort();
}
