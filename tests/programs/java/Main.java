import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.StandardWatchEventKinds;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;

public class Main {
    public static void main(String[] arguments) throws Exception {
        System.out.println("threads: " + threads());
        if (arguments.length > 0) {
            return;
        }
        System.out.println("parallel files: " + parallelFiles());
        System.out.println("collected: " + collected());
        channels();
        children();
        watch();
        System.out.println("home: " + Files.isDirectory(Path.of(System.getProperty("java.home"), "lib")));
        System.out.println("here: " + Path.of("").toAbsolutePath().equals(Path.of(".").toRealPath()));
        try {
            Files.readString(Path.of("/no/such/file"));
        } catch (NoSuchFileException error) {
            System.out.println("missing: " + error.getMessage());
        }
    }

    private static long threads() throws Exception {
        var counter = new AtomicLong();
        var threads = new ArrayList<Thread>();
        for (int i = 0; i < 64; i++) {
            var thread = new Thread(() -> IntStream.range(0, 100).forEach(n -> counter.addAndGet(n)));
            thread.start();
            threads.add(thread);
        }
        for (var thread : threads) {
            thread.join();
        }
        return counter.get();
    }

    private static long parallelFiles() throws Exception {
        var pool = Executors.newFixedThreadPool(16);
        var tasks = new ArrayList<Callable<Long>>();
        for (int task = 0; task < 16; task++) {
            var directory = Files.createDirectories(Path.of("files", String.valueOf(task), "deep"));
            tasks.add(() -> {
                long size = 0;
                for (int i = 0; i < 50; i++) {
                    var file = Files.writeString(directory.resolve(i + ".txt"), "x".repeat(i));
                    size += Files.size(Files.move(file, directory.resolve(i + ".done")));
                }
                try (var listing = Files.list(directory)) {
                    return size + listing.count();
                }
            });
        }
        long total = 0;
        for (Future<Long> result : pool.invokeAll(tasks)) {
            total += result.get();
        }
        pool.shutdown();
        try (var tree = Files.walk(Path.of("files"))) {
            return total + tree.filter(Files::isRegularFile).count();
        }
    }

    private static boolean collected() {
        long checksum = 0;
        List<byte[]> kept = new ArrayList<>();
        for (int i = 0; i < 20_000; i++) {
            var block = new byte[32 * 1024];
            block[i % block.length] = 1;
            if (i % 2_000 == 0) {
                kept.add(block);
            }
            checksum += block[i % block.length];
        }
        return checksum == 20_000 && kept.size() == 10;
    }

    private static void channels() throws IOException {
        var path = Path.of("mapped");
        try (var channel = FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
             var lock = channel.lock()) {
            var map = channel.map(FileChannel.MapMode.READ_WRITE, 0, 1 << 20);
            map.putLong(4096, 42);
            map.force();
            System.out.println("locked: " + lock.isValid());
        }
        try (var file = new RandomAccessFile(path.toFile(), "r")) {
            file.seek(4096);
            System.out.println("mapped: " + file.readLong() + " in " + file.length());
        }
        try (var from = FileChannel.open(path); var to = FileChannel.open(Path.of("copied"), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            System.out.println("transferred: " + from.transferTo(0, from.size(), to));
        }
        Files.createSymbolicLink(Path.of("link"), path);
        System.out.println("link: " + Files.readSymbolicLink(Path.of("link")) + ", " + Path.of("link").toRealPath().getFileName());
    }

    private static void children() throws Exception {
        var child = new ProcessBuilder("sh", "-c", "read line; echo \"$line in $PWD\"; exit 6").directory(Path.of("/usr/lib").toFile()).start();
        try (var input = child.getOutputStream()) {
            input.write("written".getBytes());
        }
        System.out.print("child: " + new String(child.getInputStream().readAllBytes()));
        System.out.println("status: " + child.waitFor());
        try {
            new ProcessBuilder("no-such-program").start();
        } catch (IOException error) {
            System.out.println("no program: " + error.getMessage().contains("No such file or directory"));
        }
        var sleeper = new ProcessBuilder("sleep", "60").start();
        sleeper.destroy();
        System.out.println("destroyed: " + sleeper.waitFor());
    }

    private static void watch() throws Exception {
        var directory = Files.createDirectory(Path.of("watched"));
        try (var watcher = FileSystems.getDefault().newWatchService()) {
            directory.register(watcher, StandardWatchEventKinds.ENTRY_CREATE);
            Files.createFile(directory.resolve("new"));
            var key = watcher.poll(30, TimeUnit.SECONDS);
            System.out.println("watched: " + key.pollEvents().get(0).context());
        }
    }
}
