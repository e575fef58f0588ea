package dev.stowage.config;

import java.util.Collection;
import java.util.Comparator;

/// The known word that a mistyped one was most likely meant to be.
final class Nearest {
    private Nearest() {}

    /// `: did you mean 'x'?`
    static String hint(String word, Collection<String> known) {
        return known.stream()
                .min(
                        Comparator.comparingInt((String each) -> distance(word, each))
                                .thenComparing(each -> each))
                .map(": did you mean '%s'?"::formatted)
                .orElse("");
    }

    /// Levenshtein's distance: how many letters to add, drop or change, in any case of letters.
    static int distance(String a, String b) {
        var from = a.toLowerCase(java.util.Locale.ROOT);
        var to = b.toLowerCase(java.util.Locale.ROOT);
        var row = new int[to.length() + 1];
        for (var j = 0; j <= to.length(); j++) {
            row[j] = j;
        }
        for (var i = 1; i <= from.length(); i++) {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= to.length(); j++) {
                var change = diagonal + (from.charAt(i - 1) == to.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(change, Math.min(row[j], row[j - 1]) + 1);
            }
        }
        return row[to.length()];
    }
}
