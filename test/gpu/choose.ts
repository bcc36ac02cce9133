/** Prints what type of products is chosen for a large model on the device that TensorFlow finds. */
import { loadTensorFlow } from '../../src/trainer/engine/tensorflow.ts';
import { choosePrecision } from '../../src/trainer/process/choose-precision.ts';

console.log(JSON.stringify(await choosePrecision({ ...(await loadTensorFlow()), large: true })));
