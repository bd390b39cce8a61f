// What the logging libraries of Node print: pino, pino-pretty, winston, bunyan.
function inner() {
  return null.x;
}

function failure() {
  try {
    inner();
  } catch (error) {
    return new Error('outer failed', { cause: error });
  }
}

const cases = {
  pino: () => {
    const log = require('pino')({ name: 'shop' });
    log.info('up');
    log.error(failure(), 'request failed');
  },
  'pino-pretty': () => {
    const log = require('pino')({ name: 'shop' }, require('pino-pretty')({ colorize: false, sync: true }));
    log.info('up');
    log.error(failure(), 'request failed');
  },
  'winston-json': () => {
    const winston = require('winston');
    const { combine, errors, timestamp, json } = winston.format;
    const log = winston.createLogger({ format: combine(errors({ stack: true }), timestamp(), json()), transports: [new winston.transports.Console()] });
    log.info('up');
    log.error(failure());
  },
  'winston-text': () => {
    const winston = require('winston');
    const { combine, errors, timestamp, printf } = winston.format;
    const line = printf((info) => `${info.timestamp} ${info.level}: ${info.stack || info.message}`);
    const log = winston.createLogger({ format: combine(errors({ stack: true }), timestamp(), line), transports: [new winston.transports.Console()] });
    log.info('up');
    log.error(failure());
  },
  bunyan: () => {
    const log = require('bunyan').createLogger({ name: 'shop', serializers: require('bunyan').stdSerializers });
    log.info('up');
    log.error({ err: failure() }, 'request failed');
  },
};

cases[process.argv[2]]();
