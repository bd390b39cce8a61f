// Java's own logger and uncaught exceptions: causes, suppressed exceptions, messages of several lines.
import java.util.logging.Level;
import java.util.logging.Logger;

public class Failing {
    static class Resource implements AutoCloseable {
        public void close() {
            throw new IllegalStateException("close failed");
        }
    }

    static void inner(String value) {
        throw new IllegalArgumentException("bad: " + value + "\nsecond line");
    }

    static void middle() {
        try {
            inner("x");
        } catch (RuntimeException error) {
            throw new RuntimeException("middle failed", error);
        }
    }

    static void suppressed() {
        try (Resource resource = new Resource()) {
            middle();
        }
    }

    public static void main(String[] arguments) throws Exception {
        switch (arguments[0]) {
            case "logging":
                Logger log = Logger.getLogger("shop.Checkout");
                try {
                    suppressed();
                } catch (RuntimeException error) {
                    log.log(Level.SEVERE, "request failed", error);
                }
                log.info("done");
                break;
            case "thread":
                Thread worker = new Thread(Failing::middle, "worker-1");
                worker.start();
                worker.join();
                break;
            default:
                suppressed();
        }
    }
}
