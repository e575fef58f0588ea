package dev.stowage.node;

import dev.stowage.linux.Fd;
import dev.stowage.linux.LoopDevice;
import dev.stowage.linux.LoopDevices;
import dev.stowage.linux.MountPoint;
import dev.stowage.linux.MountTable;
import dev.stowage.linux.Mounts;
import dev.stowage.linux.OpenFlags;
import dev.stowage.node.device.Connectors;
import dev.stowage.node.device.LoopConnector;
import dev.stowage.node.device.LoopName;
import dev.stowage.node.limit.Limiting;
import dev.stowage.node.limit.PodsGroup;
import dev.stowage.spi.Attachment;
import dev.stowage.spi.FormatLedger;
import dev.stowage.spi.ImageFiles;
import dev.stowage.volume.AccessMode;
import dev.stowage.volume.AccessType;
import dev.stowage.volume.Capability;
import dev.stowage.volume.Content;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.FormatState;
import dev.stowage.volume.LimitKey;
import dev.stowage.volume.LimitSettings;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.PoolId;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.Volume;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/// One volume with a real image file, a ledger in memory, and a node of its own: no loop device of
/// another test has its names.
public final class TestVolume implements ImageFiles, FormatLedger, AutoCloseable {
    public static final long MIB = 1 << 20;

    final Path folder;
    final PoolId pool;
    final FreshTargets fresh = new FreshTargets();
    public final NodeId node = NodeId.of("test-" + UUID.randomUUID());
    public final List<FormatState> recorded = new ArrayList<>();
    public boolean provable = true;
    public FormatState state = new FormatState.Blank();
    public Volume volume;

    private TestVolume(Path folder, PoolId pool, Volume volume) {
        this.folder = folder;
        this.pool = pool;
        this.volume = volume;
    }

    public static long size(FileSystemType fileSystem) {
        // what btrfs can be grown from and to
        var least = fileSystem == FileSystemType.BTRFS ? 256 * MIB : 64 * MIB;
        return Math.max(least, fileSystem.minimumBytes());
    }

    /// A thick volume of the least comfortable size.
    public static TestVolume of(Path folder, FileSystemType fileSystem, String... mkfsOptions)
            throws IOException {
        return make(folder, Optional.of(fileSystem), size(fileSystem), 512, mkfsOptions);
    }

    public static TestVolume block(Path folder) throws IOException {
        return make(folder, Optional.empty(), 8 * MIB, 512);
    }

    public static TestVolume make(
            Path folder,
            Optional<FileSystemType> fileSystem,
            long bytes,
            int blockSize,
            String... mkfsOptions)
            throws IOException {
        var pool = new PoolId("test", UUID.randomUUID());
        var id = VolumeId.of(pool, "volume");
        var volume =
                new Volume(
                        id,
                        "volume",
                        bytes,
                        bytes,
                        fileSystem,
                        List.of(mkfsOptions),
                        Provisioning.THICK,
                        blockSize,
                        Instant.EPOCH,
                        new Content.Blank(),
                        LimitSettings.NONE);
        var test =
                new TestVolume(Files.createTempDirectory(folder.toRealPath(), "v"), pool, volume);
        var flags = OpenFlags.O_RDWR | OpenFlags.O_CREAT | OpenFlags.O_EXCL;
        try (var image = Fd.open(test.image(), flags, 0600)) {
            image.allocate(bytes);
            image.fsync();
        }
        return test;
    }

    public VolumeId id() {
        return volume.id();
    }

    public Path image() {
        return folder.resolve("image");
    }

    public Path stagingPath() {
        return folder.resolve("staging");
    }

    public Path target(String name) {
        return folder.resolve(name);
    }

    @Override
    public Path image(VolumeId id) {
        return image();
    }

    @Override
    public void requireNotCopied(VolumeId asked) {}

    @Override
    public boolean blankProvable() {
        return provable;
    }

    @Override
    public FormatState formatState(VolumeId id) {
        return state;
    }

    @Override
    public void recordFormat(VolumeId id, FormatState state) {
        this.state = state;
        recorded.add(state);
    }

    public Connectors connectors() {
        return new Connectors(new LoopConnector(node, _ -> this));
    }

    /// A new one each time, as after a restart of the driver.
    public Staging staging() {
        return new Staging(node, connectors(), _ -> this, limiting());
    }

    /// Where no group of pods is, as on a machine without Kubernetes.
    public Limiting limiting() {
        return new Limiting(connectors(), new PodsGroup(Optional.of(Path.of("/nowhere"))));
    }

    public void limit(Map<LimitKey, Long> limits) {
        volume = volume.withLimits(volume.limits().withMutable(limits));
    }

    Publishing publishing() {
        return new Publishing(node, connectors(), fresh);
    }

    public AccessType mounted(String... flags) {
        return new AccessType.Mount(volume.fileSystem(), List.of(flags));
    }

    public StageRequest stageRequest(AccessType type, AccessMode mode, boolean readOnly) {
        return new StageRequest(
                volume,
                new Attachment.LoopFile(id(), readOnly),
                stagingPath(),
                new Capability(mode, type));
    }

    public void stage(AccessType type) throws IOException {
        staging().stage(stageRequest(type, AccessMode.SINGLE_NODE_MULTI_WRITER, false));
    }

    public void stage() throws IOException {
        stage(volume.fileSystem().isPresent() ? mounted() : new AccessType.Block());
    }

    public void stageReadOnly() throws IOException {
        var type = volume.fileSystem().isPresent() ? mounted() : new AccessType.Block();
        staging().stage(stageRequest(type, AccessMode.SINGLE_NODE_READER_ONLY, false));
    }

    public void unstage() throws IOException {
        staging().unstage(id().toString(), stagingPath());
    }

    PublishRequest publishRequest(
            String target, AccessMode mode, boolean readOnly, String... flags) {
        var type = volume.fileSystem().isPresent() ? mounted(flags) : new AccessType.Block();
        return new PublishRequest(
                id(),
                new Attachment.LoopFile(id(), false),
                stagingPath(),
                target(target),
                new Capability(mode, type),
                readOnly);
    }

    public void publish(String target, boolean readOnly) throws IOException {
        publishing().publish(publishRequest(target, AccessMode.SINGLE_NODE_MULTI_WRITER, readOnly));
    }

    public void unpublish(String target) throws IOException {
        publishing().unpublish(id().toString(), target(target));
    }

    /// The lines of mountinfo below this volume's folder.
    public List<MountPoint> mounts() throws IOException {
        return MountTable.read().mounts().stream()
                .filter(mount -> Path.of(mount.path()).startsWith(folder))
                .toList();
    }

    public List<LoopDevice> loops() throws IOException {
        var names = LoopName.of(node);
        return LoopDevices.all().stream().filter(loop -> names.isOurs(loop.name())).toList();
    }

    /// Attached as the driver does it, for tests that then do something to it.
    public LoopDevice attach() throws IOException {
        return LoopDevices.attach(
                image(), LoopName.of(node).of(id(), false), volume.blockSizeBytes(), false);
    }

    void grow(long bytes) throws IOException {
        try (var image = Fd.open(image(), OpenFlags.O_RDWR)) {
            image.allocate(bytes);
            image.fsync();
        }
        volume = volume.withCapacity(bytes);
    }

    /// As [#grow], without allocating anything.
    void growSparse(long bytes) throws IOException {
        try (var image = Fd.open(image(), OpenFlags.O_RDWR)) {
            image.truncate(bytes);
            image.fsync();
        }
        volume = volume.withCapacity(bytes);
    }

    public void write(long offset, byte[] bytes) throws IOException {
        try (var image = FileChannel.open(image(), StandardOpenOption.WRITE)) {
            image.write(ByteBuffer.wrap(bytes), offset);
            image.force(true);
        }
    }

    /// Of the whole image.
    public String hash() throws IOException {
        try (var image = Files.newInputStream(image())) {
            var digest = MessageDigest.getInstance("SHA-256");
            var buffer = new byte[1 << 20];
            for (var n = image.read(buffer); n >= 0; n = image.read(buffer)) {
                digest.update(buffer, 0, n);
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    public long allocatedBytes() throws IOException {
        try (var image = Fd.open(image(), OpenFlags.O_RDONLY)) {
            return image.stat().allocatedBytes();
        }
    }

    public static byte[] zeros(int length) {
        var zeros = new byte[length];
        Arrays.fill(zeros, (byte) 0);
        return zeros;
    }

    /// Takes away whatever is left; [dev.stowage.testing.NothingLeftBehind] would miss nothing.
    @Override
    public void close() throws IOException {
        for (var mount : mounts().reversed()) {
            Mounts.unmount(Path.of(mount.path()));
        }
        for (var loop : loops()) {
            LoopDevices.detach(loop);
        }
    }
}
