// What Node prints of errors: uncaught, rejected, on the console, with causes, members and properties.
function inner() {
  return null.x;
}

function outer() {
  try {
    inner();
  } catch (error) {
    throw new Error('outer failed', { cause: error });
  }
}

class AppError extends Error {
  constructor(message) {
    super(message);
    this.name = 'AppError';
    this.status = 500;
  }
}

const cases = {
  uncaught: outer,
  rejected: () => Promise.reject(new Error('nobody listens')),
  console: () => {
    try {
      outer();
    } catch (error) {
      console.error('request failed:', error);
    }
    console.log('listening on 3000');
  },
  aggregate: () => {
    console.error(new AggregateError([new TypeError('a'), new RangeError('b', { cause: new Error('root') })], 'both failed'));
  },
  properties: () => {
    console.error(new AppError('custom'));
  },
};

cases[process.argv[2]]();
