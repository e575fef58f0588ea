package dev.stowage.config;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.Set;
import java.util.regex.Pattern;
import org.yaml.snakeyaml.DumperOptions.ScalarStyle;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;
import org.yaml.snakeyaml.nodes.Tag;

/// A value as it is written in the configuration file. Nothing is taken for what it is not: no text
/// for a number, no `yes` for true, no missing value for a default.
///
/// @param name its key with those above it, `pools.ssd.path`; empty for the whole file
record ConfigValue(Path file, String name, Node node) {
    private static final Pattern WHOLE = Pattern.compile("0|[1-9][0-9]{0,17}");
    private static final Pattern DECIMAL = Pattern.compile("(0|[1-9][0-9]{0,17})(\\.[0-9]{1,18})?");

    /// The values below it by their keys, in their order.
    ///
    /// @param known the keys that may be there; empty if they are names
    Map<String, ConfigValue> entries(Set<String> known) {
        if (!(node instanceof MappingNode mapping)) {
            throw refused("%s is %s: write keys with values", subject(), kind());
        }
        if (!node.getTag().equals(Tag.MAP)) {
            throw refused("%s is %s: leave out the tag", subject(), kind());
        }
        var entries = new LinkedHashMap<String, ConfigValue>();
        for (var entry : mapping.getValue()) {
            var key = new ConfigValue(file, name, entry.getKeyNode()).key(known);
            var before =
                    entries.put(
                            key,
                            new ConfigValue(
                                    file,
                                    name.isEmpty() ? key : name + "." + key,
                                    entry.getValueNode()));
            if (before != null) {
                throw at(entry.getKeyNode())
                        .refused(
                                "Duplicate key '%s', which line %d has too: keep one of them",
                                key, before.line());
            }
        }
        return entries;
    }

    private String key(Set<String> known) {
        if (node.getTag().equals(Tag.MERGE)) {
            throw refused("'<<' is not read: write the keys out");
        }
        if (!(node instanceof ScalarNode scalar)) {
            throw refused("a key below %s is %s: write a name", subject(), kind());
        }
        var key = scalar.getValue();
        if (!known.isEmpty() && !known.contains(key)) {
            throw refused("unknown key '%s'%s", key, Nearest.hint(key, known));
        }
        if (!node.getTag().equals(Tag.STR)) {
            throw refused("the key '%s' is %s: write it in quotes", key, kind());
        }
        return key;
    }

    private ConfigValue at(Node other) {
        return new ConfigValue(file, name, other);
    }

    String text() {
        if (!node.getTag().equals(Tag.STR)) {
            throw refused(
                    isScalar() && !isNothing()
                            ? "%s is %s: write it in quotes if you mean the text"
                            : "%s is %s: write a text",
                    name,
                    kind());
        }
        var text = ((ScalarNode) node).getValue();
        if (text.chars().anyMatch(Character::isISOControl)) {
            throw refused("%s has control characters: leave them out", name);
        }
        if (isFolded()) {
            throw refused("%s goes over several lines: write it on one line", name);
        }
        return text;
    }

    boolean truth() {
        if (isPlain(Tag.BOOL)) {
            var text = ((ScalarNode) node).getValue().toLowerCase(Locale.ROOT);
            if (text.equals("true") || text.equals("false")) {
                return text.equals("true");
            }
        }
        throw refused("%s is %s: write true or false, without quotes", name, kind());
    }

    /// Empty where it is no whole number in plain digits.
    OptionalLong wholeNumber() {
        return isPlain(Tag.INT) && WHOLE.matcher(scalar()).matches()
                ? OptionalLong.of(Long.parseLong(scalar()))
                : OptionalLong.empty();
    }

    /// Empty where it is no number in plain digits.
    OptionalDouble decimal() {
        return (isPlain(Tag.INT) || isPlain(Tag.FLOAT)) && DECIMAL.matcher(scalar()).matches()
                ? OptionalDouble.of(Double.parseDouble(scalar()))
                : OptionalDouble.empty();
    }

    Path path() {
        var text = text();
        try {
            return AbsolutePath.parse(name, text);
        } catch (ConfigException e) {
            throw refused("%s", String.valueOf(e.getMessage()));
        }
    }

    boolean isNothing() {
        return node.getTag().equals(Tag.NULL);
    }

    private boolean isScalar() {
        return node instanceof ScalarNode;
    }

    /// YAML makes spaces of the line breaks in such a value.
    private boolean isFolded() {
        return node instanceof ScalarNode scalar
                && scalar.getScalarStyle() != ScalarStyle.LITERAL
                && node.getStartMark().getLine() != node.getEndMark().getLine();
    }

    private boolean isPlain(Tag tag) {
        return node instanceof ScalarNode scalar
                && scalar.getScalarStyle() == ScalarStyle.PLAIN
                && scalar.getTag().equals(tag);
    }

    private String scalar() {
        return ((ScalarNode) node).getValue();
    }

    /// What it is, in words for a message.
    String kind() {
        return switch (node) {
            case MappingNode _ when !node.getTag().equals(Tag.MAP) ->
                    "a map of the type %s".formatted(node.getTag().getValue());
            case MappingNode _ -> "a map";
            case SequenceNode _ -> "a list";
            case ScalarNode _ when isNothing() -> "without a value";
            case ScalarNode _ when node.getTag().equals(Tag.STR) ->
                    "the text '%s'".formatted(scalar());
            case ScalarNode _ when node.getTag().equals(Tag.BOOL) ->
                    "the truth value %s".formatted(scalar());
            case ScalarNode _
                    when node.getTag().equals(Tag.INT) || node.getTag().equals(Tag.FLOAT) ->
                    "the number %s".formatted(scalar());
            case ScalarNode _ -> "%s of the type %s".formatted(scalar(), node.getTag().getValue());
            default -> "something else";
        };
    }

    private String subject() {
        return name.isEmpty() ? "the configuration" : name;
    }

    private int line() {
        return node.getStartMark().getLine() + 1;
    }

    ConfigException refused(String message, Object... arguments) {
        return new ConfigException(
                "%s, line %d: %s".formatted(file, line(), message.formatted(arguments)));
    }
}
