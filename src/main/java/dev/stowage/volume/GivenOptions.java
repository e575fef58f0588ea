package dev.stowage.volume;

import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/// Options for mkfs that [MkfsOptions] has checked: each an option and its value.
record GivenOptions(List<String> words) {
    Optional<String> value(String option) {
        var place = words.indexOf(option);
        return place < 0 ? Optional.empty() : Optional.of(words.get(place + 1));
    }

    /// Of `key=value,key=value`.
    Optional<String> setting(String option, String key) {
        return settings(option)
                .filter(setting -> setting.startsWith(key + "="))
                .map(setting -> setting.substring(key.length() + 1))
                .findFirst();
    }

    /// Whether `-O` asks for the feature (true) or for none of it (false); mke2fs hears the last.
    Optional<Boolean> feature(String name) {
        return settings("-O")
                .filter(feature -> feature.equals(name) || feature.equals("^" + name))
                .map(name::equals)
                .reduce((_, last) -> last);
    }

    private Stream<String> settings(String option) {
        return value(option).stream().flatMap(list -> Stream.of(list.split(",")));
    }
}
