package dev.stowage.serve;

import java.util.Locale;

/// Which of CSI's services a process offers. Identity is always there.
public enum Role {
    CONTROLLER,
    NODE,
    ALL;

    boolean servesController() {
        return this != NODE;
    }

    boolean servesNode() {
        return this != CONTROLLER;
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
