package dev.stowage.backend.file;

import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.FormatState;
import java.util.Optional;

/// `format`: how far the one format of a volume has come, and in a snapshot what its volume's said.
final class FormatRecord {
    private FormatRecord() {}

    static FormatState state(StoredRecord stored) {
        return switch (stored.text("state")) {
            case "blank" -> new FormatState.Blank();
            case "formatting" -> new FormatState.Formatting(fileSystem(stored));
            case "formatted" -> new FormatState.Formatted(fileSystem(stored));
            case "adopted" -> new FormatState.Adopted();
            case "copied" -> new FormatState.Copied();
            default ->
                    throw stored.damaged("state '%s' is not known".formatted(stored.text("state")));
        };
    }

    private static FileSystemType fileSystem(StoredRecord stored) {
        return VolumeRecord.fileSystem(stored, stored.text("fileSystem"));
    }

    static byte[] bytes(StoredRecord stored, FormatState state) {
        var word =
                switch (state) {
                    case FormatState.Blank() -> "blank";
                    case FormatState.Formatting(var _) -> "formatting";
                    case FormatState.Formatted(var _) -> "formatted";
                    case FormatState.Adopted() -> "adopted";
                    case FormatState.Copied() -> "copied";
                };
        Optional<FileSystemType> fileSystem =
                switch (state) {
                    case FormatState.Formatting(var type) -> Optional.of(type);
                    case FormatState.Formatted(var type) -> Optional.of(type);
                    case FormatState.Blank(), FormatState.Adopted(), FormatState.Copied() ->
                            Optional.empty();
                };
        return stored.with("state", word)
                .with("fileSystem", fileSystem.map(FileSystemType::kernelName))
                .bytes();
    }
}
