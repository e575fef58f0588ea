package dev.stowage.config;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.reader.StreamReader;

/// The configuration file as bytes, text and YAML: exactly one document.
final class ConfigText {
    /// What a ConfigMap holds at most.
    private static final int MAX_BYTES = 1 << 20;

    private static final String BYTE_ORDER_MARK = "\uFEFF";

    /// Line breaks for YAML, which most editors show as no break: they would end a comment or
    /// become a space in a value.
    private static final String LINE_BREAKS = "\u0085\u2028\u2029";

    private ConfigText() {}

    /// @throws ConfigException with file, line and remedy
    static ConfigValue read(Path file) {
        var text = text(file, bytes(file));
        try {
            var documents =
                    new Yaml(new LoaderOptions())
                            .composeAll(new java.io.StringReader(text))
                            .iterator();
            if (!documents.hasNext()) {
                throw new ConfigException(
                        "%s is empty: write  attach: false  and  pools: {ssd: {type: file, path: /srv/ssd}}"
                                .formatted(file));
            }
            var whole = new ConfigValue(file, "", documents.next());
            if (documents.hasNext()) {
                throw new ConfigValue(file, "", documents.next())
                        .refused(
                                "a second document begins with ---: only one is read, so write all into it");
            }
            return whole;
        } catch (MarkedYAMLException e) {
            var line = e.getProblemMark() == null ? 1 : e.getProblemMark().getLine() + 1;
            throw new ConfigException("%s, line %d: %s".formatted(file, line, e.getProblem()));
        } catch (YAMLException e) {
            throw new ConfigException("%s: %s".formatted(file, e.getMessage()));
        }
    }

    private static byte[] bytes(Path file) {
        if (file.toString().isEmpty()) {
            throw new ConfigException(
                    "can't read the configuration: --config is empty: name the file, as in --config /etc/stowage/stowage.yaml");
        }
        try (var stream = Files.newInputStream(file)) {
            var bytes = stream.readNBytes(MAX_BYTES + 1);
            if (bytes.length > MAX_BYTES) {
                throw new ConfigException(
                        "%s has more than %d bytes: it is no configuration"
                                .formatted(file, MAX_BYTES));
            }
            return bytes;
        } catch (NoSuchFileException e) {
            throw new ConfigException(
                    "can't read the configuration %s: there is no such file".formatted(file));
        } catch (IOException e) {
            throw new ConfigException(
                    "can't read the configuration %s: %s".formatted(file, e.getMessage()));
        }
    }

    private static String text(Path file, byte[] bytes) {
        var input = ByteBuffer.wrap(bytes);
        var decoder =
                StandardCharsets.UTF_8
                        .newDecoder()
                        .onMalformedInput(CodingErrorAction.REPORT)
                        .onUnmappableCharacter(CodingErrorAction.REPORT);
        String text;
        try {
            text = decoder.decode(input).toString();
        } catch (CharacterCodingException e) {
            // What was read stands before the position.
            var line = lines(new String(bytes, 0, input.position(), StandardCharsets.ISO_8859_1));
            throw new ConfigException(
                    "%s, line %d: the file is not UTF-8: save it as UTF-8".formatted(file, line));
        }
        if (text.startsWith(BYTE_ORDER_MARK)) {
            text = text.substring(1);
        }
        requirePrintable(file, text);
        return text;
    }

    private static void requirePrintable(Path file, String text) {
        for (var i = 0; i < text.length(); i += Character.charCount(text.codePointAt(i))) {
            var c = text.codePointAt(i);
            if (!StreamReader.isPrintable(c) || LINE_BREAKS.indexOf(c) >= 0) {
                throw new ConfigException(
                        "%s, line %d: the character U+%04X may not be in it: leave it out"
                                .formatted(file, lines(text.substring(0, i)), c));
            }
        }
    }

    private static long lines(String before) {
        return before.chars().filter(c -> c == '\n').count() + 1;
    }
}
