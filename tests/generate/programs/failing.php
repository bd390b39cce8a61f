<?php
// What PHP prints: an uncaught exception with its cause, an error of the engine, warnings, an exception as text.
class AppError extends RuntimeException
{
}

function inner($value)
{
    throw new InvalidArgumentException("bad $value");
}

function outer()
{
    try {
        inner('x');
    } catch (InvalidArgumentException $error) {
        throw new AppError('outer failed', 7, $error);
    }
}

switch ($argv[1]) {
    case 'uncaught':
        outer();
        break;
    case 'engine':
        strlen();
        break;
    case 'warning':
        echo $undefined;
        break;
    case 'text':
        try {
            outer();
        } catch (AppError $error) {
            error_log((string) $error);
        }
        error_log('next');
}
