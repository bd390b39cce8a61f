# What Ruby prints: an uncaught exception with its cause, and the standard logger.
require 'logger'

class AppError < StandardError; end

def inner
  Integer('x')
end

def outer
  inner
rescue ArgumentError
  raise AppError, 'outer failed'
end

case ARGV[0]
when 'uncaught'
  outer
when 'logger'
  log = Logger.new($stdout)
  log.info('up')
  begin
    outer
  rescue AppError => e
    log.error(e)
    log.error("request failed: #{e.full_message(highlight: false)}")
  end
end
