package dev.stowage;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/// Who may import whom, as docs/design.md has it under "Packages": for each room the rooms it may
/// import, and for each library the rooms that may import that. A room within another has a row of
/// its own, `node.device`, and the outer row does not speak for it. What the page says and this
/// class cannot read is an error, so that no rule is lost to a change of wording.
record ImportTable(Map<String, Set<String>> rooms, Map<String, Set<String>> libraries) {

    static final String ROOT = "root";

    private static final String HEADER = "| package | may import |";
    private static final String NOTHING = "nothing of ours";
    private static final String ALL = "all";
    private static final String ONLY_HERE = " only here";
    private static final Pattern LIST = Pattern.compile(" and |, ");
    private static final String ALSO_IN = ", in ";

    static ImportTable read(Path page) throws IOException {
        var rows = new LinkedHashMap<String, List<String>>();
        for (var line : linesOfTheTable(page)) {
            var cells = line.split("\\|");
            if (cells.length != 3) {
                throw unreadable(line);
            }
            var clauses = Arrays.stream(cells[2].split(";")).map(String::strip).toList();
            if (rows.put(cells[1].strip(), clauses) != null) {
                throw unreadable(line);
            }
        }
        var rooms = new TreeMap<String, Set<String>>();
        var libraries = new TreeMap<String, Set<String>>();
        rows.forEach(
                (room, clauses) -> {
                    rooms.put(room, imports(clauses.getFirst(), rows.keySet()));
                    clauses.stream()
                            .skip(1)
                            .forEach(clause -> reserve(clause, room, rows.keySet(), libraries));
                });
        return new ImportTable(rooms, libraries);
    }

    private static List<String> linesOfTheTable(Path page) throws IOException {
        var table =
                Files.readAllLines(page).stream()
                        .dropWhile(line -> !line.equals(HEADER))
                        .skip(2) // the header and the line of dashes
                        .takeWhile(line -> line.startsWith("|"))
                        .toList();
        if (table.isEmpty()) {
            throw new IllegalStateException(page + " has no table under the line " + HEADER);
        }
        return table;
    }

    private static Set<String> imports(String clause, Set<String> rooms) {
        if (clause.equals(NOTHING)) {
            return Set.of();
        }
        if (clause.equals(ALL)) {
            return Set.copyOf(rooms);
        }
        var named = Arrays.stream(clause.split(",")).map(String::strip).collect(Collectors.toSet());
        if (!rooms.containsAll(named)) {
            throw unreadable(clause);
        }
        return named;
    }

    /// Reads "jnr only here" or "grpc and protobuf only here, in client and serve" in the row of
    /// `room`.
    private static void reserve(
            String clause, String room, Set<String> rooms, Map<String, Set<String>> libraries) {
        var here = clause.indexOf(ONLY_HERE);
        if (here < 0) {
            throw unreadable(clause);
        }
        var users = new TreeSet<>(Set.of(room));
        var others = clause.substring(here + ONLY_HERE.length());
        if (others.startsWith(ALSO_IN)) {
            users.addAll(List.of(LIST.split(others.substring(ALSO_IN.length()))));
        } else if (!others.isEmpty()) {
            throw unreadable(clause);
        }
        if (!rooms.containsAll(users)) {
            throw unreadable(clause);
        }
        for (var library : LIST.split(clause.substring(0, here))) {
            if (libraries.put(library, users) != null) {
                throw unreadable(clause);
            }
        }
    }

    /// The room that a package lies in: the innermost one with a row.
    String roomOf(String packageBelowTheRoot) {
        var room = packageBelowTheRoot;
        while (!rooms.containsKey(room) && room.contains(".")) {
            room = room.substring(0, room.lastIndexOf('.'));
        }
        return room.isEmpty() ? ROOT : room;
    }

    private static IllegalStateException unreadable(String text) {
        return new IllegalStateException(
                "The table of imports in docs/design.md says what this test cannot read: " + text);
    }
}
