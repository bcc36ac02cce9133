import { type Logger, traceOf } from '../../shared/logger.ts';
import type { Validator, ValidatorEvent } from '../validator.ts';

/**
 * The same, but each line of its log has of which competition it is, and of which epoch: several go on at a time. What a
 * person is to see without asking for details says it in words.
 */
export function withOwnLog(validator: Validator): Validator {
  const { competition, logger, onEvent } = validator;
  if (!logger) return validator;
  const about: { competition: string; epoch?: number } = { competition: competition.id };
  const said =
    (level: 'info' | 'warn' | 'error'): Logger['info'] =>
    (message, facts) =>
      logger[level](`competition ${competition.id}: ${message}`, { ...about, ...facts });
  const trace = traceOf(logger);
  return {
    ...validator,
    logger: {
      ...(trace && { trace: (message, facts) => trace(message, { ...about, ...facts }) }),
      debug: (message, facts) => logger.debug(message, { ...about, ...facts }),
      ...{ info: said('info'), warn: said('warn'), error: said('error') },
    },
    onEvent: (event: ValidatorEvent) => {
      if (event.kind === 'drawn') about.epoch = event.block;
      onEvent?.(event);
    },
  };
}
