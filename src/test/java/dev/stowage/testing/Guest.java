package dev.stowage.testing;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedSet;
import java.util.concurrent.TimeUnit;

/// A machine with a kernel of its own (qemu, without KVM), for what this machine's kernel does not
/// do. It sees the host's root file system read-only, so it runs the same Java and the same
/// classes, and has an empty disk, `/dev/vda`. It lives as long as the program that it runs.
public final class Guest {
    private static final Path BOOT = Path.of("/boot");
    private static final Path MODULES = Path.of("/lib/modules");
    private static final Path BUSYBOX = Path.of("/bin/busybox");
    private static final String QEMU = "qemu-system-x86_64";

    /// What a program prints before what it has found out.
    private static final String FACT = "FACT ";

    /// What the init of the initrd needs to reach the host's files; all else comes from there.
    private static final List<String> FIRST_MODULES = List.of("virtio_pci", "9pnet_virtio", "9p");

    private static final String DISK_BYTES = "2G";

    private final Path folder;
    private final Path kernel;
    private final Path modules;

    private Guest(Path folder, Path kernel, Path modules) {
        this.folder = folder;
        this.kernel = kernel;
        this.modules = modules;
    }

    /// What must be installed for this to work; empty if it would.
    public static Optional<String> missing() {
        if (!Files.isExecutable(BUSYBOX) || !onPath(QEMU) || kernels().isEmpty()) {
            return Optional.of(
                    "a guest needs qemu-system-x86, busybox-static and linux-image-amd64: install them");
        }
        return Optional.empty();
    }

    private static boolean onPath(String program) {
        return Arrays.stream(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator))
                .anyMatch(directory -> Files.isExecutable(Path.of(directory, program)));
    }

    /// Kernels that are installed with modules which can reach the host's files, the newest last.
    private static List<String> kernels() {
        var names = Optional.ofNullable(BOOT.toFile().list()).orElse(new String[0]);
        return Arrays.stream(names)
                .filter(name -> name.startsWith("vmlinuz-"))
                .map(name -> name.substring("vmlinuz-".length()))
                .filter(version -> Files.exists(MODULES.resolve(version + "/kernel/fs/9p/9p.ko")))
                .sorted(Comparator.naturalOrder())
                .toList();
    }

    /// Runs the class's `main` in a guest and returns what it told with [#tell], by name.
    ///
    /// @param folder an empty folder
    public static Map<String, String> run(Class<?> main, Path folder, Duration limit)
            throws Exception {
        var version = kernels().getLast();
        var guest = new Guest(folder, BOOT.resolve("vmlinuz-" + version), MODULES.resolve(version));
        return guest.run(main, limit);
    }

    /// For the program in the guest: a fact for the test outside.
    @SuppressWarnings("SystemOut") // the guest's console is how it speaks
    public static void tell(String name, Object fact) {
        System.out.println(FACT + name + "=" + fact);
    }

    private Map<String, String> run(Class<?> main, Duration limit) throws Exception {
        var console = folder.resolve("console");
        makeInitrd(runScript(main));
        execute("truncate", "-s", DISK_BYTES, folder.resolve("disk").toString());
        var machine =
                new ProcessBuilder(command(console))
                        .redirectInput(new File("/dev/null"))
                        .redirectErrorStream(true)
                        .redirectOutput(folder.resolve("qemu").toFile())
                        .start();
        try {
            if (!machine.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
                throw new AssertionError(
                        "the guest did not end within %s:%n%s".formatted(limit, text(console)));
            }
        } finally {
            machine.destroyForcibly().waitFor();
        }
        return facts(console);
    }

    private static Map<String, String> facts(Path console) throws IOException {
        var facts = new LinkedHashMap<String, String>();
        text(console)
                .lines()
                .filter(line -> line.startsWith(FACT))
                .map(line -> line.substring(FACT.length()).split("=", 2))
                .forEach(fact -> facts.put(fact[0], fact[1].strip()));
        if (!"0".equals(facts.remove("exit"))) {
            throw new AssertionError(
                    "the program in the guest failed:%n%s%n%s"
                            .formatted(text(console), text(console.resolveSibling("qemu"))));
        }
        return facts;
    }

    private static String text(Path console) throws IOException {
        return Files.readString(console, java.nio.charset.StandardCharsets.ISO_8859_1);
    }

    private List<String> command(Path console) {
        return List.of(
                QEMU,
                "-accel",
                "tcg,thread=multi",
                "-cpu",
                "max",
                "-smp",
                "2",
                "-m",
                "1024",
                "-nodefaults",
                "-no-user-config",
                "-no-reboot",
                "-display",
                "none",
                "-kernel",
                kernel.toString(),
                "-initrd",
                folder.resolve("initrd").toString(),
                "-append",
                "console=ttyS0 quiet mitigations=off panic=-1",
                "-serial",
                "file:" + console,
                "-device",
                "virtio-rng-pci",
                "-fsdev",
                "local,id=host,path=/,security_model=none,readonly=on,multidevs=remap",
                "-device",
                "virtio-9p-pci,fsdev=host,mount_tag=host",
                "-drive",
                "file=%s,format=raw,if=virtio,cache=unsafe".formatted(folder.resolve("disk")));
    }

    /// The first program on the guest's own root: mounts what a system has, runs Java, powers off.
    private Path runScript(Class<?> main) throws IOException {
        var java = Path.of(System.getProperty("java.home"), "bin", "java");
        return Files.writeString(
                folder.resolve("run.sh"),
                """
                exec </dev/console >/dev/console 2>&1
                export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/run/tmp LC_ALL=C.UTF-8
                mount -t proc proc /proc
                mount -t sysfs sys /sys
                mount -t tmpfs run /run
                mkdir /run/tmp
                mount -t cgroup2 cgroup2 /sys/fs/cgroup
                modprobe -a virtio_blk ext4 loop
                mkfs.ext4 -q /dev/vda && mount /dev/vda /mnt
                ip link set lo up
                cd %s
                %s -XX:TieredStopAtLevel=1 -XX:+UseSerialGC --enable-native-access=ALL-UNNAMED \\
                    --sun-misc-unsafe-memory-access=allow -Djava.io.tmpdir=/run/tmp -cp '%s' %s
                echo "FACT exit=$?"
                sync
                echo o > /proc/sysrq-trigger
                sleep 60
                """
                        .formatted(
                                Path.of("").toAbsolutePath(),
                                java,
                                System.getProperty("java.class.path"),
                                main.getName()));
    }

    private void makeInitrd(Path script) throws Exception {
        var root = Files.createDirectory(folder.resolve("root"));
        for (var name : List.of("bin", "mod", "host", "proc", "dev")) {
            Files.createDirectory(root.resolve(name));
        }
        Files.copy(BUSYBOX, root.resolve("bin/busybox"));
        var load = new StringBuilder();
        for (var module : inOrder()) {
            Files.copy(modules.resolve(module), root.resolve("mod").resolve(fileName(module)));
            load.append("$B insmod /mod/%s\n".formatted(fileName(module)));
        }
        Files.writeString(
                root.resolve("init"),
                """
                #!/bin/busybox sh
                B=/bin/busybox
                $B mount -t proc proc /proc
                $B mount -t devtmpfs dev /dev
                %s
                $B mount -t 9p -o ro,trans=virtio,version=9p2000.L,cache=loose,msize=262144 host /host ||
                    $B poweroff -f
                $B mount --move /dev /host/dev
                $B umount /proc
                exec $B switch_root /host /bin/sh %s
                """
                        .formatted(load, script));
        Files.setPosixFilePermissions(
                root.resolve("init"), PosixFilePermissions.fromString("rwxr-xr-x"));
        execute(
                "sh",
                "-c",
                "cd '%s' && find . | %s cpio -o -H newc > ../initrd".formatted(root, BUSYBOX));
    }

    /// The files of the first modules and of all that they need, each after what it needs.
    private SequencedSet<String> inOrder() throws IOException {
        var needs = new LinkedHashMap<String, List<String>>();
        for (var line : Files.readAllLines(modules.resolve("modules.dep"))) {
            var colon = line.indexOf(':');
            var needed = new ArrayList<>(List.of(line.substring(colon + 1).strip().split(" ")));
            needed.removeIf(String::isEmpty);
            needs.put(line.substring(0, colon), needed.reversed());
        }
        var files = new LinkedHashSet<String>();
        for (var module : FIRST_MODULES) {
            var file =
                    needs.keySet().stream()
                            .filter(name -> fileName(name).equals(module + ".ko"))
                            .findFirst();
            if (file.isPresent()) { // else it is built in
                files.addAll(needs.getOrDefault(file.get(), List.of()));
                files.add(file.get());
            }
        }
        return files;
    }

    private static String fileName(String path) {
        return path.substring(path.lastIndexOf('/') + 1);
    }

    private static void execute(String... command) throws Exception {
        var process = new ProcessBuilder(command).inheritIO().start();
        if (process.waitFor() != 0) {
            throw new IOException("%s failed".formatted(String.join(" ", command)));
        }
    }
}
