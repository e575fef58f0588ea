package dev.stowage.backend.file;

import static dev.stowage.linux.OpenFlags.O_NOFOLLOW;
import static dev.stowage.linux.OpenFlags.O_NONBLOCK;
import static dev.stowage.linux.OpenFlags.O_RDONLY;
import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Fd;
import dev.stowage.linux.Linux;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// One JSON record with a version and the features it needs. What this version does not know, a
/// rewrite keeps.
final class StoredRecord {
    static final int VERSION = 1;

    /// No record of ours comes near it.
    private static final int MAX_BYTES = 64 << 10;

    /// One read is enough for nearly all.
    private static final int CHUNK_BYTES = 4096;

    private static final JsonMapper JSON =
            JsonMapper.builder()
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                    .build();

    private final Path file;
    private final ObjectNode fields;

    private StoredRecord(Path file, ObjectNode fields) {
        this.file = file;
        this.fields = fields;
    }

    /// A new record, to be written to `file`.
    static StoredRecord blank(Path file) {
        var fields = JSON.createObjectNode();
        fields.put("version", VERSION);
        fields.putArray("compatible");
        fields.putArray("incompatible");
        return new StoredRecord(file, fields);
    }

    /// @throws java.nio.file.NoSuchFileException if it is not there
    /// @throws VolumeException DAMAGED if it is no record; FAILED_PRECONDITION if it needs a later
    ///     version of the driver
    static StoredRecord read(Path file) throws IOException {
        return readIfThere(file).orElseThrow(() -> new NoSuchFileException(file.toString()));
    }

    /// As [#read], but empty if it is not there.
    static Optional<StoredRecord> readIfThere(Path file) throws IOException {
        var bytes = content(file);
        if (bytes.isEmpty()) {
            return Optional.empty();
        }
        if (bytes.get().length > MAX_BYTES) {
            throw damaged(file, "it is larger than %d bytes".formatted(MAX_BYTES));
        }
        var record = new StoredRecord(file, parse(file, bytes.get()));
        record.requireUnderstood();
        return Optional.of(record);
    }

    /// The record of what lies in `folder`; empty if there is no such folder.
    ///
    /// @throws VolumeException as [#read], and DAMAGED if only the record is missing
    static Optional<StoredRecord> readIn(Path folder, Path file) throws IOException {
        var found = readIfThere(file);
        if (found.isPresent() || Linux.lstatIfExists(folder).isEmpty()) {
            return found;
        }
        // The folder came between the two looks, or its record is really missing.
        found = readIfThere(file);
        if (found.isEmpty() && Linux.lstatIfExists(folder).isPresent()) {
            throw damaged(file, "it is missing");
        }
        return found;
    }

    /// At most a chunk more than a record may have; empty if it is not there.
    private static Optional<byte[]> content(Path file) throws IOException {
        try (var fd = Fd.openIfExists(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).orElse(null)) {
            return fd == null ? Optional.empty() : Optional.of(content(fd));
        } catch (ErrnoException e) {
            if (e.is(Errno.ENOTDIR, Errno.EISDIR, Errno.ELOOP, Errno.ESPIPE, Errno.ENXIO)) {
                throw damaged(file, String.valueOf(e.getMessage()));
            }
            throw e;
        }
    }

    /// Of a regular file, a read that answers less than was asked for has come to the end.
    private static byte[] content(Fd fd) throws IOException {
        var content = new ByteArrayOutputStream();
        var chunk = ByteBuffer.allocate(CHUNK_BYTES);
        do {
            var _ = fd.read(chunk.clear(), content.size());
            content.write(chunk.array(), 0, chunk.position());
        } while (!chunk.hasRemaining() && content.size() <= MAX_BYTES);
        return content.toByteArray();
    }

    private static ObjectNode parse(Path file, byte[] bytes) {
        JsonNode tree;
        try {
            tree = JSON.readTree(bytes);
        } catch (JsonProcessingException e) {
            throw damaged(file, e.getOriginalMessage());
        } catch (IOException e) { // bytes that are no text, such as zeros
            throw damaged(file, String.valueOf(e.getMessage()));
        }
        if (tree instanceof ObjectNode object) {
            return object;
        }
        throw damaged(file, bytes.length == 0 ? "it is empty" : "it is not a JSON object");
    }

    private void requireUnderstood() {
        var version = number("version");
        if (version < 1) {
            throw damaged("its version is " + version);
        }
        if (version > VERSION) {
            throw tooNew("is of version %d and this driver reads up to %d", version, VERSION);
        }
        texts("compatible");
        var needed = texts("incompatible");
        if (!needed.isEmpty()) {
            throw tooNew("needs the features %s, which this driver lacks", needed);
        }
    }

    Optional<String> optionalText(String field) {
        var value = fields.get(field);
        if (value == null) {
            return Optional.empty();
        }
        if (!value.isTextual()) {
            throw damaged("its field '%s' is not a text".formatted(field));
        }
        return Optional.of(value.textValue());
    }

    String text(String field) {
        return optionalText(field)
                .orElseThrow(() -> damaged("it has no field '%s'".formatted(field)));
    }

    long number(String field) {
        var value = fields.get(field);
        if (value == null || !value.isIntegralNumber() || !value.canConvertToLong()) {
            throw damaged("its field '%s' is not a whole number".formatted(field));
        }
        return value.longValue();
    }

    boolean has(String field) {
        return fields.has(field);
    }

    /// `absent` where there is no such field.
    long number(String field, long absent) {
        return has(field) ? number(field) : absent;
    }

    boolean truth(String field) {
        var value = fields.get(field);
        if (value == null || !value.isBoolean()) {
            throw damaged("its field '%s' is neither true nor false".formatted(field));
        }
        return value.booleanValue();
    }

    List<String> texts(String field) {
        var value = fields.get(field);
        if (value == null || !value.isArray()) {
            throw damaged("its field '%s' is not a list".formatted(field));
        }
        var found = new ArrayList<String>();
        for (var element : value) {
            if (!element.isTextual()) {
                throw damaged("its field '%s' holds something that is no text".formatted(field));
            }
            found.add(element.textValue());
        }
        return found;
    }

    /// The whole numbers of an object by their names; empty if there is no such field.
    Map<String, Long> numbers(String field) {
        var value = fields.get(field);
        if (value == null) {
            return Map.of();
        }
        if (!value.isObject()) {
            throw damaged("its field '%s' is not an object".formatted(field));
        }
        var found = new LinkedHashMap<String, Long>();
        for (var entry : value.properties()) {
            if (!entry.getValue().isIntegralNumber() || !entry.getValue().canConvertToLong()) {
                throw damaged(
                        "its field '%s' holds '%s', which is not a whole number"
                                .formatted(field, entry.getKey()));
            }
            found.put(entry.getKey(), entry.getValue().longValue());
        }
        return found;
    }

    StoredRecord with(String field, String value) {
        fields.put(field, value);
        return this;
    }

    StoredRecord with(String field, Optional<String> value) {
        value.ifPresentOrElse(text -> fields.put(field, text), () -> fields.remove(field));
        return this;
    }

    StoredRecord with(String field, long value) {
        fields.put(field, value);
        return this;
    }

    StoredRecord with(String field, boolean value) {
        fields.put(field, value);
        return this;
    }

    StoredRecord with(String field, List<String> values) {
        var array = fields.putArray(field);
        values.forEach(array::add);
        return this;
    }

    /// No numbers: no field.
    StoredRecord with(String field, Map<String, Long> numbers) {
        fields.remove(field);
        if (!numbers.isEmpty()) {
            var object = fields.putObject(field);
            numbers.forEach((name, number) -> object.put(name, number));
        }
        return this;
    }

    byte[] bytes() {
        return (fields.toPrettyString() + "\n").getBytes(UTF_8);
    }

    VolumeException damaged(String what) {
        return damaged(file, what);
    }

    static VolumeException damaged(Path file, String what) {
        return new VolumeException(
                Reason.DAMAGED,
                "%s can't be read as a record: %s; it is kept as it is: restore it from a backup, or move its folder out of the pool"
                        .formatted(file, what));
    }

    private VolumeException tooNew(String what, Object... arguments) {
        return new VolumeException(
                Reason.FAILED_PRECONDITION,
                "%s %s: use a later version of the driver"
                        .formatted(file, what.formatted(arguments)));
    }
}
