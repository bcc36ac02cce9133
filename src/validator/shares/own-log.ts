import { type Logger, traceOf } from '../../shared/logger.ts';
import type { Validator, ValidatorEvent } from '../validator.ts';

/** The same, but each line of its log says of which competition it is, and of which epoch: several go on at a time. */
export function withOwnLog(validator: Validator): Validator {
  const { competition, logger, onEvent } = validator;
  if (!logger) return validator;
  const about: { competition: string; epoch?: number } = { competition: competition.id };
  const line =
    (level: 'debug' | 'info' | 'warn' | 'error'): Logger['info'] =>
    (message, facts) =>
      logger[level](message, { ...about, ...facts });
  const trace = traceOf(logger);
  return {
    ...validator,
    logger: {
      ...(trace && { trace: (message, facts) => trace(message, { ...about, ...facts }) }),
      ...{ debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') },
    },
    onEvent: (event: ValidatorEvent) => {
      if (event.kind === 'drawn') about.epoch = event.block;
      onEvent?.(event);
    },
  };
}
